"""The ledger of claims as a forest plot: every difference with its interval."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from matplotlib import patheffects
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.transforms import blended_transform_factory
from scipy import stats

from amc_loss.measures.rules import FAILS, HOLDS, MIXED, UNDECIDED, UNTESTED
from amc_loss.measures.significance import CONFIDENCE, LEVEL
from amc_loss.views.style import BLUE, ORANGE, PAGE, RED, SMALL, LossStyle, shown, styled

ROW = 0.135  # inches
REACH = 6.0  # margins that the axis shows on each side
COLOURS = {HOLDS: BLUE, FAILS: RED, UNDECIDED: ORANGE, MIXED: "0.4", UNTESTED: "0.7"}


@styled
def forest(
    table: pd.DataFrame,
    measures: Mapping[str, Mapping[str, Any]],
    titles: Mapping[str, str],
    losses: LossStyle,
) -> Figure:
    """Every difference that a claim is decided by, in margins, with its 95% interval.

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
    groups = rows.groupby(["claim", "measure"], sort=False)
    figure = Figure(figsize=(PAGE, ROW * (len(rows) + 1.25 * len(groups)) + 0.75), layout="constrained")
    axis = figure.add_subplot()
    beside: dict[str, Any] = {"transform": axis.get_yaxis_transform(), "fontsize": SMALL, "va": "center"}
    axis.axvspan(-1, 1, color="0.92", linewidth=0)
    axis.axvline(0, color="0.6", linewidth=0.8)
    y = 0.0
    for (claim, measure), parts in groups:
        first = parts.iloc[0]
        heading = f"{claim.replace('_', ' ')}: {measures[measure]['title']} of {_name(first['of'], losses)}"
        axis.text(
            0.006,
            y,
            heading + (", claimed to be the same" if first["claimed"] == "same" else ""),
            transform=blended_transform_factory(figure.transFigure, axis.transData),
            fontsize=SMALL,
            weight="bold",
            va="center",
            path_effects=[patheffects.withStroke(linewidth=2, foreground="white")],
        ).set_in_layout(False)
        y += 1
        for row in parts.itertuples():
            _interval(axis, row, y)
            axis.text(-0.03, y, _row_label(row, titles, losses), ha="right", **beside)
            axis.text(1.03, y, row.verdict, **beside)
            y += 1
        y += 0.25
    axis.set(xlim=(-REACH, REACH), ylim=(y - 0.4, -0.8), yticks=[])
    axis.set_xlabel("effect in margins, on the right as claimed\n95% interval, thick its 90%")
    for side in ("left", "right", "top"):
        axis.spines[side].set_visible(False)
    return figure


def _interval(axis: Axes, row: Any, y: float) -> None:
    """An effect as a dot on its interval; triangles for what is beyond the axis."""
    turn = -1 if row.claimed == "lower" else 1
    effect, *ends = (turn * x / row.margin for x in (row.effect, row.interval_low, row.interval_high))
    look: dict[str, Any] = {"color": COLOURS[row.verdict], "clip_on": False}
    axis.plot(np.clip(ends, -REACH, REACH), (y, y), linewidth=1, **look)
    if row.n > 1:
        # By which equivalence is decided; both are of one t-distribution.
        part = np.divide(*stats.t.ppf((1 - LEVEL, (1 + CONFIDENCE) / 2), row.n - 1))
        inner = [effect + part * (end - effect) for end in ends]
        axis.plot(np.clip(inner, -REACH, REACH), (y, y), linewidth=2.4, solid_capstyle="butt", **look)
    if isinstance(row.argument, str) or row.measure == "seconds_per_epoch":
        axis.plot(-1, y, "|", color="black", markersize=6)  # what the claim has to be beyond
    if abs(effect) <= REACH:
        axis.plot(effect, y, "o", markersize=3.5, **look)
    for x in (effect, *ends):
        if abs(x) > REACH:
            axis.plot(np.clip(x, -REACH, REACH), y, ">" if x > 0 else "<", markersize=3.5, **look)


def _row_label(row: Any, titles: Mapping[str, str], losses: LossStyle) -> str:
    note = f", {row.note}" if isinstance(row.argument, str) else ""
    dataset = shown(titles.get(row.dataset, row.dataset))
    return f"against {_name(row.against, losses)}{note}, {dataset}"


def _name(loss: str, losses: LossStyle) -> str:
    return shown(losses.losses.titles.get(loss, loss))
