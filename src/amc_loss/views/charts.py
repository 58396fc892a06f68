"""What the runs measured: accuracy over parameters (Figure 7), and explanations."""

from collections.abc import Mapping, Sequence
from itertools import islice, zip_longest
from string import ascii_lowercase
from textwrap import fill
from typing import Any

import numpy as np
import pandas as pd
from matplotlib import patheffects, ticker
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from amc_loss.measures.significance import p_value
from amc_loss.views.markup import panel_title
from amc_loss.views.style import (
    COLUMN,
    PAGE,
    SMALL,
    LossStyle,
    shown,
    styled,
)
from amc_loss.views.text import format_p_value, with_unit


@styled
def sweep(
    metrics: pd.DataFrame,
    loss: str,
    own: Mapping[str, float],
    vary: Mapping[str, Sequence[float]],
    losses: LossStyle,
    title: str,
    angular: bool = False,
    equal_variances: bool = False,
) -> Figure:
    """Figure 7: accuracy of a loss over each of its settings, with the baseline.

    Error bars are standard deviations over seeds; the number at each point is the two-sided p-value against
    the baseline of the same seeds. Axes have ticks where there are points.

    Args:
        metrics: A row a run, as `amc_loss.measures.aggregates.collect` gives them, with a column for each
            setting.
        loss: The loss.
        own: Its settings, at which the others are while one is varied.
        vary: Values of each setting, a panel each.
        losses: How they are shown.
        title: What the dataset is called.
        angular: Whether its margin is an angle, m_g.
        equal_variances: As for `amc_loss.measures.significance.p_value`.
    """
    rows = len(vary) if len(vary) <= 3 else -(-len(vary) // 2)
    columns = -(-len(vary) // rows)
    size = (COLUMN if columns == 1 else PAGE, COLUMN * 0.75 * rows + 0.1 * (rows == 1))
    figure = Figure(figsize=size, layout="constrained")
    axes = figure.subplots(rows, columns, sharey=True, squeeze=False).flat
    for axis in axes[len(vary) :]:
        axis.set_axis_off()
    baseline = metrics.loc[metrics["loss"] == losses.losses.baseline, "accuracy"]
    symbols = {"weight": "λ"} | ({"margin": "$m_g$"} if angular else {})
    for index, (axis, (setting, values)) in enumerate(zip(axes, vary.items(), strict=False)):
        others = [key for key in vary if key != setting]
        there = metrics["loss"] == loss
        for other in others:
            there &= metrics[other] == own[other]
        runs = metrics[there]
        points = runs.groupby(setting)["accuracy"].agg(["mean", "std"])
        _baseline(axis, baseline, losses)
        axis.errorbar(
            points.index,
            points["mean"],
            points["std"],
            marker="o",
            markersize=3,
            linewidth=1,
            capsize=2,
            color=losses.colours[loss],
            label=losses.name(loss),
        )
        for value, row in points.iterrows():
            accuracy = runs.loc[runs[setting] == value, "accuracy"]
            p = format_p_value(p_value(accuracy, baseline, equal_variances))
            axis.annotate(
                f"p =\n{p}".replace("=\n<", "<\n") if p else "",
                (value, row["mean"] + np.nan_to_num(row["std"])),
                (0, 3),
                textcoords="offset points",
                ha="center",
                fontsize=SMALL,
                linespacing=0.95,
                path_effects=[patheffects.withStroke(linewidth=2, foreground="white")],
            )
        fixed = ", ".join(f"{symbols.get(other, other)} = {own[other]:g}" for other in others)
        axis.set_title(panel_title(index, f"at {fixed}" if fixed else losses.name(loss)), parse_math=angular)
        unit = " in radians" if angular and setting == "margin" else ""
        axis.set_xlabel(symbols.get(setting, setting) + unit, parse_math=setting in symbols)
        axis.set_ylabel(f"accuracy on {shown(title)} (%)")
        axis.margins(x=0.1, y=0.05)
        if setting == "weight" and min(values) > 0:
            axis.set_xscale("log")
        axis.set_xticks(points.index, [f"{value:g}" for value in points.index])
        axis.xaxis.set_minor_locator(ticker.NullLocator())
    low, high = axes[0].get_ylim()
    axes[0].set_ylim(low, high + 0.22 * (high - low))  # for the p-values over the error bars
    keys, names = axes[0].get_legend_handles_labels()
    test = "Student's" if equal_variances else "Welch's"
    names.append(f"p: two-sided {test} t-test against {losses.name(losses.losses.baseline)}")
    keys.append(Line2D([], [], linestyle=""))
    figure.legend(keys, names, loc="outside upper center", ncols=1 + (columns > 1), frameon=False)
    return figure


def _baseline(axis: Axes, accuracy: pd.Series, losses: LossStyle) -> None:
    """Mean and standard deviation of the baseline as a line and a band."""
    mean, sd = accuracy.mean(), accuracy.std()
    colour = losses.colours[losses.losses.baseline]
    axis.axhline(mean, color=colour, linestyle="--", linewidth=1, label=losses.name(losses.losses.baseline))
    axis.axhspan(mean - sd, mean + sd, color=colour, alpha=0.12, linewidth=0)


@styled
def measured(
    values: Mapping[str, pd.DataFrame],
    measures: Mapping[str, Mapping[str, Any]],
    titles: Mapping[str, str],
    losses: LossStyle,
) -> Figure:
    """A panel for each measure of explanations: a dot a run, a line through the runs of one seed.

    A short line is a loss's mean; in the band round that of the proposed loss a difference does not matter.
    What is had by chance is a dotted line, or written at the edge beyond which it lies.

    Args:
        values: For each dataset a row a run and measure, as
            `amc_loss.measures.explainability.measure_runs` gives them, of all classes together.
        measures: By name, each with ``title``, ``margin``, and perhaps ``unit``, ``chance`` and ``panel``,
            which says that it is shown.
        titles: What each dataset is called.
        losses: How they are shown.
    """
    tables: dict[str, dict[str, pd.DataFrame]] = {}
    for dataset, table in values.items():
        tables[dataset] = {}
        for name, about in measures.items():
            of_measure = table[table["measure"].eq(name)]
            if about.get("panel") and of_measure["value"].notna().any():
                tables[dataset][name] = of_measure.pivot(index="seed", columns="loss", values="value")
    columns = 4
    # Each dataset begins a row.
    rows = {dataset: -(-len(panels) // columns) for dataset, panels in tables.items()}
    count = max(sum(rows.values()), 1)
    figure = Figure(figsize=(PAGE, 1.6 * count + 0.6), layout="constrained")
    axes = iter(figure.subplots(count, columns, squeeze=False).flat)
    for dataset, panels in tables.items():
        for axis, panel in zip_longest(islice(axes, columns * rows[dataset]), panels.items()):
            if panel is None:
                axis.set_axis_off()
                continue
            name, table = panel
            about = measures[name]
            _measured_panel(axis, table, about, losses)
            # Neither unit nor arrow begins a line.
            heading = with_unit(about).replace(" (", "\N{NO-BREAK SPACE}(")
            heading += "\N{NO-BREAK SPACE}" + ("↑" if about["panel"] == "higher" else "↓")
            heading = fill(heading, 24)
            axis.set_title(heading if len(values) == 1 else f"{heading}\n{shown(titles[dataset])}")
    for axis in axes:
        axis.set_axis_off()
    keys = [
        Line2D([], [], marker="o", linestyle="", color=losses.colours[loss], markersize=3)
        for loss in losses.shown
    ]
    names = [losses.title(loss) for loss in losses.shown]
    figure.legend(keys, names, loc="outside lower center", ncols=min(3, len(names)), frameon=False)
    return figure


def _measured_panel(axis: Axes, table: pd.DataFrame, about: Mapping[str, Any], losses: LossStyle) -> None:
    """Dots, lines, means, band and chance of one measure; ``table`` has a row a seed and a column a loss."""
    places = np.arange(len(losses.shown))
    if losses.losses.proposed in table:
        mean = table[losses.losses.proposed].mean()
        axis.axhspan(mean - about["margin"], mean + about["margin"], color="0.92", linewidth=0)
    points = table.reindex(columns=losses.shown)
    axis.plot(places, points.T, color="0.7", linewidth=0.7)
    for place, loss in zip(places, losses.shown, strict=True):
        look: dict[str, Any] = {"color": losses.colours[loss]}
        axis.plot(np.full(len(points), place), points[loss], "o", markersize=3, **look)
        axis.hlines(points[loss].mean(), place - 0.25, place + 0.25, linewidth=1.2, **look)
    axis.set_xticks(places, [f"({letter})" for letter in ascii_lowercase[: len(places)]])
    axis.set_xlim(-0.5, len(places) - 0.5)
    if "chance" in about:
        low, high = axis.get_ylim()
        chance, room = about["chance"], 0.25 * (high - low)
        look = {"color": "0.4", "fontsize": SMALL, "ha": "right", "transform": axis.transAxes}
        if low - room <= chance <= high + room:
            axis.axhline(chance, color="0.4", linestyle=":", linewidth=0.8)
        elif chance < low:
            axis.set_ylim(low - room, high)
            axis.text(0.98, 0.03, f"by chance {chance:g} ↓", va="bottom", **look)
        else:
            axis.set_ylim(low, high + room)
            axis.text(0.98, 0.97, f"by chance {chance:g} ↑", va="top", **look)
