"""Notes, at the end of each entry script, which interpreter ran it and where its modules came from.

A test puts this module into an environment's site-packages, with a `.pth` file that imports it.
"""

import atexit
import json
import os
import sys
from pathlib import Path


def record() -> None:
    script = Path(sys.argv[0])
    if script.parent.parent.name == ".snakemake":
        files = {name: getattr(module, "__file__", None) for name, module in sys.modules.items()}
        note = {
            "script": script.name.split(".", 1)[1],
            "prefix": sys.prefix,
            "pythonpath": os.environ.get("PYTHONPATH"),
            "modules": {name: file for name, file in files.items() if file and "." not in name},
        }
        with open(os.environ["INTERPRETER_RECORD"], "a") as file:
            file.write(json.dumps(note) + "\n")


atexit.register(record)
