"""Whether settings fit the data that they are used with, told before anything is trained."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from amc_loss.data.dataset import Outline
from amc_loss.data.sampling import sample
from amc_loss.study.configuration import did_you_mean

SPECIAL_TARGETS = ("predicted_label", "true_label")
SHOWN = 20  # names in a sentence


class MisfitError(ValueError):
    """Settings that do not fit the data; the message has a line for each."""


def check(config: Mapping[str, Any], outlines: Mapping[str, Outline]) -> None:
    """Raise `MisfitError` unless the settings of a study fit its datasets; it names all that do not.

    Args:
        config: The configuration with its protocol filled in, and checked.
        outlines: The datasets that are there, by name; those that are not in the study do not count.
    """
    found = [
        fault
        for dataset, outline in outlines.items()
        if dataset in config["study"]["datasets"]
        for fault in misfits(config, dataset, outline)
    ]
    if found:
        raise MisfitError("\n".join(found))


def misfits(config: Mapping[str, Any], dataset: str, outline: Outline) -> list[str]:
    """A sentence for each setting of a study that one of its datasets cannot serve.

    Args:
        config: The configuration with its protocol filled in, and checked.
        dataset: Name of the dataset.
        outline: What it is.
    """
    figures = {name: figure for name, figure in config["figures"].items() if figure["dataset"] == dataset}
    found = _of_training(config["training"], dataset, outline)
    names, n_test = outline.class_names, len(outline.labels["test"])
    if "figure1" in figures:
        found += _of_figure1(figures["figure1"], dataset, outline)
    if "figure2" in figures:
        found += _of_figure2(figures["figure2"], dataset, outline)
    if "figure4" in figures:
        points = figures["figure4"]["points"]
        if len(np.unique(outline.labels["test"][sample(n_test, points)])) < 2:
            found.append(
                f"'figures.figure4.points' is {points}, and among so many test images of {dataset}, drawn at "
                "random, there is one class only; raise it"
            )
    if "figure5" in figures:
        tsne = figures["figure5"]
        if tsne["perplexity"] >= min(tsne["points"], n_test):
            found.append(
                f"'figures.figure5.perplexity' is {tsne['perplexity']}, but {dataset} has only {n_test} test "
                "images; it must be below that"
            )
    if "figure6" in figures:
        found += _unknown("figures.figure6.classes", figures["figure6"]["classes"] or [], dataset, names)
    if dataset in config["explainability"]["datasets"]:
        _, height, width = outline.image_shape
        for border in config["explainability"]["borders"]:
            if 2 * border >= min(height, width):
                found.append(
                    f"'explainability.borders' has {border}, which is all of the {height}×{width} pixels of "
                    f"{dataset}; leave it out"
                )
    target = config["grad_cam"]["target"]
    if {"figure2", "figure6"} & set(figures) and target not in SPECIAL_TARGETS:
        found += _unknown("grad_cam.target", [target], dataset, names, SPECIAL_TARGETS)
    return found


def _of_training(training: Mapping[str, Any], dataset: str, outline: Outline) -> list[str]:
    found = []
    images, batch = len(outline.labels["train"]), training["batch_size"]
    _, height, width = outline.image_shape
    if images < batch:
        found.append(
            f"'training.batch_size' is {batch}, but {dataset} has only {images} training images; choose a "
            "smaller one"
        )
    # Two poolings and a valid 3×3 convolution leave one pixel, of which batch normalisation needs two.
    elif not training["drop_last"] and images % batch == 1 and max(height, width) < 16:
        found.append(
            f"'training.batch_size' is {batch}, which leaves a last minibatch of one of the {images} "
            f"training images of {dataset}, too few for batch normalisation at {height}×{width} pixels; "
            "choose another, or set 'training.drop_last' to true"
        )
    if training["translation"] >= min(height, width):
        found.append(
            f"'training.translation' is {training['translation']}, but images of {dataset} have "
            f"{height}×{width} pixels; choose a smaller one"
        )
    return found


def _of_figure1(figure: Mapping[str, Any], dataset: str, outline: Outline) -> list[str]:
    if figure["classes"] is None:
        return []
    found = _unknown("figures.figure1.classes", figure["classes"], dataset, outline.class_names)
    labels = [outline.class_names.index(name) for name in figure["classes"] if name in outline.class_names]
    for split in () if found else ("train", "test"):
        drawn = outline.labels[split][sample(len(outline.labels[split]), figure["points"])]
        if not np.isin(drawn, labels).any():
            found.append(
                f"'figures.figure1.points' is {figure['points']}, and among so many {split} images of "
                f"{dataset}, drawn at random, there is none of the classes; raise it"
            )
    return found


def _of_figure2(figure: Mapping[str, Any], dataset: str, outline: Outline) -> list[str]:
    name, image, labels = figure["class"], figure["image"], outline.labels["test"]
    if name is not None and name not in outline.class_names:
        return _unknown("figures.figure2.class", [name], dataset, outline.class_names)
    if image is None:
        return []
    remedy = "correct it, or set it to null to have an image chosen"
    if image >= len(labels):
        return [
            f"'figures.figure2.image' is {image}, but the last test image of {dataset} is {len(labels) - 1}; "
            f"{remedy}"
        ]
    actual = outline.class_names[labels[image]]
    if name is not None and name != actual:
        return [
            f"'figures.figure2.image' is {image}, but that test image of {dataset} is of class {actual!r}, "
            f"not {name!r}; {remedy}"
        ]
    return []


def _unknown(
    key: str, given: Sequence[str], dataset: str, names: Sequence[str], others: Sequence[str] = ()
) -> list[str]:
    """A sentence for each name that is none of the dataset's classes, nor of what else is allowed."""
    allowed = [*others, *names]
    listed = ", ".join(allowed[:SHOWN]) + (
        f" and {len(allowed) - SHOWN} more" if len(allowed) > SHOWN else ""
    )
    found = []
    for name in given:
        if name not in allowed:
            hint = did_you_mean(name, allowed)
            found.append(f"'{key}' has {name!r}, which is no class of {dataset}: {hint}there are {listed}")
    return found
