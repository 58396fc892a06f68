"""A training from its settings to the files of its run."""

from pathlib import Path
from typing import Any

import torch
from filelock import FileLock, Timeout

from amc_loss.data.dataset import checksum, load_dataset
from amc_loss.jobs.files import write_json
from amc_loss.jobs.provenance import provenance
from amc_loss.runs.history import write_history
from amc_loss.runs.model import write_model
from amc_loss.training.arithmetic import autocast_dtype
from amc_loss.training.checkpoints import Checkpoint
from amc_loss.training.loop import train

LOCK_TIMEOUT = 20  # seconds


def train_run(
    folder: Path,
    data: Path,
    settings: dict[str, Any],
    device: torch.device,
    *,
    protocol: str,
    code: str,
    checkpoint_every: int,
) -> None:
    """Train a run, from its checkpoint if there is one, and write model, history and provenance.

    Args:
        folder: The run's folder.
        data: File of its dataset.
        settings: Resolved settings of the run, as `amc_loss.study.study.Study.settings` gives them.
        device: Where to train.
        protocol: Name of the protocol that the settings are of, for the provenance.
        code: Digest of the code; a checkpoint of other code is not continued.
        checkpoint_every: Epochs between two checkpoints.

    Raises:
        TimeoutError: If another process trains in the folder.
        ValueError: As `amc_loss.training.loop.train`, which raises FloatingPointError, MemoryError and
            SystemExit as well.
    """
    try:
        # A process that was told to stop may still be writing its checkpoint.
        with FileLock(folder / ".lock", timeout=LOCK_TIMEOUT):
            dataset, data_checksum = load_dataset(data), checksum(data)
            # Versions and the commit are those with which the training began.
            record = provenance(settings, data_checksum, device) | {"protocol": protocol}
            identity = {
                "settings": settings,
                "data": data_checksum,
                "code": code,
                "device": f"{device.type}, {autocast_dtype(settings['precision'], device)}",
            }
            checkpoint = Checkpoint(folder / "checkpoint.pt", checkpoint_every, identity)
            network, history = train(dataset, settings, device, checkpoint)
            write_history(history, folder / "history.csv")
            write_json(record, folder / "provenance.json")
            write_model(network, settings, dataset, folder / "model.pt")
            checkpoint.remove()
    except Timeout:
        raise TimeoutError(
            f"another process trains in {folder}; let it end or stop it, then run again"
        ) from None
