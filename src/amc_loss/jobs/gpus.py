"""A GPU for each of the jobs that run at once on one machine."""

import getpass
import os
import re
import subprocess
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from itertools import count
from pathlib import Path

import torch
from filelock import FileLock, Timeout

DEVICES = Path("/dev")
# A claim holds while its lock does: until the process ends, however it ends.
_claims: list[FileLock] = []


def pick_device(gpu: int, gres: str = "") -> torch.device:
    """A GPU if the job was given one and there is one, else the CPU.

    Of several GPUs it is one that fewest jobs use, and torch sees no other: to be called once, before torch
    has looked at the GPUs.

    Args:
        gpu: How many GPUs the job was given.
        gres: The generic resources that it was given, on a cluster that knows GPUs by these alone.

    Raises:
        RuntimeError: If there is a GPU with a driver, and torch cannot use it.
    """
    if not gpu and "gpu" not in gres:
        return torch.device("cpu")
    gpus = visible()
    if gpus:
        os.environ["CUDA_VISIBLE_DEVICES"] = claim(
            gpus, Path(tempfile.gettempdir(), f"amc-loss-{getpass.getuser()}")
        )
    if torch.cuda.is_available():
        return torch.device("cuda")
    if gpus and (driver := _nvidia_smi("--query-gpu=driver_version", "--format=csv,noheader").split()):
        # Weeks on the CPU would be the alternative.
        built = f"for CUDA {torch.version.cuda}" if torch.version.cuda else "for CPUs alone"
        raise RuntimeError(
            f"this machine has a GPU, with driver {driver[0]}, that torch {torch.__version__}, built "
            f"{built}, cannot use: update the driver, or install a torch that is built for it "
            "(https://pytorch.org/get-started), or train on the CPU with --set-resources train:gpu=0 "
            "evaluate:gpu=0"
        )
    return torch.device("cpu")


def visible() -> list[str]:
    """The GPUs that this process may use: those of CUDA_VISIBLE_DEVICES, else all of the machine.

    Of a GPU that is divided into instances (MIG) these. Where there is no nvidia-smi, as in some containers,
    they are counted.
    """
    if (listed := os.environ.get("CUDA_VISIBLE_DEVICES")) is not None:
        return [gpu for gpu in listed.split(",") if gpu]
    # A block of lines for each GPU: one for itself, and below it one for each of its instances.
    blocks = re.split(r"^(?=GPU )", _nvidia_smi("-L"), flags=re.MULTILINE)
    uuids = [re.findall(r"UUID: ([^)\s]+)", block) for block in blocks]
    found = [uuid for own, *instances in filter(None, uuids) for uuid in instances or [own]]
    return found or [str(number) for number in range(len(list(DEVICES.glob("nvidia[0-9]*"))))]


def _nvidia_smi(*arguments: str) -> str:
    """What nvidia-smi prints; nothing where it is missing or finds no driver."""
    try:
        done = subprocess.run(["nvidia-smi", *arguments], capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return ""
    return done.stdout


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
