"""Trainings in progress, on disk. Nothing that is read is run as code."""

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from amc_loss.jobs.files import replacing


def write_tensors(content: Any, path: str | os.PathLike[str]) -> None:
    """Write tensors and plain objects to a file, all of it or nothing, over an older one or not.

    Raises:
        OSError: If there is no space, say; an older file stays as it was.
    """
    try:
        with replacing(path) as file:
            torch.save(content, file)
    except RuntimeError as error:
        # So torch's archive writer reports a full disk.
        raise OSError(str(error)) from error


@dataclass(frozen=True)
class Checkpoint:
    """The file from which a training that was stopped continues.

    Attributes:
        path: The file.
        every: Epochs between two checkpoints.
        identity: What the training is: its settings, data and code, as plain objects. A checkpoint of
            another identity is not continued.
        report: Takes a line for the log.
    """

    path: Path
    every: int
    identity: dict[str, Any]
    report: Callable[[str], None] = print

    def load(self) -> dict[str, Any] | None:
        """The state that `save` wrote, on the CPU; None, said in the log, if there is none to continue."""
        if not self.path.exists():
            return None
        try:
            saved = torch.load(self.path, map_location="cpu", weights_only=True)
            identity, state = saved["identity"], saved["state"]
        except Exception as error:
            self.report(f"{self.path} is damaged ({error}); starting over")
            return None
        if identity != self.identity:
            other = [key for key in self.identity if identity.get(key) != self.identity[key]]
            self.report(f"{self.path} is of other {' and '.join(other)}; starting over")
            return None
        return state

    def save(self, state: dict[str, Any]) -> None:
        """Replace the checkpoint; one that cannot be written is said in the log, and the older one stays."""
        try:
            write_tensors({"identity": self.identity, "state": state}, self.path)
        except OSError as error:
            self.report(f"no checkpoint written, the previous one is kept: {error}")

    def remove(self) -> None:
        """Delete the checkpoint of a training that is complete."""
        self.path.unlink(missing_ok=True)
