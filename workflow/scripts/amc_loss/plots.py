"""The figures of the paper, in one style. Each function draws and returns a figure, `save` writes it."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from amc_loss.labels import LOSSES
from amc_loss.statistics import format_p_value, p_value

matplotlib.use("agg")

COLUMN, PAGE = 3.25, 6.75  # inches: column and page width of a two-column paper
LOSS_COLOURS = dict(zip(LOSSES, sns.color_palette("colorblind", 3), strict=True))
SHORT = {"cross_entropy": "CE", "euclidean": "+Eucl.", "amc": "+AMC"}
CAM_COLOURS = "jet"  # the paper's: blue is small, red is large

sns.set_theme(
    context="paper",
    style="ticks",
    rc={
        "font.size": 8,
        "axes.titlesize": 8,
        "axes.labelsize": 8,
        "xtick.labelsize": 7,
        "ytick.labelsize": 7,
        "legend.fontsize": 7,
        "legend.title_fontsize": 7,
        "figure.dpi": 100,
        "savefig.dpi": 200,
        "savefig.bbox": "tight",
        "pdf.fonttype": 42,
        "figure.constrained_layout.use": True,
    },
)


def save(figure: Figure, paths: Iterable[str]) -> None:
    """Write a figure to each path; the ending says in which format. The same figure gives the same bytes."""
    for path in paths:
        metadata = {"CreationDate": None} if Path(path).suffix == ".pdf" else None
        figure.savefig(path, metadata=metadata)
    plt.close(figure)


def class_colours(n_classes: int) -> list[tuple[float, float, float]]:
    """A colour for each class, the same in every figure."""
    return sns.color_palette("colorblind", 10) if n_classes <= 10 else sns.husl_palette(n_classes, l=0.55)


def panel_title(index: int, text: str) -> str:
    """``(a) text`` for the first panel and so on."""
    return f"({chr(ord('a') + index)}) {text}"


def feature_plane(
    panels: Mapping[str, tuple[NDArray[np.float32], NDArray[np.int64]]], class_names: Sequence[str]
) -> Figure:
    """Figure 1: deep features of dimension 2, the directions of the classes' means drawn from the origin.

    Args:
        panels: For each panel's title features (n, 2) and labels (n,).
        class_names: A name for each label.
    """
    figure, axes = plt.subplots(1, len(panels), figsize=(PAGE, PAGE * 0.47), sharex=True, sharey=True)
    colours = class_colours(len(class_names))
    for index, (axis, (title, (features, labels))) in enumerate(zip(axes, panels.items(), strict=True)):
        for label in np.unique(labels):
            points = features[labels == label]
            axis.scatter(
                *points.T, s=2, linewidths=0, color=colours[label], label=class_names[label], rasterized=True
            )
            mean = points.mean(0)
            axis.plot(*np.stack([0 * mean, mean]).T, color="black", linewidth=0.8)
        axis.set(title=panel_title(index, title), xlabel="feature 1", aspect="equal")
    axes[0].set_ylabel("feature 2")
    _class_legend(figure, axes[0], "class")
    return figure


def feature_spheres(
    panels: Mapping[str, tuple[NDArray[np.float32], NDArray[np.int64]]],
    notes: Sequence[str],
    class_names: Sequence[str],
) -> Figure:
    """Figure 4: deep features of dimension 3 on the unit sphere; points on the far side are pale.

    Args:
        panels: For each loss unit features (n, 3) and labels (n,).
        notes: A line under each panel.
        class_names: A name for each label.
    """
    figure = plt.figure(figsize=(PAGE, PAGE * 0.42))
    colours = np.array(class_colours(len(class_names)))
    elevation, azimuth = np.radians(20), np.radians(35)
    viewer = np.array(
        [np.cos(elevation) * np.cos(azimuth), np.cos(elevation) * np.sin(azimuth), np.sin(elevation)]
    )
    u, v = np.mgrid[0 : 2 * np.pi : 25j, 0 : np.pi : 13j]
    for index, ((loss, (points, labels)), note) in enumerate(zip(panels.items(), notes, strict=True)):
        axis: Any = figure.add_subplot(1, len(panels), index + 1, projection="3d", computed_zorder=False)
        axis.plot_wireframe(
            np.cos(u) * np.sin(v), np.sin(u) * np.sin(v), np.cos(v), color="0.8", linewidth=0.3, zorder=1
        )
        front = points @ viewer > 0
        for side, alpha, zorder in ((~front, 0.25, 0), (front, 1.0, 2)):
            axis.scatter(
                *points[side].T,
                s=3,
                c=colours[labels[side]],
                alpha=alpha,
                linewidths=0,
                zorder=zorder,
                depthshade=False,
                rasterized=True,
            )
        axis.view_init(elev=np.degrees(elevation), azim=np.degrees(azimuth))
        axis.set_box_aspect((1, 1, 1), zoom=1.35)
        axis.set_axis_off()
        axis.set_title(panel_title(index, LOSSES[loss]), y=1.0)
        axis.text2D(0.5, -0.06, note, transform=axis.transAxes, ha="center", fontsize=7)
    handles = [
        plt.Line2D([], [], marker="o", linestyle="", markersize=4, color=colours[label], label=name)
        for label, name in enumerate(class_names)
    ]
    figure.legend(handles=handles, loc="outside lower center", ncols=10, frameon=False, columnspacing=0.8)
    return figure


def embedding_panels(
    embeddings: Mapping[str, NDArray[np.float32]],
    labels: NDArray[np.int64],
    titles: Sequence[str],
    class_names: Sequence[str],
) -> Figure:
    """Figure 5: two-dimensional embeddings of the same images under each loss.

    Args:
        embeddings: For each loss points (n, 2).
        labels: Shape (n,).
        titles: A second line for each panel's title.
        class_names: A name for each label.
    """
    figure, axes = plt.subplots(1, len(embeddings), figsize=(PAGE, PAGE * 0.43), sharex=True, sharey=True)
    colours = class_colours(len(class_names))
    for index, (axis, (loss, points)) in enumerate(zip(axes, embeddings.items(), strict=True)):
        for label, name in enumerate(class_names):
            axis.scatter(
                *points[labels == label].T,
                s=2,
                linewidths=0,
                color=colours[label],
                label=name,
                rasterized=True,
            )
        axis.set(title=f"{panel_title(index, LOSSES[loss])}\n{titles[index]}", xticks=[], yticks=[])
        axis.set_box_aspect(1)
    _class_legend(figure, axes[0], "class")
    return figure


def _class_legend(figure: Figure, axis: Axes, title: str) -> None:
    handles, names = axis.get_legend_handles_labels()
    figure.legend(
        handles,
        names,
        title=title,
        loc="outside right center",
        frameon=False,
        markerscale=3,
        handletextpad=0.1,
    )


def activation_map(
    image: NDArray[np.uint8], maps: Mapping[str, NDArray[np.float32]], captions: Sequence[str]
) -> Figure:
    """Figure 2: for each loss the image, its Grad-CAM, and both overlaid.

    Args:
        image: Shape (height, width, channels), uint8.
        maps: For each loss a map in [0, 1], shape (height, width).
        captions: A line for each loss: what the model predicts.
    """
    figure, axes = plt.subplots(3, len(maps), figsize=(COLUMN, COLUMN * 0.9), squeeze=False)
    for column, (loss, cam) in enumerate(maps.items()):
        _show(axes[0, column], image)
        _show(axes[1, column], plt.get_cmap(CAM_COLOURS)(cam)[..., :3])
        _show(axes[2, column], overlay(image, cam))
        axes[0, column].set_title(f"{panel_title(column, SHORT[loss])}\n{captions[column]}", fontsize=7)
    for row, name in enumerate(("image", "Grad-CAM", "overlay")):
        axes[row, 0].set_ylabel(name)
    _scale(figure, axes, shrink=0.6)
    return figure


def activation_blocks(
    images: NDArray[np.uint8],
    maps: Mapping[str, NDArray[np.float32]],
    labels: NDArray[np.int64],
    class_names: Sequence[str],
) -> Figure:
    """Figure 6: for each class a block of overlays; a row an image, a column a loss.

    Args:
        images: Shape (n, height, width, channels), uint8.
        maps: For each loss maps in [0, 1], shape (n, height, width).
        labels: Class of each image, shape (n,).
        class_names: A name for each label.
    """
    shown = np.unique(labels)
    columns = min(5, len(shown))
    rows = -(-len(shown) // columns)
    per_class = int(np.bincount(labels).max())
    # Sizes in inches: square pictures, a small gap between them, a heading over each block.
    gap, between, heading, bottom = 0.03, 0.16, 0.32, 0.5
    side = (PAGE - (columns - 1) * between) / columns / (1 + len(maps)) - gap
    block = heading + per_class * (side + gap)
    height = rows * block + bottom
    figure = plt.figure(figsize=(PAGE, height), layout=None)
    headings = ["image", *(SHORT[loss] for loss in maps)]
    for number, label in enumerate(shown):
        left = (number % columns) * ((1 + len(maps)) * (side + gap) + between)
        top = height - (number // columns) * block
        figure.text(left / PAGE, (top - 0.12) / height, class_names[label], fontsize=8, weight="bold")
        for row, image in enumerate(np.flatnonzero(labels == label)):
            pictures = [images[image], *(overlay(images[image], cam[image]) for cam in maps.values())]
            for column, picture in enumerate(pictures):
                x, y = left + column * (side + gap), top - heading - (row + 1) * (side + gap)
                axis = figure.add_axes((x / PAGE, y / height, side / PAGE, side / height))
                _show(axis, picture)
                if row == 0:
                    axis.set_title(headings[column], fontsize=7, pad=2)
    scale = figure.add_axes((0.3, 0.3 / height, 0.4, 0.08 / height))
    _scale(figure, None, cax=scale, orientation="horizontal")
    return figure


def overlay(image: NDArray[np.uint8], cam: NDArray[np.float32]) -> NDArray[np.float64]:
    """An image in grey under its coloured map, RGB in [0, 1].

    Args:
        image: Shape (height, width, 1 or 3), uint8.
        cam: Shape (height, width), in [0, 1].
    """
    grey = np.repeat(image.mean(2, keepdims=True) / 255, 3, axis=2)
    return 0.5 * grey + 0.5 * plt.get_cmap(CAM_COLOURS)(cam)[..., :3]


def _scale(figure: Figure, axes: Any, **where: Any) -> None:
    """The common colour scale of the maps."""
    colours = matplotlib.cm.ScalarMappable(plt.Normalize(0, 1), CAM_COLOURS)
    figure.colorbar(
        colours, ax=axes, label="activation (share of the map's maximum)", ticks=[0, 0.5, 1], **where
    )


def _show(axis: Axes, image: NDArray[Any]) -> None:
    axis.imshow(image.squeeze(), cmap="gray", vmin=0, vmax=255 if image.dtype == np.uint8 else 1)
    axis.set(xticks=[], yticks=[])


def sweep(
    metrics: pd.DataFrame, weight: float, margin: float, title: str, equal_variances: bool = False
) -> Figure:
    """Figure 7: accuracy of AMC over λ and over m_g with the cross-entropy baseline.

    Error bars are standard deviations over seeds; the number at each point is the two-sided p-value against
    the baseline of the same seeds.

    Args:
        metrics: A row a run, as `amc_loss.statistics.collect` gives them.
        weight: λ at which the margin is varied.
        margin: m_g at which λ is varied.
        title: What the dataset is called.
        equal_variances: As for `amc_loss.statistics.p_value`.
    """
    figure, axes = plt.subplots(2, 1, figsize=(COLUMN, COLUMN * 1.35), sharey=True)
    baseline = metrics.loc[metrics["loss"] == "cross_entropy", "accuracy"]
    amc = metrics[metrics["loss"] == "amc"]
    panels = (
        ("weight", amc[amc["margin"] == margin], f"λ (at $m_g$ = {margin:g})"),
        ("margin", amc[amc["weight"] == weight], f"$m_g$ in radians (at λ = {weight:g})"),
    )
    for axis, (parameter, runs, label) in zip(axes, panels, strict=True):
        points = runs.groupby(parameter)["accuracy"].agg(["mean", "std"])
        axis.axhline(baseline.mean(), color="red", linestyle="--", linewidth=1, label="Cross-entropy (λ = 0)")
        axis.axhspan(
            baseline.mean() - baseline.std(),
            baseline.mean() + baseline.std(),
            color="red",
            alpha=0.12,
            linewidth=0,
        )
        axis.errorbar(
            points.index,
            points["mean"],
            points["std"],
            marker="o",
            markersize=3,
            linewidth=1,
            capsize=2,
            color=LOSS_COLOURS["amc"],
            label=LOSSES["amc"],
        )
        for value, row in points.iterrows():
            of_value = runs.loc[runs[parameter] == value, "accuracy"]
            p = format_p_value(p_value(of_value, baseline, equal_variances))
            axis.annotate(
                f"p = {p}".replace("= <", "<") if p else "",
                (value, row["mean"] + np.nan_to_num(row["std"])),
                (0, 3),
                textcoords="offset points",
                ha="center",
                fontsize=7,
            )
        axis.set(xlabel=label, ylabel=f"accuracy on {title} (%)")
        axis.margins(x=0.2, y=0.18)
    axes[0].set_xscale("log")
    figure.legend(*axes[0].get_legend_handles_labels(), loc="outside upper center", ncols=2, frameon=False)
    return figure
