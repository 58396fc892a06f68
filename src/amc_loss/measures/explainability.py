"""The title's claim in numbers: how explanations differ between losses, over seeds.

Values are means over images within a run, of images that every loss of its seed classifies correctly; the run
is the unit of every test.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from math import prod
from typing import Any

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray

from amc_loss.data.dataset import Dataset
from amc_loss.measures import maps
from amc_loss.measures.gradcam import choose_images, upsample
from amc_loss.measures.interventions import FILLINGS, all_correct, deletion_steps
from amc_loss.measures.significance import p_value, paired
from amc_loss.runs.activations import Activations
from amc_loss.runs.features import Features
from amc_loss.study.names import Losses

INK = 64  # grey value above which a pixel is part of a stroke
PERMUTATIONS = 9999
OF_A_CLASS = ("gini", "lower_third")


@dataclass(frozen=True)
class ExplainedRun:
    """A run with what it is measured by.

    Attributes:
        loss: Name of its loss.
        seed: Its seed.
        features: Of the test images.
        activations: Of the test images.
    """

    loss: str
    seed: int
    features: Features
    activations: Activations


def measure_runs(
    runs: Sequence[ExplainedRun],
    dataset: Dataset,
    strokes: bool,
    baseline: str,
    shown: Mapping[str, Sequence[int] | int] | None = None,
) -> pd.DataFrame:
    """Every measure of every run of a dataset.

    Args:
        runs: All of one dataset; of each seed every loss.
        dataset: The data.
        strokes: Whether what is brighter than `INK` in an image is the object.
        baseline: The loss that images which figures show are ranked against.
        shown: For each figure the test images that it shows of this dataset, or how many of each class: the
            first that `amc_loss.measures.gradcam.choose_images` takes.

    Returns:
        Columns loss, seed, measure, class (of `OF_A_CLASS`, also for each class alone; else None), value (NaN
        where nothing could be measured), images (or mosaics' tiles) that the value is the mean of, and
        undefined: those left out since their map has nothing positive.
    """
    rows = []
    for seed in dict.fromkeys(run.seed for run in runs):
        same = [run for run in runs if run.seed == seed]
        correct = all_correct(dataset.y_test, [run.features.logits for run in same])
        labels = dataset.y_test[correct]
        found = {run.loss: _values(run, correct, dataset, strokes) for run in same}
        for loss, measures in found.items():
            of_all = [(name, None, values) for name, values in measures.items()]
            of_class = [
                (name, dataset.class_names[label], measures[name][labels == label])
                for name in OF_A_CLASS
                for label in np.unique(labels)
            ]
            for figure, images in (shown or {}).items():
                if loss != baseline and baseline in found:
                    raised = measures["gini"] - found[baseline]["gini"]
                    chosen = (
                        _first_of_each_class(dataset, same, images) if isinstance(images, int) else images
                    )
                    at = np.searchsorted(np.flatnonzero(correct), [i for i in chosen if correct[i]])
                    of_all.append((f"{figure}_percentile", None, percentiles(raised, labels, at)))
            for name, of, values in of_all + of_class:
                defined = values[~np.isnan(values)]
                row = {"loss": loss, "seed": seed, "measure": name, "class": of}
                row |= {"value": defined.mean() if len(defined) else np.nan}
                rows.append({**row, "images": len(defined), "undefined": len(values) - len(defined)})
    return pd.DataFrame(rows)


def percentiles(
    values: NDArray[np.float64], labels: NDArray[np.int64], at: NDArray[np.int64]
) -> NDArray[np.float64]:
    """Of the images of its class, how many per cent have no higher value than the image itself; NaN for NaN.

    Args:
        values: One an image, shape (n,).
        labels: Their classes, shape (n,).
        at: Which of the images, shape (m,).
    """
    found = []
    for image in at:
        of_class = values[(labels == labels[image]) & ~np.isnan(values)]
        found.append(np.nan if np.isnan(values[image]) else 100 * float((of_class <= values[image]).mean()))
    return np.array(found)


def _first_of_each_class(dataset: Dataset, same: Sequence[ExplainedRun], count: int) -> list[int]:
    predicted = {run.loss: run.features.predicted for run in same}
    labels = np.unique(dataset.y_test).tolist()
    return [image for label in labels for image in choose_images(dataset, predicted, label, count)]


def _values(
    run: ExplainedRun, correct: NDArray[np.bool_], dataset: Dataset, strokes: bool
) -> dict[str, NDArray[np.float64]]:
    """For each measure its values, one for each image, or each tile of a mosaic."""
    found, labels = run.activations, dataset.y_test[correct]
    raw, centred = (maps.rectified(found.maps[correct, form]) for form in (0, 1))
    # The released code divides the gradients by their root mean square and starts its sum at 1.
    peak = found.maps[correct, 0] / found.weight_rms[labels][:, None, None].astype(np.float64)
    released = maps.rectified(1 + peak)
    values = {
        "gini": maps.gini(raw),
        "gini_centred": maps.gini(centred),
        "gini_released": maps.gini(released),
        "half_area": maps.half_area(raw),
        "half_area_released": maps.half_area(released),
        "entropy": maps.entropy(raw),
        "spread": maps.spread(raw),
        "lower_third": maps.share_inside(raw, _lower_third(raw)),
        "pointing": maps.pointing(maps.rectified(found.mosaic_maps[:, :, 0])).ravel(),
        "pointing_centred": maps.pointing(maps.rectified(found.mosaic_maps[:, :, 1])).ravel(),
    }
    if strokes:
        values["strokes"] = _on_strokes(raw, dataset.x_test[correct])
    before = margin(run.features.logits[correct], labels).sum() / max(len(labels), 1)
    for width, changed in zip(found.borders, found.border_logits, strict=True):
        there = changed[correct].astype(np.float64)
        values[f"border{width}_accuracy"] = 100.0 * (there.argmax(1) != labels)
        values[f"border{width}_margin"] = 100 * (1 - margin(there, labels) / before)
    # Areas under the probability over the share of cells that are deleted.
    cells = prod(raw.shape[1:])
    deleted = deletion_steps(cells) / cells
    for filling, curves in zip(FILLINGS, found.deletion.astype(np.float64), strict=True):
        by_map, at_random = np.trapezoid(curves, deleted, axis=1)
        values[f"deletion_{filling}"] = at_random - by_map
    return values


def _lower_third(raw: NDArray[np.float64]) -> NDArray[np.float64]:
    """For each cell its share of the map's lowest third, shape (h, w)."""
    rows = raw.shape[1]
    share = np.clip(np.arange(1, rows + 1) - rows * 2 / 3, 0, 1)
    return np.repeat(share[:, None], raw.shape[2], axis=1)


def _on_strokes(raw: NDArray[np.float64], images: NDArray[np.uint8]) -> NDArray[np.float64]:
    size = images.shape[1:3]
    cells = torch.eye(prod(raw.shape[1:]), dtype=torch.float64).reshape(-1, *raw.shape[1:])
    drawn = [upsample(one, size, "receptive_field").numpy() for one in (torch.from_numpy(raw), cells)]
    return maps.share_of_reachable(drawn[0], images.mean(3) > INK, drawn[1])


def margin(logits: NDArray[np.floating], labels: NDArray[np.int64]) -> NDArray[np.float64]:
    """How far the logit of the true class is above the highest other, shape (n,)."""
    others = logits.astype(np.float64)
    at = np.arange(len(labels)), labels
    own = others[at]
    others[at] = -np.inf
    return own - others.max(1)


def explainability(
    values: pd.DataFrame,
    measures: Mapping[str, Mapping[str, Any]],
    losses: Losses,
    equal_variances: bool = False,
) -> pd.DataFrame:
    """Each measure under each loss, and the proposed loss against each of the others.

    Args:
        values: A row a run and measure, as `measure_runs` gives them, with a column dataset.
        measures: By name, each with its ``margin``, as in ``resources/paper/claims.yaml``; in this order.
        losses: The study's.
        equal_variances: As for `amc_loss.measures.significance.p_value`.

    Returns:
        Columns dataset, measure, loss, n (runs), mean, sd; images and undefined, on average of the runs; and
        in the rows of the other losses, of the proposed one against the row's: difference, difference_low,
        difference_high, p_paired, p_equivalent (within the margin) and detectable, see
        `amc_loss.measures.significance.paired`; p_value, of the unpaired test; r, the correlation over seeds;
        and margin. NaN where there is no value.
    """
    rows = []
    for dataset in values["dataset"].unique():
        for measure, about in measures.items():
            there = values[values["dataset"].eq(dataset) & values["measure"].eq(measure)]
            by_loss = there.pivot(index="seed", columns="loss", values="value")
            for loss in losses.titles:
                if loss not in by_loss or by_loss[loss].isna().all():
                    continue
                own, runs = by_loss[loss].dropna(), there[there["loss"].eq(loss)]
                row = {"dataset": dataset, "measure": measure, "loss": loss, "n": len(own)}
                row |= {"mean": own.mean(), "sd": own.std()}
                row |= {key: runs[key].mean() for key in ("images", "undefined")}
                if loss != losses.proposed and losses.proposed in by_loss:
                    both = by_loss[[losses.proposed, loss]].dropna()
                    proposed, other = (both[name].tolist() for name in both)
                    found = paired((both[losses.proposed] - both[loss]).tolist(), about["margin"])
                    row |= found
                    row["p_value"] = p_value(proposed, other, equal_variances)
                    row["r"] = _correlation(proposed, other)
                    row["margin"] = about["margin"]
                rows.append(row)
    columns = ["dataset", "measure", "loss", "n", "mean", "sd", "images", "undefined"]
    columns += ["difference", "difference_low", "difference_high", "p_paired", "p_value", "r"]
    return pd.DataFrame(rows, columns=[*columns, "p_equivalent", "margin", "detectable"])


def _correlation(first: Sequence[float], second: Sequence[float]) -> float:
    if len(first) < 3 or not np.ptp(first) or not np.ptp(second):
        return float("nan")
    return float(np.corrcoef(first, second)[0, 1])


def agreement(runs: Sequence[ExplainedRun], labels: NDArray[np.int64]) -> pd.DataFrame:
    """How alike the maps of every two runs are: Spearman's correlation of an image's two maps, on average.

    Args:
        runs: All of one dataset.
        labels: True labels of the test images, shape (n,).

    Returns:
        A row a pair: first_loss, first_seed, second_loss, second_seed, correlation and images. Images are
        those that every run classifies correctly; those whose map has nothing to rank in one of the two are
        left out.
    """
    correct = all_correct(labels, [run.features.logits for run in runs])
    ranks = [maps.standard_ranks(maps.rectified(run.activations.maps[correct, 0])) for run in runs]
    rows = []
    for (first, a), (second, b) in combinations(zip(runs, ranks, strict=True), 2):
        correlations = (a * b).sum(1)
        defined = correlations[~np.isnan(correlations)]
        row = {"first_loss": first.loss, "first_seed": first.seed}
        row |= {"second_loss": second.loss, "second_seed": second.seed}
        row |= {"correlation": defined.mean() if len(defined) else np.nan, "images": len(defined)}
        rows.append(row)
    columns = ["first_loss", "first_seed", "second_loss", "second_seed", "correlation", "images"]
    return pd.DataFrame(rows, columns=columns)


def losses_against_seeds(pairs: pd.DataFrame, permutations: int = PERMUTATIONS) -> dict[str, float | None]:
    """Whether maps differ by the loss at all, or by no more than seeds do.

    The test shuffles losses within each seed: were the loss of no matter, two runs of one loss would be no
    more alike than two of different losses and seeds.

    Args:
        pairs: Of one dataset, as `agreement` gives them.
        permutations: How many to draw.

    Returns:
        ``losses``, the mean correlation between two losses of one seed; ``seeds``, between two seeds of one
        loss; ``neither``, between runs that share neither; ``p``, one-sided, that ``seeds`` less ``neither``
        is as large by chance. None where there are no such pairs.
    """
    kind = _kinds(pairs)
    means = {name: pairs.loc[kind == name, "correlation"].mean() for name in ("losses", "seeds", "neither")}
    losses = pd.unique(pairs[["first_loss", "second_loss"]].to_numpy().ravel())
    seeds = pd.unique(pairs[["first_seed", "second_seed"]].to_numpy().ravel())
    known = {name: None if np.isnan(mean) else mean for name, mean in means.items()}
    if known["seeds"] is None or known["neither"] is None:
        return {**known, "p": None}
    # Correlations by (seed, loss, seed, loss).
    table = np.full((len(seeds), len(losses), len(seeds), len(losses)), np.nan)
    for row in pairs.itertuples():
        at = (list(seeds).index(row.first_seed), list(losses).index(row.first_loss))
        to = (list(seeds).index(row.second_seed), list(losses).index(row.second_loss))
        table[at + to] = table[to + at] = row.correlation
    generator = np.random.default_rng(0)
    observed = _same_minus_other(table)
    above = 0
    for _ in range(permutations):
        orders = generator.permuted(np.tile(np.arange(len(losses)), (len(seeds), 1)), axis=1)
        shuffled = np.stack([table[seed][order] for seed, order in enumerate(orders)])
        shuffled = np.stack([shuffled[:, :, seed][:, :, order] for seed, order in enumerate(orders)], axis=2)
        above += _same_minus_other(shuffled) >= observed - 1e-12
    return {**known, "p": (above + 1) / (permutations + 1)}


def _kinds(pairs: pd.DataFrame) -> NDArray[np.str_]:
    same_loss = pairs["first_loss"].eq(pairs["second_loss"])
    same_seed = pairs["first_seed"].eq(pairs["second_seed"])
    return np.where(same_seed, "losses", np.where(same_loss, "seeds", "neither"))


def _same_minus_other(table: NDArray[np.float64]) -> float:
    """Mean correlation of runs of one loss and two seeds, minus that of two losses and two seeds."""
    seeds, losses = table.shape[:2]
    across = ~np.eye(seeds, dtype=bool)[:, None, :, None]
    same = np.eye(losses, dtype=bool)[None, :, None, :]
    return float(np.nanmean(table[across & same]) - np.nanmean(table[across & ~same]))
