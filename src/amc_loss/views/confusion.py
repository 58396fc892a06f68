"""Confusion matrices, and what losses change in them."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LogNorm, Normalize
from matplotlib.figure import Figure
from numpy.typing import NDArray

from amc_loss.views.style import PAGE, SMALL, LossStyle, breadth, grid, numbered, short_name, shown, styled
from amc_loss.views.style import width as figure_width

FEW = 12  # classes whose numbers have room in the cells
SHORT = 16  # characters of a name that stands at its row and column
SHARE_COLOURS, CHANGE_COLOURS = "Blues", "RdBu_r"


@styled
def confusion_matrices(
    counts: Mapping[str, NDArray[np.int64]], class_names: Sequence[str], losses: LossStyle
) -> Figure:
    """For each loss how many per cent of each true class were predicted as which class.

    Then, for each other loss, by how many percentage points this differs from the baseline. The scale of the
    shares is logarithmic, so that rare confusions are seen.

    Args:
        counts: For each loss images by true (row) and predicted (column) class, shape (classes, classes).
            Without the baseline there are no differences.
        class_names: A name for each class.
        losses: How they are shown.
    """
    shares = {loss: 100 * of / np.maximum(of.sum(1, keepdims=True), 1) for loss, of in counts.items()}
    baseline = losses.losses.baseline
    others = [loss for loss in shares if loss != baseline] if baseline in shares else []
    changes = {loss: shares[loss] - shares[baseline] for loss in others}
    few = len(class_names) <= FEW
    names = [shown(name) for name in class_names]
    longest = max(map(breadth, names))
    # Else numbers stand at the columns; what stands there is turned if it is not narrow.
    stand = few and longest <= SHORT
    turned = stand and longest > 2 if few else True
    room = 0.06 * longest if turned else 0
    figure, axes, absolute, relative = _panels(len(shares), bool(changes), few, room)
    where: Any = {"location": "right" if few or not changes else "bottom", "aspect": 25}
    norm = LogNorm(0.1, 100)
    for axis, (loss, share) in zip(absolute.flat, shares.items(), strict=False):
        picture = axis.imshow(np.maximum(share, 1e-9), cmap=SHARE_COLOURS, norm=norm)
        axis.set_title(losses.title(loss))
        if few:
            _write(axis, share, _per_cent, norm(np.maximum(share, 1e-9)) > 0.6)
    bar = figure.colorbar(picture, ax=absolute, ticks=[0.1, 1, 10, 100], format="%g", extend="min", **where)
    bar.set_label("share of the true class (%)")
    if changes:
        limit = max(np.abs(change).max() for change in changes.values()) or 1
        # Of few classes they stand in turn, of many each beside its loss.
        places = relative.flat if few else relative[[list(shares).index(loss) for loss in changes], 0]
        for axis, (loss, change) in zip(places, changes.items(), strict=False):
            picture = axis.imshow(change, cmap=CHANGE_COLOURS, norm=Normalize(-limit, limit))
            axis.set_title(f"{losses.title(loss)}\nminus {losses.name(baseline)}")
            if few:
                _write(axis, change, _more, np.abs(change) > 0.6 * limit)
        bar = figure.colorbar(picture, ax=relative, **where)
        bar.set_label("difference (percentage points)")
    numbers = range(len(names))
    down = names if stand else list(map(numbered, numbers, names))
    across = names if stand else list(map(short_name, numbers, names))
    _label([absolute, relative] if few else [axes], down, across, turned)
    figure.supxlabel("predicted class", fontsize=8)
    figure.supylabel("true class", fontsize=8)
    return figure


def _panels(
    losses: int, changes: bool, few: bool, room: float
) -> tuple[Figure, NDArray[Any], NDArray[Any], NDArray[Any]]:
    """The figure, its axes, and of these those for the losses and for what they change, in rows and columns.

    Few classes have what the losses change under the losses, with room for names in inches; of many it
    stands beside them.
    """
    columns = grid(losses)[1] if few else 2 if changes else min(losses, 2)
    rows = losses if changes and not few else -(-losses // columns)
    if few:
        # Square panels as wide as the page has room for, with a title over each.
        row = 2.3 if columns == 1 else 0.5 + (PAGE - 1.2) / columns
        size = (figure_width(losses), (1 + changes) * (rows * row + room))
    else:
        size = (PAGE, max(2, rows) * 2.65 + 0.5 * changes)
    figure = Figure(figsize=size, layout="compressed")
    down = rows * (1 + (changes and few))
    axes = figure.subplots(down, columns, sharex=True, sharey=True, squeeze=False)
    if changes and not few:
        return figure, axes, axes[:, :1], axes[:, 1:]
    return figure, axes, axes[:rows], axes[rows:]


def _label(blocks: Sequence[NDArray[Any]], down: Sequence[str], across: Sequence[str], turned: bool) -> None:
    """Name the classes left of each row and under each block's columns; what has no matrix is not drawn."""
    for axis in [axis for axes in blocks for axis in axes.flat]:
        axis.tick_params(length=0)
        axis.tick_params("x", rotation=90 if turned else 0)
        axis.set_axis_on() if axis.images else axis.set_axis_off()
    if len(down) <= 25:
        blocks[0].flat[0].set_xticks(range(len(across)), across)
        blocks[0].flat[0].set_yticks(range(len(down)), down)
    for axes in blocks:
        for column in axes.T:
            if drawn := [axis for axis in column if axis.images]:
                drawn[-1].tick_params(labelbottom=True)


def _write(
    axis: Axes, values: NDArray[np.float64], text: Callable[[float], str], light: NDArray[np.bool]
) -> None:
    """Write numbers into the cells, light ones on dark colours."""
    for (row, column), value in np.ndenumerate(values):
        colour = "white" if light[row, column] else "black"
        axis.text(column, row, text(value), ha="center", va="center", fontsize=SMALL, color=colour)


def _per_cent(value: float) -> str:
    """Whole per cents, below one a decimal without its zero, nothing below 0.05."""
    if value < 0.05:
        return ""
    return f"{value:.0f}" if value >= 0.95 else f"{value:.1f}".removeprefix("0")


def _more(value: float) -> str:
    """Whole percentage points with their sign, a half rounded away from 0, nothing below."""
    points = int(abs(value) + 0.5)
    return f"{'−' if value < 0 else '+'}{points}" if points else ""
