"""A GPU for each of the jobs that run at once on one machine."""

import getpass
import os
import subprocess
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from itertools import count
from pathlib import Path

import torch
from filelock import FileLock, Timeout

# A claim holds while its lock does: until the process ends, however it ends.
_claims: list[FileLock] = []


def pick_device(gpu: int, gres: str = "") -> torch.device:
    """A GPU if the job was given one and there is one, else the CPU.

    Of several GPUs it is one that fewest jobs use, and torch sees no other: to be called once, before torch
    has looked at the GPUs.

    Args:
        gpu: How many GPUs the job was given.
        gres: The generic resources that it was given, on a cluster that knows GPUs by these alone.
    """
    if not gpu and "gpu" not in gres:
        return torch.device("cpu")
    if gpus := visible():
        os.environ["CUDA_VISIBLE_DEVICES"] = claim(
            gpus, Path(tempfile.gettempdir(), f"amc-loss-{getpass.getuser()}")
        )
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def visible() -> list[str]:
    """The GPUs that this process may use: those of CUDA_VISIBLE_DEVICES, else all of the machine."""
    if (listed := os.environ.get("CUDA_VISIBLE_DEVICES")) is not None:
        return [gpu for gpu in listed.split(",") if gpu]
    command = ["nvidia-smi", "--query-gpu=uuid", "--format=csv,noheader"]
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()
    except (OSError, subprocess.CalledProcessError):
        return []


def claim(gpus: Sequence[str], folder: Path) -> str:
    """Take the GPU that fewest jobs have taken, until the process ends.

    A GPU has numbered places, each a lock. A job takes the first free place of the lowest number, so that of
    N jobs at once on G GPUs at most ⌈N/G⌉ share one.

    Args:
        gpus: At least one GPU.
        folder: Where the locks of all jobs lie.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for place in count():
        for gpu in gpus:
            lock = FileLock(folder / f"{gpu.replace('/', '-')}-{place}.lock", blocking=False)
            with suppress(Timeout):
                lock.acquire()
                _claims.append(lock)
                return gpu
    raise AssertionError("unreachable")
