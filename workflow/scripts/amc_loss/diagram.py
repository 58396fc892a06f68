"""Figure 3: the framework as a diagram, its numbers read off a network."""

from math import log2

from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch, Polygon

from amc_loss.networks import LayerSummary
from amc_loss.plots import LOSS_COLOURS, PAGE


def framework(layers: list[LayerSummary]) -> Figure:
    """The path from image to the two losses; blocks are as high as their maps and as deep as their channels.

    Args:
        layers: Layers of a network, as `amc_loss.networks.summarise` gives them.
    """
    figure, axis = plt.subplots(figsize=(PAGE, PAGE * 0.37))
    axis.set(xlim=(0, 102), ylim=(-18.5, 18), aspect="equal")
    axis.set_axis_off()
    image, pool, classifier = layers[0], layers[-2], layers[-1]
    groups: dict[str, list[LayerSummary]] = {}
    for layer in layers:
        if layer.name.startswith("conv"):
            groups.setdefault(layer.name.split("_")[0], []).append(layer)
    x = _cuboid(axis, 1, image, "Input", _shape(image))
    for name, convolutions in groups.items():
        x = _arrow(axis, x)
        left = x
        for convolution in convolutions:
            x = _cuboid(axis, x, convolution) + 0.6
        shapes = [_shape(convolution) for convolution in convolutions]
        lines = [
            f"{shapes.count(shape)} × {shape}" if shapes.count(shape) > 1 else shape
            for shape in dict.fromkeys(shapes)
        ]
        _label(axis, (left + x) / 2, f"Conv. {name.removeprefix('conv')}", "\n".join(lines))
    x = _arrow(axis, x, "global\naverage\npool")
    feature = _bar(axis, x, 13, "Feature x", f"{pool.output_shape[0]}-d")
    x = _arrow(axis, x + 1.6, "fully\nconnected")
    logits = _bar(axis, x, 7, "Softmax", f"{classifier.output_shape[0]} classes")
    right, below = 94, -14
    _box(axis, right, 0, "cross-entropy\n$L_C$", LOSS_COLOURS["cross_entropy"])
    axis.add_patch(_connection(logits, (right - 6.5, 0)))
    _box(axis, right, below, "AMC-Loss\n$L_A(z_i, z_j, S_{ij})$", LOSS_COLOURS["amc"])
    corner = "angle,angleA=-90,angleB=180,rad=2"
    axis.add_patch(_connection((feature[0] - 0.8, -6.6), (right - 6.5, below), corner))
    distance = r"$z = x/\Vert x\Vert$,   $d(z_i, z_j) = \cos^{-1}\langle z_i, z_j\rangle$"
    axis.text((feature[0] + right - 7) / 2, below - 0.7, distance, ha="center", va="top", fontsize=7)
    axis.add_patch(_connection((logits[0] - 0.8, -3.6), (right, below + 3), "arc3,rad=-0.25", dashed=True))
    axis.text(logits[0] + 9, -7.2, r"$S_{ij} = [\tilde y_i = \tilde y_j]$", fontsize=7, ha="center", va="top")
    objective = r"$L_C + w(t)\,\lambda\,\frac{1}{|B|}\sum L_A$"
    axis.text(right, 7, objective, ha="center", fontsize=8)
    return figure


def _shape(layer: LayerSummary) -> str:
    channels, height, width = layer.output_shape
    return f"{height}×{width}×{channels}"


def _cuboid(axis: Axes, x: float, layer: LayerSummary, title: str = "", text: str = "") -> float:
    """Draw a map as a cuboid at x; gives the x where it ends."""
    channels, height, _ = layer.output_shape
    side, depth = 2 + 14 * min(1.0, height / 32), 0.5 + 0.28 * log2(channels + 1)
    skew = side * 0.25
    front = [(x, -side / 2), (x + depth, -side / 2), (x + depth, side / 2), (x, side / 2)]
    top = [
        (x, side / 2),
        (x + depth, side / 2),
        (x + depth + skew, side / 2 + skew),
        (x + skew, side / 2 + skew),
    ]
    right = [
        (x + depth, -side / 2),
        (x + depth + skew, -side / 2 + skew),
        (x + depth + skew, side / 2 + skew),
        (x + depth, side / 2),
    ]
    for corners, shade in ((right, "0.75"), (top, "0.9"), (front, "0.83")):
        axis.add_patch(Polygon(corners, facecolor=shade, edgecolor="0.25", linewidth=0.5))
    if title:
        _label(axis, x + depth, title, text)
    return x + depth + skew * 0.55


def _bar(axis: Axes, x: float, height: float, title: str, text: str) -> tuple[float, float]:
    axis.add_patch(
        FancyBboxPatch(
            (x, -height / 2),
            1.4,
            height,
            boxstyle="round,pad=0.1",
            facecolor="0.83",
            edgecolor="0.25",
            linewidth=0.5,
        )
    )
    _label(axis, x + 0.7, title, text)
    return x + 1.5, 0


def _label(axis: Axes, x: float, title: str, text: str) -> None:
    axis.text(x, 15.5, title, ha="center", fontsize=7, fontweight="bold")
    axis.text(x, 14.8, text, ha="center", va="top", fontsize=6)


def _box(axis: Axes, x: float, y: float, text: str, colour: tuple[float, float, float]) -> None:
    axis.text(
        x,
        y,
        text,
        ha="center",
        va="center",
        fontsize=7,
        bbox={"boxstyle": "round,pad=0.5", "facecolor": (*colour, 0.25), "edgecolor": colour},
    )


def _arrow(axis: Axes, x: float, text: str = "") -> float:
    length = 7.5 if text else 2.6
    axis.add_patch(_connection((x + 0.3, 0), (x + length, 0)))
    axis.text(x + length / 2 + 0.2, 0.8, text, ha="center", va="bottom", fontsize=5.5)
    return x + length + 0.3


def _connection(
    start: tuple[float, float], end: tuple[float, float], style: str = "arc3", *, dashed: bool = False
) -> FancyArrowPatch:
    return FancyArrowPatch(
        start,
        end,
        arrowstyle="-|>",
        mutation_scale=6,
        color="0.25",
        linewidth=0.7,
        connectionstyle=style,
        linestyle="--" if dashed else "-",
        shrinkA=0,
        shrinkB=0,
    )
