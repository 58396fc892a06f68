"""A training from its settings to the files of its run."""

import os
import shutil
from pathlib import Path
from typing import Any

import torch
from filelock import FileLock, Timeout

from amc_loss.data.dataset import checksum, load_dataset
from amc_loss.jobs.files import write_json
from amc_loss.jobs.provenance import provenance
from amc_loss.runs.history import write_history
from amc_loss.runs.model import write_model
from amc_loss.study.names import KEPT_MODEL, own_losses
from amc_loss.training.arithmetic import autocast_dtype
from amc_loss.training.checkpoints import Checkpoint
from amc_loss.training.engines import resolve_engine
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

    A model that was trained with the same settings, data and code is taken over. It has a second, hidden name
    in the folder, since Snakemake deletes a rule's output before it runs the rule again, also when nothing
    but a time stamp changed.

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
            identity = {"settings": settings, "data": data_checksum, "code": code}
            if (kept := _finished(folder / KEPT_MODEL, identity)) is None:
                precision = str(autocast_dtype(settings["precision"], device)).removeprefix("torch.")
                engine = resolve_engine(settings["engine"], device, own_losses(settings))
                # Versions and the commit are those with which the training began.
                record = provenance(settings, data_checksum, device)
                record |= {"protocol": protocol, "precision": precision, "engine": engine}
                checkpoint = Checkpoint(
                    folder / "checkpoint.pt",
                    checkpoint_every,
                    {**identity, "device": f"{device.type}, {precision}, {engine}"},
                )
                network, history = train(dataset, settings, device, checkpoint)
                # A training that was continued has kept the number with which it began.
                record["threads"] = torch.get_num_threads()
                kept = {"identity": identity, "history": history, "provenance": record}
                write_model(network, settings, dataset, folder / KEPT_MODEL, **kept)
                checkpoint.remove()
            write_history(kept["history"], folder / "history.csv")
            write_json(kept["provenance"], folder / "provenance.json")
            _link(folder / KEPT_MODEL, folder / "model.pt")
    except Timeout:
        raise TimeoutError(
            f"another process trains in {folder}; let it end or stop it, then run again"
        ) from None


def _finished(path: Path, identity: dict[str, Any]) -> dict[str, Any] | None:
    """What `train_run` kept of a training, if it is the same one and whole."""
    if not path.exists():
        return None
    try:
        kept = torch.load(path, map_location="cpu", weights_only=True)
        same = kept["identity"] == identity
    except Exception as error:  # A damaged file raises nearly anything.
        print(f"{path} is damaged ({error}); training anew")
        return None
    if same:
        print("taken over: trained before with the same settings, data and code")
    return kept if same else None


def _link(source: Path, target: Path) -> None:
    """Give a file a second name, or where the file system has no such links a copy."""
    target.unlink(missing_ok=True)
    try:
        os.link(source, target)
    except OSError:
        shutil.copyfile(source, target)
    # Its time stamp says to Snakemake that it was made just now.
    target.touch()
