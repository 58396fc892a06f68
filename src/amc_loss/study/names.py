"""Names of datasets as the paper writes them, the losses that are compared, and a file that a run keeps."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

DATASETS = {
    "mnist": "MNIST",
    "cifar10": "CIFAR-10",
    "svhn": "SVHN",
    "cifar100_coarse": "CIFAR-100 (20 superclasses)",
    "digits": "Digits",
}


@dataclass(frozen=True)
class Losses:
    """The losses that a study compares.

    Attributes:
        titles: What tables and figures call each loss, in the order of rows and panels.
        proposed: The loss whose difference to the others is tested.
        reference: The loss that it is tested against in Table 1.
        baseline: The loss without any of this, which Figures 1 and 7 show.
    """

    titles: dict[str, str]
    proposed: str
    reference: str
    baseline: str


def own_losses(settings: Mapping[str, Any]) -> bool:
    """Whether all losses of a run's settings are this package's, and none of a library or of a file."""
    entries = filter(None, (settings["auxiliary_loss"], settings["classification_loss"]))
    return not any("library" in entry or "file" in entry for entry in entries)


# Columns of the table that compares protocols, besides a column for each.
PROTOCOL_COLUMNS = ("setting", "meaning", "source")

# Columns of ``metrics.csv`` that are no settings of a loss.
METRICS_COLUMNS = (
    *("run", "dataset", "network", "loss", "seed"),
    *("accuracy", "homogeneity", "completeness", "v_measure", "seconds_per_epoch"),
)

# The second name of a run's model, by which it outlives Snakemake's deletion of what is to be made again.
KEPT_MODEL = ".model.pt"
