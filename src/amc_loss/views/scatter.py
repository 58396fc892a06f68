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
    pale,
    shown,
    styled,
)

ELEVATION, AZIMUTH = 20.0, 35.0  # degrees: from where every sphere is seen


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
        for label in np.unique(labels):
            points = features[labels == label]
            _points(axis, points, label)
            mean = points.mean(0)
            end = mean / np.linalg.norm(mean) * np.linalg.norm(points, axis=1).max()
            halo = [patheffects.withStroke(linewidth=2.2, foreground="white")]
            axis.plot(*np.stack([0 * end, end]).T, color="black", linewidth=0.9, path_effects=halo)
            axis.plot(
                *mean,
                marker="o",
                markersize=3.5,
                color="black",
                markeredgecolor="white",
                markeredgewidth=0.6,
                zorder=3,
            )
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
    """Figure 4: deep features of dimension 3 on the unit sphere, all seen from one point.

    Points on the far side are pale and small, and drawn first.

    Args:
        panels: For each loss unit features (n, 3) and labels (n,).
        notes: What stands under the panel of each loss.
        class_names: A name for each label.
        losses: How they are shown.
    """
    sides = [_key("0.2", "o", "near side"), _key(pale((0.2, 0.2, 0.2)), "o", "far side")]
    width = style.width(len(panels))
    legend = _Legend([*_class_keys(range(len(class_names)), class_names), *sides], width)
    rows, columns = style.grid(len(panels))
    size = (width, rows * (width / columns + 0.5) + legend.height)
    figure = Figure(figsize=size, layout="constrained")
    elevation, azimuth = np.radians(ELEVATION), np.radians(AZIMUTH)
    viewer = np.array(
        [np.cos(elevation) * np.cos(azimuth), np.cos(elevation) * np.sin(azimuth), np.sin(elevation)]
    )
    u, v = np.mgrid[0 : 2 * np.pi : 25j, 0 : np.pi : 13j]
    for index, (loss, (points, labels)) in enumerate(panels.items()):
        axis: Any = figure.add_subplot(rows, columns, index + 1, projection="3d", computed_zorder=False)
        axis.plot_wireframe(
            np.cos(u) * np.sin(v), np.sin(u) * np.sin(v), np.cos(v), color="0.85", linewidth=0.3, zorder=0
        )
        front = points @ viewer > 0
        for side, near in ((~front, False), (front, True)):
            for label in np.unique(labels[side]):
                colour, marker = class_style(label)
                axis.scatter(
                    *points[side & (labels == label)].T,
                    s=3 if near else 1.2,
                    marker=marker,
                    color=colour if near else pale(colour),
                    linewidths=0,
                    zorder=2 if near else 1,
                    depthshade=False,
                )
        axis.view_init(elev=ELEVATION, azim=AZIMUTH)
        axis.set(xlim=(-1, 1), ylim=(-1, 1), zlim=(-1, 1))
        axis.set_box_aspect((1, 1, 1), zoom=1.5)
        axis.set_axis_off()
        axis.set_title(losses.title(loss), y=1.05)
        axis.text2D(0.5, -0.04, notes[loss], transform=axis.transAxes, ha="center", va="top", fontsize=SMALL)
    legend.put(figure)
    return figure


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
        for label in range(len(class_names)):
            _points(axis, embeddings[loss][labels == label], label)
        axis.set(title=losses.title(loss), xticks=[], yticks=[], xlim=limits[:, 0], ylim=limits[:, 1])
        axis.set_xlabel(notes[loss], fontsize=SMALL)
        axis.set_box_aspect(1)
    legend.put(figure)
    return figure


def _points(axis: Axes, points: NDArray[np.float32], label: int) -> None:
    """Draw points (n, 2) of a class."""
    colour, marker = class_style(label)
    axis.scatter(points[:, 0], points[:, 1], s=2, linewidths=0, color=colour, marker=marker)


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
