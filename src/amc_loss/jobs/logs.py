"""Where an entry script's output goes."""

import os
import sys
import time


def redirect(path: str) -> None:
    """Send all that this process prints from now on, tracebacks included, to a file.

    Works on the file descriptors, so that what libraries print without Python arrives as well.

    Args:
        path: The rule's log file.
    """
    with open(path, "w") as file:
        file.write(f"--- started {time.strftime('%Y-%m-%d %H:%M:%S')} ---\n")
        file.flush()
        for stream in (sys.stdout, sys.stderr):
            stream.flush()
            os.dup2(file.fileno(), stream.fileno())
            stream.reconfigure(line_buffering=True)  # type: ignore[union-attr]
