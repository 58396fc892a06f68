"""Grad-CAM maps beside their images (Figures 2 and 6)."""

import textwrap
from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from numpy.typing import NDArray

from amc_loss.views.style import (
    CAM_COLOURS,
    COLUMN,
    PAGE,
    RED,
    SMALL,
    LossStyle,
    numbered,
    short_name,
    styled,
)

COLUMN_CHARACTERS = 18  # as many as a picture of Figures 2 or 6 is wide
FOOTER_CHARACTERS = 130
SCALE = "activation (share of the map's maximum)"


@styled
def activation_map(
    image: NDArray[np.uint8],
    maps: Mapping[str, NDArray[np.float32]],
    predictions: Sequence[str],
    losses: LossStyle,
    name: str = "image",
) -> Figure:
    """Figure 2: for each loss the image, its Grad-CAM, and both overlaid.

    Args:
        image: Shape (height, width, channels), uint8.
        maps: For each loss a map in [0, 1], shape (height, width).
        predictions: A line for each loss: class that the model predicts, and confidence.
        losses: How they are shown.
        name: What the image is called.
    """
    width = COLUMN if len(maps) <= 3 else PAGE
    figure = Figure(figsize=(width, 3.51 * width / max(3, len(maps))), layout="constrained")
    axes = figure.subplots(3, len(maps), squeeze=False)
    for column, (loss, cam) in enumerate(maps.items()):
        _show(axes[0, column], image)
        _show(axes[1, column], matplotlib.colormaps[CAM_COLOURS](cam)[..., :3])
        _show(axes[2, column], overlay(image, cam))
        prediction = textwrap.fill(predictions[column], COLUMN_CHARACTERS)
        title = textwrap.fill(losses.title(loss), COLUMN_CHARACTERS)
        axes[0, column].set_title(f"{title}\n{prediction}", fontsize=SMALL)
    for row, label in enumerate((name, "Grad-CAM", "overlay")):
        axes[row, 0].set_ylabel(label, fontsize=SMALL)
    _scale(figure, ax=axes, location="bottom", shrink=0.8, aspect=25)
    return figure


@styled
def activation_blocks(
    images: NDArray[np.uint8],
    maps: Mapping[str, NDArray[np.float32]],
    probabilities: Mapping[str, NDArray[np.float32]],
    labels: NDArray[np.int64],
    class_names: Sequence[str],
    losses: LossStyle,
) -> Figure:
    """Figure 6: for each class a block; a row an image, a column a loss.

    Under each overlay stands the model's confidence in percent, and before it in red the number of the class
    that it predicts where this is another.

    Args:
        images: Shape (n, height, width, channels), uint8.
        maps: For each loss maps in [0, 1], shape (n, height, width).
        probabilities: For each loss shape (n, classes).
        labels: Class of each image, shape (n,).
        class_names: A name for each label.
        losses: How they are shown.
    """
    shown = np.unique(labels)
    # Twenty pictures side by side, the image and a map for each loss.
    columns = min(20 // (1 + len(maps)) if len(maps) > 3 else 5, len(shown))
    rows = -(-len(shown) // columns)
    per_class = int(np.bincount(labels).max())
    headings = [textwrap.wrap(numbered(label, class_names[label]), COLUMN_CHARACTERS) for label in shown]
    # Sizes in inches: square pictures, a confidence under each, a heading over each block.
    gap, between, line = 0.03, 0.16, 0.13
    key = "numbers: confidence in %"
    if any((probabilities[loss].argmax(1) != labels).any() for loss in maps):
        key += "; red: another class, its number before"
    entries = [losses.title(loss).replace(" ", "\N{NO-BREAK SPACE}") for loss in maps]
    footer = textwrap.wrap("     ".join([*entries, key]), FOOTER_CHARACTERS)
    bottom = 0.62 + line * len(footer)
    heading = 0.2 + line * max(map(len, headings))
    side = (PAGE - 0.04 - (columns - 1) * between) / columns / (1 + len(maps)) - gap
    step = side + line
    block = heading + per_class * step
    height = rows * block + bottom
    figure = Figure(figsize=(PAGE, height))
    for number, (label, lines) in enumerate(zip(shown, headings, strict=True)):
        left = 0.04 + (number % columns) * ((1 + len(maps)) * (side + gap) + between)
        top = height - (number // columns) * block
        figure.text(
            left / PAGE, (top - 0.07) / height, "\n".join(lines), fontsize=SMALL, weight="bold", va="top"
        )
        for row, image in enumerate(np.flatnonzero(labels == label)):
            y = top - heading - row * step - side
            for column in range(1 + len(maps)):
                x = left + column * (side + gap)
                axis = figure.add_axes((x / PAGE, y / height, side / PAGE, side / height))
                if row == 0:
                    title = losses.title(list(maps)[column - 1]).split()[0] if column else "image"
                    axis.set_title(title, fontsize=SMALL, pad=2)
                if column == 0:
                    _show(axis, images[image])
                    continue
                loss = list(maps)[column - 1]
                _show(axis, overlay(images[image], maps[loss][image]))
                axis.set_xlabel(
                    labelpad=1.5,
                    fontsize=SMALL,
                    **_confidence(probabilities[loss][image], label, class_names),
                )
    figure.text(0.5, 0.52 / height, "\n".join(footer), fontsize=SMALL, ha="center", va="bottom")
    _scale(figure, cax=figure.add_axes((0.3, 0.4 / height, 0.4, 0.07 / height)), orientation="horizontal")
    return figure


def _confidence(probabilities: NDArray[np.float32], label: int, class_names: Sequence[str]) -> dict[str, Any]:
    predicted = int(probabilities.argmax())
    confidence = f"{100 * probabilities[predicted]:.0f}"
    if predicted == label:
        return {"xlabel": confidence}
    return {"xlabel": f"{short_name(predicted, class_names[predicted])}: {confidence}", "color": RED}


def overlay(image: NDArray[np.uint8], cam: NDArray[np.float32]) -> NDArray[np.float64]:
    """An image in grey under its coloured map, RGB in [0, 1].

    Args:
        image: Shape (height, width, 1 or 3), uint8.
        cam: Shape (height, width), in [0, 1].
    """
    grey = np.repeat(image.mean(2, keepdims=True) / 255, 3, axis=2)
    return 0.5 * grey + 0.5 * matplotlib.colormaps[CAM_COLOURS](cam)[..., :3]


def _scale(figure: Figure, **where: Any) -> None:
    """The common colour scale of the maps."""
    colours = matplotlib.cm.ScalarMappable(Normalize(0, 1), CAM_COLOURS)
    bar = figure.colorbar(colours, ticks=[0, 0.5, 1], **where)
    bar.set_label(SCALE, fontsize=SMALL)


def _show(axis: Axes, image: NDArray[Any]) -> None:
    axis.imshow(image.squeeze(), cmap="gray", vmin=0, vmax=255 if image.dtype == np.uint8 else 1)
    axis.set(xticks=[], yticks=[])
