"""``provenance.json``: what a training came from: settings, data, device, versions, commit."""

import platform
import subprocess
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch

ROOT = Path(__file__).parents[3]  # of the checkout
CPUINFO = Path("/proc/cpuinfo")  # Linux's


def provenance(settings: dict[str, Any], data_checksum: str, device: torch.device) -> dict[str, Any]:
    """Record of a training.

    Args:
        settings: Resolved settings of the run, seed included.
        data_checksum: SHA-256 of the dataset's file.
        device: Where the training ran.

    Returns:
        Keys settings, data_sha256, device (its name; a CPU's with the vector instructions that torch uses),
        device_type, threads, python, versions, cuda, and commit: that of the checkout which this code is in,
        ``-dirty`` if it has changes, ``unknown`` if it is in none, or unpacked inside another repository. A
        run's file has the name of its protocol as well.
    """
    gpu = torch.cuda.get_device_name(device) if device.type == "cuda" else None
    return {
        "settings": settings,
        "data_sha256": data_checksum,
        "device": gpu or _processor(),
        "device_type": device.type,
        "threads": torch.get_num_threads(),
        "python": platform.python_version(),
        "versions": {name: version(name) for name in ("torch", "numpy")},
        "cuda": torch.version.cuda if gpu else None,
        "commit": _commit(),
    }


def _processor() -> str:
    """A CPU's model and vector instructions: how sums are rounded depends on both."""
    try:
        lines = CPUINFO.read_text().splitlines()
    except OSError:
        lines = []
    models = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    instructions = [
        torch.backends.cpu.get_cpu_capability(),
        *["BF16"] * torch.cpu._is_avx512_bf16_supported(),
        *["AMX"] * torch.cpu._is_amx_tile_supported(),
    ]
    return f"{next(models, platform.machine())}, {' '.join(instructions)}"


def _commit() -> str:
    def git(*arguments: str) -> str:
        command = ["git", "-C", str(ROOT), *arguments]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()

    try:
        if Path(git("rev-parse", "--show-toplevel")).resolve() == ROOT.resolve():
            return git("describe", "--always", "--dirty", "--abbrev=40", "--exclude=*")
    except (OSError, subprocess.CalledProcessError):
        pass
    return "unknown"
