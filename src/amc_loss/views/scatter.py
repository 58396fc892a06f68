"""Deep features as points: in two dimensions, on the sphere, and embedded (Figures 1, 4 and 5)."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib import patheffects
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from numpy.typing import NDArray

from amc_loss.views import style
from amc_loss.views.markup import panel_title
from amc_loss.views.style import (
    DISTINCT,
    PAGE,
    SMALL,
    LossStyle,
    class_style,
    shown,
    styled,
)

TURNS = 30  # of the markers, where there are several


@styled
def feature_plane(
    panels: Mapping[str, tuple[NDArray[np.float32], NDArray[np.int64]]], class_names: Sequence[str]
) -> Figure:
    """Figure 1: deep features of dimension 2, and for each class a ray from the origin through its mean.

    A ray is as long as the class's longest feature; a dot on it is the mean.

    Args:
        panels: For each panel's title features (n, 2) and labels (n,).
        class_names: A name for each label.
    """
    shown = np.unique(np.concatenate([labels for _, labels in panels.values()])).tolist()
    legend = _Legend(_class_keys(shown, class_names))
    size = (PAGE, 3.85 + legend.height)
    figure = Figure(figsize=size, layout="constrained")
    axes = figure.subplots(1, len(panels), sharex=True, sharey=True, squeeze=False)
    for index, (axis, (title, (features, labels))) in enumerate(zip(axes[0], panels.items(), strict=True)):
        _points(axis, features, labels)
        for label in np.unique(labels):
            points, (colour, _) = features[labels == label], class_style(label)
            mean = points.mean(0)
            end = mean / np.linalg.norm(mean) * np.linalg.norm(points, axis=1).max()
            halo = [
                patheffects.withStroke(linewidth=3.4, foreground="white"),
                patheffects.withStroke(linewidth=2.2, foreground="black"),
            ]
            axis.plot(*np.stack([0 * end, end]).T, color=colour, linewidth=1.2, path_effects=halo)
            axis.plot(*mean, "o", markersize=4, color=colour, markeredgecolor="black", zorder=3)
        axis.set(title=panel_title(index, title), xlabel="feature 1")
        axis.set_aspect("equal")
    # A square that holds every point and the origin, from which the rays go out.
    everything = np.concatenate([np.zeros((1, 2)), *(features for features, _ in panels.values())])
    low, high = everything.min(0), everything.max(0)
    limits = np.stack([low + high, low + high]) / 2 + 0.54 * np.max(high - low) * np.array([[-1], [1]])
    axes[0, 0].set(xlim=limits[:, 0], ylim=limits[:, 1], ylabel="feature 2")
    legend.put(figure)
    return figure


@styled
def feature_spheres(
    panels: Mapping[str, tuple[NDArray[np.float32], NDArray[np.int64]]],
    notes: Mapping[str, str],
    class_names: Sequence[str],
    losses: LossStyle,
) -> Figure:
    """Figure 4: deep features of dimension 3 on the unit sphere, both halves of it.

    Each half is drawn in Lambert's azimuthal equal-area projection, so that what is compact on the sphere is
    so in the figure. The sphere of each loss is turned as `facing` says.

    Args:
        panels: For each loss unit features (n, 3) and labels (n,).
        notes: What stands under the panel of each loss.
        class_names: A name for each label.
        losses: How they are shown.
    """
    width = style.width(len(panels))
    legend = _Legend(_class_keys(range(len(class_names)), class_names), width)
    rows, columns = style.grid(len(panels))
    size = (width, 2 * rows * width / columns + 0.5 * rows + legend.height)
    figure = Figure(figsize=size, layout="constrained")
    axes = figure.subplots(2 * rows, columns, squeeze=False)
    for axis in axes.flat:
        axis.set_axis_off()
    for index, (loss, (points, labels)) in enumerate(panels.items()):
        row, column = divmod(index, columns)
        turned = points @ facing(points, labels).T
        near = turned[:, 2] >= 0
        for below, side in enumerate((near, ~near)):
            axis = axes[2 * row + below, column]
            _globe(axis)
            _points(axis, equal_area(turned[side]), labels[side])
            axis.text(-1, 1, ("near half", "far half")[below], va="top", fontsize=SMALL)
        axes[2 * row, column].set_title(losses.title(loss))
        axis.text(0.5, -0.02, notes[loss], transform=axis.transAxes, ha="center", va="top", fontsize=SMALL)
    legend.put(figure)
    return figure


def facing(points: NDArray[np.floating], labels: NDArray[np.int64]) -> NDArray[np.float64]:
    """The rotation that turns a sphere so that the rim between its halves is far from the class means.

    Args:
        points: Unit vectors, shape (n, 3).
        labels: Shape (n,).

    Returns:
        A rotation, shape (3, 3), whose last row is the direction towards the viewer: of 2,000 spread evenly
        over the sphere the one whose plane is the farthest from the nearest class mean's direction. The first
        class is on the near half.
    """
    means = np.stack([points[labels == label].mean(0) for label in np.unique(labels)])
    means /= np.maximum(np.linalg.norm(means, axis=1, keepdims=True), 1e-12)
    # Fibonacci's lattice: heights at equal steps, longitudes at the golden angle.
    number = np.arange(2000)
    height, longitude = 1 - (2 * number + 1) / 2000, np.pi * (3 - np.sqrt(5)) * number
    radius = np.sqrt(1 - height**2)
    views = np.stack([radius * np.cos(longitude), radius * np.sin(longitude), height], 1)
    view = views[np.abs(views @ means.T).min(1).argmax()]
    view *= np.sign(view @ means[0]) or 1
    right = np.cross([0.0, 1.0, 0.0], view)
    right /= np.linalg.norm(right)
    return np.stack([right, np.cross(view, right), view])


def equal_area(points: NDArray[np.floating]) -> NDArray[np.floating]:
    """A half of the unit sphere on a disc of radius 1, in Lambert's azimuthal equal-area projection.

    The far half is drawn as it is seen through the sphere: a point of the rim has one place in both.

    Args:
        points: Unit vectors of one half, shape (n, 3), of which the third number is the height over the rim.

    Returns:
        Shape (n, 2).
    """
    return points[:, :2] / np.sqrt(1 + np.abs(points[:, 2:]))


def _globe(axis: Axes) -> None:
    """The outline of a half, with its circles of latitude and meridians each 30 degrees."""
    around = np.linspace(0, 2 * np.pi, 181)
    for angle in np.radians([30, 60, 90]):
        radius = np.sqrt(1 - np.cos(angle))
        rim = angle > np.radians(89)
        axis.plot(
            radius * np.cos(around),
            radius * np.sin(around),
            color="0.3" if rim else "0.85",
            linewidth=0.8 if rim else 0.4,
            zorder=0,
        )
    for angle in np.radians(range(0, 180, 30)):
        end = np.array([np.cos(angle), np.sin(angle)])
        axis.plot(*np.stack([-end, end]).T, color="0.85", linewidth=0.4, zorder=0)
    axis.set(xlim=(-1.03, 1.03), ylim=(-1.03, 1.03))
    axis.set_aspect("equal")


@styled
def embedding_panels(
    embeddings: Mapping[str, NDArray[np.float32]],
    labels: NDArray[np.int64],
    notes: Mapping[str, str],
    class_names: Sequence[str],
    losses: LossStyle,
    only: Sequence[str] | None = None,
) -> Figure:
    """Figure 5: two-dimensional embeddings of the same images under each loss.

    Args:
        embeddings: For each loss points (n, 2).
        labels: Shape (n,).
        notes: What stands under the panel of each loss.
        class_names: A name for each label.
        losses: How they are shown.
        only: Those to show, all if None; the axes are always as long as all need.
    """
    panels = list(embeddings) if only is None else only
    width = style.width(len(panels))
    rows, columns = style.grid(len(panels))
    legend = _Legend(_class_keys(range(len(class_names)), class_names), width)
    size = (width, rows * (width / columns + 0.5) + legend.height)
    figure = Figure(figsize=size, layout="constrained")
    axes = figure.subplots(rows, columns, squeeze=False).flat
    everything = np.concatenate(list(embeddings.values()))
    low, high = everything.min(0), everything.max(0)
    limits = np.stack([low, high]) + 0.04 * (high - low) * np.array([[-1], [1]])
    for axis in axes[len(panels) :]:
        axis.set_axis_off()
    for axis, loss in zip(axes, panels, strict=False):
        _points(axis, embeddings[loss], labels)
        axis.set(title=losses.title(loss), xticks=[], yticks=[], xlim=limits[:, 0], ylim=limits[:, 1])
        axis.set_xlabel(notes[loss], fontsize=SMALL)
        axis.set_box_aspect(1)
    legend.put(figure)
    return figure


def _points(axis: Axes, points: NDArray[np.floating], labels: NDArray[np.int64]) -> None:
    """Draw points (n, 2) of classes (n,), in random order so that no class lies on top of the others."""
    order = np.random.default_rng(0).permutation(len(points))
    looks = [class_style(label) for label in labels]
    markers = {marker for _, marker in looks}
    # Points of different markers cannot be drawn at once, so they take turns.
    for turn in np.array_split(order, 1 if len(markers) == 1 else TURNS):
        for marker in sorted(markers):
            some = [point for point in turn if looks[point][1] == marker]
            colours = [looks[point][0] for point in some]
            axis.scatter(points[some, 0], points[some, 1], s=2, linewidths=0, c=colours, marker=marker)


def _key(colour: Any, marker: str, name: str) -> Line2D:
    return Line2D(
        [], [], marker=marker, linestyle="", markersize=4, markeredgewidth=0, color=colour, label=name
    )


def _class_keys(labels: Sequence[int], class_names: Sequence[str]) -> list[Line2D]:
    if len(labels) > DISTINCT:
        text = f"{len(labels):,} classes, of which each hundred has the same colours and markers"
        return [_key("black", "o", text)]
    return [_key(*class_style(label), shown(class_names[label])) for label in labels]


class _Legend:
    """One legend below all panels, on one line if it fits, else in as many columns as there is room for.

    Args:
        keys: What it explains.
        width: Of the figure, in inches.

    Attributes:
        height: What it takes of the figure, in inches.
    """

    def __init__(self, keys: Sequence[Line2D], width: float = PAGE) -> None:
        self.keys = list(keys)
        widths = [0.3 + 0.065 * style.breadth(str(key.get_label())) for key in self.keys]
        self.columns = len(self.keys) if sum(widths) < width else max(1, int(width / max(widths)))
        self.height = 0.1 + 0.15 * -(-len(self.keys) // self.columns)

    def put(self, figure: Figure) -> None:
        figure.legend(
            handles=self.keys,
            loc="outside lower center",
            ncols=self.columns,
            frameon=False,
            columnspacing=0.8,
            handletextpad=0.1,
            borderaxespad=0,
        )
