"""The ledger of claims as a forest plot: every difference with its interval."""

from collections.abc import Mapping
from textwrap import fill
from typing import Any

import numpy as np
import pandas as pd
from matplotlib import patheffects
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.transforms import blended_transform_factory
from scipy import stats

from amc_loss.measures.rules import FAILS, HOLDS, UNDECIDED
from amc_loss.measures.significance import CONFIDENCE, LEVEL
from amc_loss.views.style import BLUE, ORANGE, PAGE, RED, SMALL, LossStyle, shown, styled

ROW = 0.135  # inches
REACH = 6.0  # margins that the axis shows on each side
TITLES = 84  # characters that fit beside one another above the panels
LOOKS: dict[str, dict[str, Any]] = {
    HOLDS: {"color": BLUE, "marker": "o"},
    FAILS: {"color": RED, "marker": "s"},
    UNDECIDED: {"color": ORANGE, "marker": "o", "markerfacecolor": "white"},
}


@styled
def forest(
    table: pd.DataFrame,
    measures: Mapping[str, Mapping[str, Any]],
    titles: Mapping[str, str],
    losses: LossStyle,
) -> Figure:
    """Every difference that a claim is decided by, in margins, with its 95% interval; a panel a dataset.

    Effects are turned so that what is claimed is on the right. In the band nothing matters that could be
    there. What lies beyond the axis is at its end, as a triangle that points there. A short line is where a
    claim begins to hold that does not begin at 0.

    Args:
        table: As `amc_loss.measures.claims.decide` gives it.
        measures: By name, each with its ``title``.
        titles: What each dataset is called.
        losses: How they are shown.
    """
    rows = table[table["effect"].notna() & table["margin"].gt(0)]
    rows = rows.assign(label=[_label(row, losses) for row in rows.itertuples()])
    groups = rows.groupby(["claim", "measure"], sort=False)
    lines = groups["label"].nunique().add(1.25).sum()
    datasets = rows["dataset"].unique()
    figure = Figure(figsize=(PAGE, ROW * lines + 1.2), layout="constrained")
    axes = figure.subplots(ncols=max(len(datasets), 1), sharey=True, squeeze=False)[0]
    for axis in axes:
        axis.axvspan(-1, 1, color="0.92", linewidth=0)
        axis.axvline(0, color="0.6", linewidth=0.8)
        axis.set(xlim=(-REACH, REACH), xticks=(-4, 0, 4))
        axis.spines[["left", "right", "top"]].set_visible(False)
    panels = dict(zip(datasets, axes, strict=False))
    for dataset, axis in panels.items():
        title = shown(titles.get(dataset, dataset))
        axis.set_title(fill(title, TITLES // len(panels)), fontsize=SMALL)
    y = 0.0
    for (claim, measure), parts in groups:
        first = parts.iloc[0]
        heading = f"{claim.replace('_', ' ')}: {measures[measure]['title']} of {_name(first['of'], losses)}"
        # On the last panel, which the others do not cover.
        axes[-1].text(
            0.006,
            y,
            heading + (", claimed to be the same" if first["claimed"] == "same" else ""),
            transform=blended_transform_factory(figure.transFigure, axes[-1].transData),
            fontsize=SMALL,
            weight="bold",
            va="center",
            path_effects=[patheffects.withStroke(linewidth=2, foreground="white")],
        ).set_in_layout(False)
        for label, of_label in parts.groupby("label", sort=False):
            y += 1
            axes[0].annotate(
                label,
                (0, y),
                (-4, 0),
                xycoords=axes[0].get_yaxis_transform(),
                textcoords="offset points",
                fontsize=SMALL,
                ha="right",
                va="center",
            )
            for row in of_label.itertuples():
                _interval(panels[row.dataset], row, y)
        y += 1.25
    axes[0].set(ylim=(y - 0.4, -0.8), yticks=[])
    figure.supxlabel(
        "effect in margins, on the right as claimed; 95% interval, its 90% thick", fontsize=SMALL
    )
    figure.legend(
        [Line2D([], [], linewidth=1, markersize=4, **look) for look in LOOKS.values()],
        list(LOOKS),
        loc="outside upper right",
        ncols=len(LOOKS),
    )
    return figure


def _interval(axis: Axes, row: Any, y: float) -> None:
    """An effect as a dot on its interval; triangles for what is beyond the axis."""
    turn = -1 if row.claimed == "lower" else 1
    effect, *ends = (turn * x / row.margin for x in (row.effect, row.interval_low, row.interval_high))
    point = LOOKS[row.verdict] | {"clip_on": False}
    look: dict[str, Any] = {"color": point["color"], "clip_on": False}
    axis.plot(np.clip(ends, -REACH, REACH), (y, y), linewidth=1, **look)
    if row.n > 1:
        # By which equivalence is decided; both are of one t-distribution.
        part = np.divide(*stats.t.ppf((1 - LEVEL, (1 + CONFIDENCE) / 2), row.n - 1))
        inner = [effect + part * (end - effect) for end in ends]
        axis.plot(np.clip(inner, -REACH, REACH), (y, y), linewidth=2.4, solid_capstyle="butt", **look)
    if isinstance(row.argument, str) or row.measure == "seconds_per_epoch":
        axis.plot(-1, y, "|", color="black", markersize=6)  # what the claim has to be beyond
    if abs(effect) <= REACH:
        axis.plot(effect, y, markersize=4, **point)
    for x in (effect, *ends):
        if abs(x) > REACH:
            axis.plot(np.clip(x, -REACH, REACH), y, ">" if x > 0 else "<", markersize=3.5, **look)


def _label(row: Any, losses: LossStyle) -> str:
    note = f", {row.note}" if isinstance(row.argument, str) else ""
    return f"against {_name(row.against, losses)}{note}"


def _name(loss: str, losses: LossStyle) -> str:
    return shown(losses.losses.titles.get(loss, loss))
