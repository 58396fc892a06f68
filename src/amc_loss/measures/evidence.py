"""Values of runs that claims are decided by, in one long table: a row a run and measure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from amc_loss.measures.geometry import angular_spread, classes_percentile, neighbours, radial_share
from amc_loss.runs.features import Features
from amc_loss.study.names import Losses

METRICS = ("accuracy", "homogeneity", "completeness", "seconds_per_epoch")

ROLES = ("proposed", "reference", "baseline")
# What the paper's sentences call its losses; another in its role has its title.
LOSSES = {"cross_entropy": "cross-entropy", "euclidean": "+ Euclid", "amc": "AMC-Loss"}


def margin_of(measure: Mapping[str, Any], dataset: str) -> float:
    """The smallest difference in a measure that matters on a dataset.

    Args:
        measure: Its ``margin`` and perhaps ``margins`` by dataset, as in ``resources/paper/claims.yaml``.
        dataset: The dataset.
    """
    return measure.get("margins", {}).get(dataset, measure["margin"])


@dataclass(frozen=True)
class Evidence:
    """What a study has to decide claims with.

    Attributes:
        values: A row a run and measure: runs (``table1``, ``figure1`` or ``figure4``), dataset, loss, seed,
            measure, value, and class, which is None for values of all classes. The measures ``dose`` and
            ``dose_loss`` are the auxiliary loss's share of the gradient and of the loss.
        sweep: Figure 7's runs, as `amc_loss.measures.aggregates.collect` gives them, with dose and dose_loss.
        own: λ, under ``weight``, and the other arguments that the loss of Figure 7 has elsewhere.
        vary: What Figure 7 varies.
        varied_loss: The loss of Figure 7.
        paper: Columns dataset, loss, mean, sd and p_value, as in ``resources/paper/table1.csv``.
        losses: The study's.
        measures: By name, with ``margin`` and perhaps ``margins`` by dataset.
        full_scale: Whether the study has the paper's width and length.
    """

    values: pd.DataFrame
    sweep: pd.DataFrame
    own: Mapping[str, float]
    vary: Mapping[str, Sequence[float]]
    varied_loss: str
    paper: pd.DataFrame
    losses: Losses
    measures: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    full_scale: bool = True

    def loss(self, name: str) -> str:
        """A loss by its role or its name."""
        return getattr(self.losses, name) if name in ROLES else name

    def against(self, claim: Mapping[str, Any]) -> list[str]:
        """The losses that a claim's loss is compared with: each once, and not itself."""
        named = dict.fromkeys(map(self.loss, claim["against"]))
        return [loss for loss in named if loss != self.loss(claim["of"])]

    def statement(self, claim: Mapping[str, Any]) -> str:
        """What a claim says of the study's losses, which need not be the paper's."""
        titles = self.losses.titles | LOSSES
        names = {role: titles[self.loss(role)] for role in ROLES}
        text = claim["claim"]
        if self.losses.reference == self.losses.baseline:  # of two losses
            text = text.replace("{baseline} and {reference} do", "{baseline} does")
            text = text.replace("{baseline} and {reference}", "{baseline}")
            if claim.get("of") == "reference":
                names["reference"] = LOSSES["euclidean"]
        return text.format(**names)

    def margin(self, measure: str, dataset: str) -> float:
        """The smallest difference in a measure that matters."""
        return margin_of(self.measures[measure], dataset)

    def by_seed(
        self,
        runs: str,
        dataset: str,
        loss: str,
        measure: str,
        of_class: str | None = None,
        column: str = "value",
    ) -> pd.Series:
        """Values over seeds, or another column if there is one, without those that are NaN."""
        table = self.values
        there = table["runs"].eq(runs) & table["dataset"].eq(dataset) & table["loss"].eq(loss)
        there &= table["measure"].eq(measure)
        there &= table["class"].isna() if of_class is None else table["class"].eq(of_class)
        return table[there].set_index("seed").reindex(columns=[column])[column].dropna()

    def datasets(self, claim: Mapping[str, Any]) -> list[str]:
        """Datasets that a claim is tested on: those it names, or all of the study but what it excepts."""
        runs = claim.get("runs", "table1")
        there = list(dict.fromkeys(self.values.loc[self.values["runs"].eq(runs), "dataset"]))
        there = [name for name in there if name not in claim.get("except", [])]
        named = [name for name in claim.get("datasets", there) if name in there]
        return named if named or claim.get("only") else there


def values_of(
    metrics: Mapping[str, Any],
    features: Features,
    history: Sequence[Mapping[str, float]],
    shown: Sequence[int] | None = None,
) -> pd.DataFrame:
    """What a run's metrics, test features and history say.

    Args:
        metrics: As `amc_loss.runs.metrics.read_metrics` gives them.
        features: Of the test images.
        history: As `amc_loss.runs.history.read_history` gives it.
        shown: Labels of the classes that Figure 1 shows; None for a run that is not of Figure 1.

    Returns:
        Columns dataset, loss, seed, measure and value. Measures are metrics, of the features within_angle and
        between_angle in degrees, radial_share times the features' dimension and neighbours in percent, and
        of the history dose and dose_loss: the auxiliary loss's share of the gradient and of the loss, on
        average of the epochs. NaN where a measure is not defined.
    """
    within, between = angular_spread(features.features, features.labels)
    dimension = features.features.shape[1]
    few = len(features.labels) <= 10
    values = {name: metrics[name] for name in METRICS} | {
        "within_angle": within,
        "between_angle": between,
        "radial_share": dimension * radial_share(features.features, features.labels),
        "neighbours": np.nan if few else neighbours(features.features, features.labels),
        **dose(history, metrics["weight"]),
    }
    if shown is not None:
        values["classes_percentile"] = classes_percentile(features.features, features.labels, shown)
    about = {key: metrics[key] for key in ("dataset", "loss", "seed")}
    return pd.DataFrame([{**about, "measure": name, "value": value} for name, value in values.items()])


def dose(history: Sequence[Mapping[str, float]], weight: float | None) -> dict[str, float]:
    """How strong the auxiliary loss was in a training, on average of its epochs.

    Args:
        history: As `amc_loss.runs.history.read_history` gives it.
        weight: λ; None or NaN where there is no auxiliary loss.

    Returns:
        ``dose``, its share of the gradient, and ``dose_loss``, of the loss.
    """
    return {
        "dose": float(np.mean([row["gradient_share"] for row in history])),
        "dose_loss": float(np.mean([loss_share(row, weight) for row in history])),
    }


def loss_share(row: Mapping[str, float], weight: float | None) -> float:
    """The auxiliary loss's share of the loss in an epoch, 0 where there is none.

    Args:
        row: Of a history.
        weight: λ; None or NaN where there is no auxiliary loss.
    """
    if weight is None or np.isnan(weight):
        return 0.0
    auxiliary = row["w"] * weight * row["auxiliary"]
    total = row["cross_entropy"] + auxiliary
    return auxiliary / total if total else 0.0
