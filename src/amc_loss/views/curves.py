"""Training curves: what each epoch measured, and the schedules that it followed."""

from collections.abc import Mapping, Sequence
from math import floor
from typing import Any

import numpy as np
import pandas as pd
from matplotlib import ticker
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from amc_loss.training.schedules import rates
from amc_loss.views.markup import panel_title
from amc_loss.views.style import PAGE, LossStyle, styled

# Columns of history.csv, and what each is; terms of the loss may fall by powers of ten.
MEASURED = {
    "cross_entropy": "cross-entropy $L_C$",
    "auxiliary": "auxiliary loss, before w(t) λ",
    "accuracy": "training accuracy (%)",
}
SCHEDULES = {"learning_rate": "learning rate", "w": "w(t)", "beta1": "Adam's $β_1$"}
POINTS = 50  # of a schedule's line in an epoch


@styled
def training_curves(
    histories: Mapping[str, Sequence[pd.DataFrame]], schedules: pd.DataFrame, losses: LossStyle
) -> Figure:
    """Terms of the loss and accuracy over epochs, both also minus the baseline's, and the schedules.

    Lines are means over seeds in a band of their range; a difference is one of runs of the same seed. What is
    0 throughout, as the auxiliary term of cross-entropy, is left out.

    Args:
        histories: For each loss the ``history.csv`` of its runs, a row an epoch, one frame a seed, the same
            seeds for all.
        schedules: As `planned` gives them.
        losses: How they are shown.
    """
    figure = Figure(figsize=(PAGE, PAGE * 0.82), layout="constrained")
    axes = figure.subplots(3, 3, sharex=True)
    baseline = losses.losses.baseline
    for at, column in enumerate(MEASURED):
        values = _columns(histories, column)
        _draw(axes[0, at], values, losses)
        if column != "auxiliary":
            rest = {loss: own - values[baseline] for loss, own in values.items() if loss != baseline}
            axes[1, at].axhline(0, color=losses.colours[baseline], linewidth=0.8)
            _draw(axes[1, at], rest, losses)
    _draw(axes[1, 1], _columns(histories, "gradient_share"), losses)
    for axis, column in zip(axes[2], SCHEDULES, strict=True):
        axis.plot(schedules["epoch"], schedules[column], color="0.2", linewidth=1.3)
    minus = f"minus that under {losses.name(baseline)}"
    differences = [f"cross-entropy\n{minus}", "auxiliary share\nof the gradient", f"accuracy\n{minus}"]
    titles = [*MEASURED.values(), *differences, *SCHEDULES.values()]
    for number, (axis, title) in enumerate(zip(axes.flat, titles, strict=True)):
        axis.set_title(panel_title(number, title), parse_math=title not in differences)
    for axis in axes[0, :2]:
        _logarithmic(axis)
    for axis in axes[2]:
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


def planned(settings: dict[str, Any]) -> pd.DataFrame:
    """The schedules of a training from its start to its end, as it follows them.

    Args:
        settings: Resolved settings of the run, as `amc_loss.study.study.Study.settings` gives them.

    Returns:
        Columns epoch (the time in epochs), learning_rate, beta1, w.
    """
    by_step = settings["schedules_change"] == "step"
    times = np.arange(POINTS * settings["epochs"]) / POINTS
    return pd.DataFrame({"epoch": t, **rates(t if by_step else floor(t), settings)} for t in times)


def _columns(histories: Mapping[str, Sequence[pd.DataFrame]], column: str) -> dict[str, pd.DataFrame]:
    """A column of each loss that has it: a row an epoch, a column a run."""
    found = {
        loss: pd.concat([run.set_index("epoch")[column] for run in runs], axis=1, ignore_index=True)
        for loss, runs in histories.items()
    }
    return {
        loss: values
        for loss, values in found.items()
        if column == "accuracy" or values.fillna(0).any(axis=None)
    }


def _draw(axis: Axes, curves: Mapping[str, pd.DataFrame], losses: LossStyle) -> None:
    for loss, values in curves.items():
        epochs, colour = values.index + 1, losses.colours[loss]
        # Dashes grow with a line's width: over many epochs long ones would hide where it turns.
        width = 1.3 if len(epochs) <= 100 else 0.7
        axis.plot(
            epochs,
            values.mean(axis=1),
            color=colour,
            linestyle=losses.lines[loss],
            linewidth=width,
            label=losses.name(loss),
        )
        axis.fill_between(
            epochs, values.min(axis=1), values.max(axis=1), color=colour, alpha=0.2, linewidth=0
        )


def _logarithmic(axis: Axes) -> None:
    """Let the axis be logarithmic where values are powers of ten apart."""
    low, high = axis.dataLim.intervaly
    if high > 10 * low > 0:
        axis.set_yscale("log")
        axis.yaxis.set_major_locator(ticker.LogLocator(subs=(1, 2, 5)))
        axis.yaxis.set_major_formatter("{x:g}")
        axis.yaxis.set_minor_locator(ticker.NullLocator())
