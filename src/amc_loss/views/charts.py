"""What the runs measured: accuracy over parameters (Figure 7), training curves, confusion matrices."""

from collections.abc import Mapping, Sequence
from string import ascii_lowercase
from typing import Any

import matplotlib
import numpy as np
import pandas as pd
from matplotlib import patheffects, ticker
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from numpy.typing import NDArray

from amc_loss.measures.significance import p_value
from amc_loss.views.markup import panel_title
from amc_loss.views.style import (
    COLUMN,
    FORMULA,
    PAGE,
    SHARE_COLOURS,
    SMALL,
    LossStyle,
    breadth,
    grid,
    numbered,
    short_name,
    shown,
    styled,
    width,
)
from amc_loss.views.text import format_p_value, with_unit

# Columns of history.csv, and what each is; the terms of the loss may fall by powers of ten.
CURVES = {
    "cross_entropy": "cross-entropy $L_C$",
    "auxiliary": "auxiliary loss, before w(t) λ",
    "accuracy": "training accuracy (%)",
    "learning_rate": "learning rate",
    "w": "w(t)",
    "beta1": "Adam's $β_1$",
}
SHORT = 16  # characters of a name that stands upright
TERMS = ("cross_entropy", "auxiliary")


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
    the baseline of the same seeds.

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
            axis.xaxis.set_major_formatter("{x:g}")
    low, high = axes[0].get_ylim()
    axes[0].set_ylim(low, high + 0.22 * (high - low))  # for the p-values over the error bars
    figure.legend(*axes[0].get_legend_handles_labels(), loc="outside upper center", ncols=2, frameon=False)
    return figure


def _baseline(axis: Axes, accuracy: pd.Series, losses: LossStyle) -> None:
    """Mean and standard deviation of the baseline as a line and a band."""
    mean, sd = accuracy.mean(), accuracy.std()
    colour = losses.colours[losses.losses.baseline]
    axis.axhline(mean, color=colour, linestyle="--", linewidth=1, label=losses.name(losses.losses.baseline))
    axis.axhspan(mean - sd, mean + sd, color=colour, alpha=0.12, linewidth=0)


@styled
def training_curves(histories: Mapping[str, Sequence[pd.DataFrame]], losses: LossStyle) -> Figure:
    """Terms of the loss, accuracy and schedules over epochs: the mean over seeds in a band of their range.

    A term that is 0 throughout, as the auxiliary one of cross-entropy, is left out.

    Args:
        histories: For each loss the ``history.csv`` of its runs, a row an epoch, one frame a seed.
        losses: How they are shown.
    """
    figure = Figure(figsize=(PAGE, PAGE * 0.58), layout="constrained")
    axes = figure.subplots(2, 3, sharex=True)
    for index, (axis, (column, title)) in enumerate(zip(axes.flat, CURVES.items(), strict=True)):
        for loss, runs in histories.items():
            values = pd.concat([run.set_index("epoch")[column] for run in runs], axis=1)
            if column in TERMS and not values.any(axis=None):
                continue
            epochs = values.index + 1
            style: dict[str, Any] = {"color": losses.colours[loss], "linestyle": losses.lines[loss]}
            axis.plot(epochs, values.mean(axis=1), linewidth=1.3, label=losses.name(loss), **style)
            axis.fill_between(
                epochs,
                values.min(axis=1),
                values.max(axis=1),
                color=losses.colours[loss],
                alpha=0.2,
                linewidth=0,
            )
        axis.set_title(panel_title(index, title), **FORMULA)
        low, high = axis.dataLim.intervaly
        if column in TERMS and high > 10 * low > 0:
            axis.set_yscale("log")
            axis.yaxis.set_major_locator(ticker.LogLocator(subs=(1, 2, 5)))
            axis.yaxis.set_major_formatter("{x:g}")
            axis.yaxis.set_minor_locator(ticker.NullLocator())
    for axis in axes[1]:
        axis.set_xlabel("epoch")
        axis.xaxis.get_major_locator().set_params(integer=True)
    figure.legend(
        *axes[0, 0].get_legend_handles_labels(),
        loc="outside lower center",
        ncols=min(4, len(histories)),
        frameon=False,
        handlelength=3,
    )
    return figure


@styled
def measured(
    values: Mapping[str, pd.DataFrame],
    measures: Mapping[str, Mapping[str, Any]],
    titles: Mapping[str, str],
    losses: LossStyle,
) -> Figure:
    """A panel for each measure of explanations: a dot a run, a line through the runs of one seed.

    A short line is a loss's mean, in the band round that of the proposed loss a difference does not matter, a
    dotted
    line is what is had by chance.

    Args:
        values: For each dataset a row a run and measure, as
            `amc_loss.measures.explainability.measure_runs` gives them, of all classes together.
        measures: By name, each with ``title``, ``margin``, and perhaps ``unit``, ``chance`` and ``panel``,
            which says that it is shown.
        titles: What each dataset is called.
        losses: How they are shown.
    """
    tables = {}
    for dataset, table in values.items():
        for name, about in measures.items():
            of_measure = table[table["measure"].eq(name)]
            if about.get("panel") and of_measure["value"].notna().any():
                tables[dataset, name] = of_measure.pivot(index="seed", columns="loss", values="value")
    columns = 4
    rows = -(-len(tables) // columns)
    figure = Figure(figsize=(PAGE, 1.55 * rows + 0.6), layout="constrained")
    axes = figure.subplots(rows, columns, squeeze=False)
    for axis, ((dataset, name), table) in zip(axes.flat, tables.items(), strict=False):
        about, places = measures[name], np.arange(len(losses.shown))
        if losses.losses.proposed in table:
            mean = table[losses.losses.proposed].mean()
            axis.axhspan(mean - about["margin"], mean + about["margin"], color="0.92", linewidth=0)
        if "chance" in about and name != "radial_share":
            axis.axhline(about["chance"], color="0.4", linestyle=":", linewidth=0.8)
        points = table.reindex(columns=losses.shown)
        axis.plot(places, points.T, color="0.7", linewidth=0.7)
        for place, loss in zip(places, losses.shown, strict=True):
            look: dict[str, Any] = {"color": losses.colours[loss]}
            axis.plot(np.full(len(points), place), points[loss], "o", markersize=3, **look)
            axis.hlines(points[loss].mean(), place - 0.25, place + 0.25, linewidth=1.2, **look)
        heading = f"{with_unit(about)} {'↑' if about['panel'] == 'higher' else '↓'}"
        axis.set_title(heading if len(values) == 1 else f"{heading}\n{shown(titles[dataset])}")
        axis.set_xticks(places, [f"({letter})" for letter in ascii_lowercase[: len(places)]])
        axis.set_xlim(-0.5, len(places) - 0.5)
    for axis in axes.flat[len(tables) :]:
        axis.set_axis_off()
    keys = [
        Line2D([], [], marker="o", linestyle="", color=losses.colours[loss], markersize=3)
        for loss in losses.shown
    ]
    names = [losses.title(loss) for loss in losses.shown]
    figure.legend(keys, names, loc="outside lower center", ncols=min(3, len(names)), frameon=False)
    return figure


@styled
def confusion_matrices(
    counts: Mapping[str, NDArray[np.int64]], class_names: Sequence[str], losses: LossStyle
) -> Figure:
    """For each loss how many per cent of each true class were predicted as which class.

    The scale of colours is logarithmic, so that rare confusions are seen.

    Args:
        counts: For each loss images by true (row) and predicted (column) class, shape (classes, classes).
        class_names: A name for each class.
        losses: How they are shown.
    """
    few = len(class_names) <= 12
    class_names = [shown(name) for name in class_names]
    longest = max(map(breadth, class_names))
    short = few and longest <= SHORT
    columns = grid(len(counts))[1] if few else min(len(counts), 2)
    rows = -(-len(counts) // columns)
    # Square panels as wide as the page has room for, with a title over each.
    row = 2.3 if columns == 1 else 0.45 + (PAGE - 1.2) / columns
    size = (width(len(counts)), rows * (row + 0.06 * longest * short)) if few else (PAGE, max(2, rows) * 2.65)
    figure = Figure(figsize=size, layout="compressed")
    axes = figure.subplots(rows, columns, sharex=True, sharey=True, squeeze=False)
    norm = matplotlib.colors.LogNorm(0.1, 100)
    for axis, (loss, matrix) in zip(axes.flat, counts.items(), strict=False):
        share = 100 * matrix / np.maximum(matrix.sum(1, keepdims=True), 1)
        picture = axis.imshow(np.maximum(share, 1e-9), cmap=SHARE_COLOURS, norm=norm)
        axis.set_title(losses.title(loss))
        if few:
            for (row, column), value in np.ndenumerate(share):
                axis.text(
                    column,
                    row,
                    _per_cent(value),
                    ha="center",
                    va="center",
                    fontsize=SMALL,
                    color="white" if norm(value) > 0.6 else "black",
                )
        if len(class_names) <= 25:
            numbers = range(len(class_names))
            names = class_names if short else [numbered(*pair) for pair in enumerate(class_names)]
            axis.set_yticks(numbers, names)
            columns_are = class_names if short else [short_name(*pair) for pair in enumerate(class_names)]
            axis.set_xticks(numbers, columns_are, rotation=90)
        axis.tick_params(length=0)
    for axis in axes.flat[len(counts) :]:
        axis.set_axis_off()
    for axis in axes.flat[len(counts) - columns : len(counts)]:
        axis.tick_params(labelbottom=True)
    figure.supxlabel("predicted class", fontsize=8)
    figure.supylabel("true class", fontsize=8)
    bar = figure.colorbar(picture, ax=axes, shrink=0.7, aspect=30, ticks=[0.1, 1, 10, 100], extend="min")
    bar.set_label("share of the true class (%)")
    bar.ax.set_yticklabels(["0.1", "1", "10", "100"])
    return figure


def _per_cent(value: float) -> str:
    """Whole per cents, below one a decimal, nothing below 0.05."""
    if value < 0.05:
        return ""
    return f"{value:.0f}" if value >= 0.95 else f"{value:.1f}"
