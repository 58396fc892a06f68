"""Figure 3: the framework as a diagram, its numbers read off a network."""

from itertools import pairwise
from math import log2
from typing import Any

import matplotlib
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Arc, Circle, FancyArrowPatch, FancyBboxPatch, Polygon

from amc_loss.training.layers import LayerSummary
from amc_loss.views.style import BLUE, PAGE, RED, SMALL, Colour, pale, styled

EDGE, LINE = "0.25", 0.6
RIGHT, BOX, TALL = 93.5, 6.0, 3.0  # x of the losses, half the width and half the height of their boxes
PREDICTED, AUXILIARY, SPHERE = -14.2, -16.0, -17.8  # y of what lies below the network
SKEW = 0.22  # of a cuboid's side
HIDDEN = 0.6  # how much of it the next cuboid leaves to be seen
CHARACTER = 0.95  # width of small text
ARROW = 2.8
HALF, FEATURE, SOFTMAX = 0.8, 12.2, 7.2  # half the width of a bar, and the heights of both
RADIUS = 3.6  # of the sphere


class _Block:
    """Maps of equal height, drawn as cuboids one behind the other under a title and their shapes.

    Attributes:
        overhang: By how much the text is wider on each side.
    """

    def __init__(self, layers: list[LayerSummary], title: str) -> None:
        shapes = ["{1}×{2}×{0}".format(*layer.output_shape) for layer in layers]
        counts = {shape: shapes.count(shape) for shape in shapes}
        self.lines: list[str] = []
        for shape, count in counts.items():
            self.lines += [f"{count} convolutions", f"of {shape}"] if count > 1 else [shape]
        self.title = title
        sides = [2 + 13 * min(1.0, layer.output_shape[1] / 32) for layer in layers]
        depths = [0.5 + 0.25 * log2(layer.output_shape[0] + 1) for layer in layers]
        self.cuboids = [(side, depth, SKEW * side) for side, depth in zip(sides, depths, strict=True)]
        self.width = sum(depth + HIDDEN * skew for _, depth, skew in self.cuboids)
        self.width += (1 - HIDDEN) * self.cuboids[-1][2]
        self.overhang = max(0.0, CHARACTER * max(map(len, [title, *self.lines])) - self.width) / 2

    def draw(self, axis: Axes, x: float) -> float:
        """Draw the cuboids from x on; gives the x of their right edge."""
        middle = x + self.width / 2
        for side, depth, skew in self.cuboids:
            _cuboid(axis, x, side, depth, skew)
            x += depth + HIDDEN * skew
        axis.text(middle, 16, self.title, ha="center", fontsize=SMALL, fontweight="bold")
        axis.text(middle, 15.3, "\n".join(self.lines), ha="center", va="top", fontsize=SMALL)
        return middle + self.width / 2


@styled
def framework(layers: list[LayerSummary]) -> Figure:
    """The path from image to the two losses; blocks are as high as their maps and as deep as their channels.

    Args:
        layers: Layers of a network, as `amc_loss.training.networks.summarise` gives them.
    """
    # The axes fill the figure, so that a unit is the same length on both.
    figure = Figure(figsize=(PAGE, PAGE * 0.42))
    axis = figure.subplots()
    axis.set_position((0, 0, 1, 1))
    axis.set(xlim=(0, 102), ylim=(-24, 102 * 0.42 - 24))
    axis.set_axis_off()
    image, pool, classifier = layers[0], layers[-2], layers[-1]
    groups: dict[str, list[LayerSummary]] = {}
    for layer in layers:
        if layer.name.startswith("conv"):
            groups.setdefault(layer.name.split("_")[0], []).append(layer)
    blocks = [_Block([image], "Image")]
    blocks += [_Block(group, f"Conv. {name.removeprefix('conv')}") for name, group in groups.items()]
    x = blocks[0].draw(axis, 0.5 + blocks[0].overhang)
    for before, block in pairwise(blocks):
        x = _arrow(axis, x, max(ARROW, before.overhang + block.overhang + 1))
        x = block.draw(axis, x)
    x = _arrow(axis, x, 10, "global\naverage\npool")
    feature = _bar(axis, x, FEATURE, "Feature x", f"{pool.output_shape[0]}-d")
    x = _arrow(axis, feature + HALF, 10, "fully\nconnected")
    logits = _bar(axis, x, SOFTMAX, "Softmax", f"{classifier.output_shape[0]} classes")
    with matplotlib.rc_context({"text.parse_math": True}):
        _losses(axis, feature, logits)
    return figure


def _losses(axis: Axes, feature: float, logits: float) -> None:
    """Both losses and their sum, from the bars of the feature and the softmax."""
    left = RIGHT - BOX
    _box(axis, 0, "cross-entropy\n$L_C$", RED)
    _connect(axis, (logits + HALF, 0), (left, 0))
    _box(axis, AUXILIARY, "AMC-Loss\n$L_A(z_i, z_j, S_{ij})$", BLUE)
    middle = AUXILIARY / 2
    axis.text(
        RIGHT, middle, r"$L_C + w(t)\,\lambda\,\frac{1}{|B|}\sum L_A$", ha="center", va="center", fontsize=8
    )
    _connect(axis, (RIGHT, -TALL), (RIGHT, middle + 1.8))
    _connect(axis, (RIGHT, AUXILIARY + TALL), (RIGHT, middle - 1.8))
    corner = "angle,angleA=-90,angleB=180,rad=2"
    _connect(axis, (logits, -SOFTMAX / 2), (left, PREDICTED), corner, dashed=True)
    axis.text(
        (logits + left) / 2,
        PREDICTED + 1,
        r"$S_{ij} = 1$ if $\tilde y_i = \tilde y_j$",
        fontsize=SMALL,
        ha="center",
    )
    centre = (feature + logits) / 2
    _connect(axis, (feature, -FEATURE / 2), (centre - RADIUS, SPHERE), corner)
    axis.text(feature - 0.8, SPHERE, r"$z = x/\Vert x\Vert$", fontsize=SMALL, ha="right", va="center")
    _sphere(axis, centre)
    _connect(axis, (centre + RADIUS, SPHERE), (left, SPHERE))
    axis.text(
        (centre + RADIUS + left) / 2,
        SPHERE - 0.8,
        r"$d(z_i, z_j) = \cos^{-1}\langle z_i, z_j\rangle$",
        fontsize=SMALL,
        ha="center",
        va="top",
    )


def _sphere(axis: Axes, x: float) -> None:
    """The unit sphere with two features and the geodesic between them."""
    axis.add_patch(Circle((x, SPHERE), RADIUS, facecolor="0.95", edgecolor=EDGE, linewidth=LINE))
    axis.add_patch(Arc((x, SPHERE), 2 * RADIUS, 0.6 * RADIUS, theta1=180, color="0.6", linewidth=LINE))
    colour = BLUE
    first, second = (x - 2.2, SPHERE + 0.3), (x + 1.8, SPHERE + 1.0)
    _connect(axis, first, second, "arc3,rad=-0.35", colour=colour, head="-")
    for name, end in (("$z_i$", first), ("$z_j$", second)):
        axis.add_patch(Circle(end, 0.45, color=colour, zorder=3))
        axis.text(end[0] + 0.2, end[1] - 0.7, name, ha="center", va="top", fontsize=SMALL)


def _cuboid(axis: Axes, x: float, side: float, depth: float, skew: float) -> None:
    low, high = -side / 2, side / 2
    front = [(x, low), (x + depth, low), (x + depth, high), (x, high)]
    top = [(x, high), (x + depth, high), (x + depth + skew, high + skew), (x + skew, high + skew)]
    right = [
        (x + depth, low),
        (x + depth + skew, low + skew),
        (x + depth + skew, high + skew),
        (x + depth, high),
    ]
    for corners, shade in ((right, "0.75"), (top, "0.92"), (front, "0.84")):
        axis.add_patch(Polygon(corners, facecolor=shade, edgecolor=EDGE, linewidth=LINE))


def _bar(axis: Axes, x: float, height: float, title: str, text: str) -> float:
    """Draw a vector as a bar that begins at x; gives the x of its middle."""
    _rounded(axis, (x, -height / 2), 2 * HALF, height, facecolor="0.84", edgecolor=EDGE, linewidth=LINE)
    axis.text(x + HALF, height / 2 + 3.1, title, ha="center", fontsize=SMALL, fontweight="bold")
    axis.text(x + HALF, height / 2 + 2.4, text, ha="center", va="top", fontsize=SMALL)
    return x + HALF


def _box(axis: Axes, y: float, text: str, colour: Colour) -> None:
    style: dict[str, Any] = {"facecolor": pale(colour), "edgecolor": colour, "linewidth": 0.9}
    _rounded(axis, (RIGHT - BOX, y - TALL), 2 * BOX, 2 * TALL, **style)
    axis.text(RIGHT, y, text, ha="center", va="center", fontsize=SMALL)


def _rounded(axis: Axes, corner: tuple[float, float], width: float, height: float, **style: Any) -> None:
    """Draw a rectangle with rounded corners; arrows end at its edges."""
    boxstyle = f"round,pad=0,rounding_size={min(width, height) / 10}"
    axis.add_patch(FancyBboxPatch(corner, width, height, boxstyle=boxstyle, **style))


def _arrow(axis: Axes, x: float, length: float, text: str = "") -> float:
    """Draw an arrow to the right under its text; gives the x of its tip."""
    _connect(axis, (x, 0), (x + length, 0))
    axis.text(x + length / 2, 0.7, text, ha="center", va="bottom", fontsize=SMALL)
    return x + length


def _connect(
    axis: Axes,
    start: tuple[float, float],
    end: tuple[float, float],
    style: str = "arc3",
    *,
    dashed: bool = False,
    colour: Colour | str = EDGE,
    head: str = "-|>",
) -> None:
    axis.add_patch(
        FancyArrowPatch(
            start,
            end,
            arrowstyle=head,
            mutation_scale=6,
            color=colour,
            linewidth=0.8,
            connectionstyle=style,
            linestyle="--" if dashed else "-",
            shrinkA=0,
            shrinkB=0,
        )
    )
