"""From a trained network to the features and the metrics of its run."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import torch

from amc_loss.data.dataset import load_dataset
from amc_loss.measures.scores import measure, seconds_per_epoch
from amc_loss.runs.features import Features, write_features
from amc_loss.runs.history import read_history
from amc_loss.runs.metrics import write_metrics
from amc_loss.runs.model import read_model
from amc_loss.training.arithmetic import allow_tf32
from amc_loss.training.inference import extract


def evaluate_run(
    folder: Path,
    data: Path,
    run: dict[str, Any],
    device: torch.device,
    *,
    splits: Sequence[str] = ("test",),
    clusters: Literal["predicted_labels", "k_means"] = "predicted_labels",
) -> None:
    """Evaluate a run whose model and history are there, in float32, and write its features and metrics.

    Args:
        folder: The run's folder, named after it.
        data: File of its dataset.
        run: What the run is, as `amc_loss.study.study.Run.record`.
        device: Where to compute.
        splits: Those whose features are kept, ``test`` among them.
        clusters: As for `amc_loss.measures.scores.measure`.

    Raises:
        UnusableFileError: If the model or the history is damaged.
    """
    allow_tf32(False)
    dataset, network = load_dataset(data), read_model(folder / "model.pt", device)
    features = {}
    for split in splits:
        images, labels = getattr(dataset, f"x_{split}"), getattr(dataset, f"y_{split}")
        features[split] = Features(*extract(network, images, device), labels)
    write_features(features, folder / "features.npz")
    test = features["test"]
    scores = measure(test.labels, test.predicted, test.features, clusters)
    seconds = [row["seconds"] for row in read_history(folder / "history.csv")]
    write_metrics({"run": folder.name, **run}, scores, seconds_per_epoch(seconds), folder / "metrics.json")
