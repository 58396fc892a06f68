"""Where an entry script's output goes."""

import os
import sys
import time


def redirect(path: str) -> None:
    """Send all that this process prints from now on, tracebacks included, to the end of a file.

    Works on the file descriptors, so that what libraries print without Python arrives as well. Earlier
    attempts at the same job stay above a line with the time.

    Args:
        path: The rule's log file.
    """
    with open(path, "a") as file:
        file.write(f"--- started {time.strftime('%Y-%m-%d %H:%M:%S')} ---\n")
        file.flush()
        for stream in (sys.stdout, sys.stderr):
            stream.flush()
            os.dup2(file.fileno(), stream.fileno())
            stream.reconfigure(line_buffering=True)  # type: ignore[union-attr]
