"""Confusion matrices, read off the figure's objects."""

import numpy as np
import pytest
from figures import ALONE, FIGURES, LONG, LOSSES, NAMES, SHOWN, confused

from amc_loss.views import confusion

ANIMALS = ["cat", "dog", "horse"]
TINY = {
    "cross_entropy": np.array([[8, 2, 0], [0, 10, 0], [0, 0, 10]]),
    "euclidean": np.array([[9, 1, 0], [0, 10, 0], [0, 0, 10]]),
    "amc": np.array([[8, 2, 0], [3, 7, 0], [0, 0, 0]]),
}


def matrices(figure):
    """The matrix of each panel, by title."""
    return {
        axis.get_title(): np.asarray(axis.images[0].get_array())
        for axis in figure.axes
        if axis.images and axis.get_title()
    }


def texts(figure, title):
    return [text.get_text() for axis in figure.axes if axis.get_title() == title for text in axis.texts]


@pytest.mark.parametrize("classes", [10, 20])
def test_shares_of_the_true_class_and_what_losses_change_in_them(classes):
    counts = confused(classes)
    figure = confusion.confusion_matrices(counts, NAMES if classes == 10 else LONG, SHOWN)
    shares = {loss: 100 * matrix / matrix.sum(1, keepdims=True) for loss, matrix in counts.items()}
    shown = matrices(figure)
    absolute = ["(a) Cross-entropy", "(b) + Euclid", "(c) + AMC-Loss"]
    relative = [f"{title}\nminus Cross-entropy" for title in absolute[1:]]
    # Of few classes differences come last, of many each beside its loss.
    order = (
        [*absolute, *relative] if classes == 10 else [*absolute[:2], relative[0], absolute[2], relative[1]]
    )
    assert list(shown) == order
    for letter, loss in zip("abc", LOSSES, strict=True):
        title = f"({letter}) {LOSSES[loss]}"
        np.testing.assert_allclose(shown[title], shares[loss])
        np.testing.assert_allclose(shown[title].sum(1), 100)
        if loss != "cross_entropy":
            np.testing.assert_allclose(
                shown[f"{title}\nminus Cross-entropy"], shares[loss] - shares["cross_entropy"]
            )
        written = texts(figure, title)
        assert len(written) == (100 if classes == 10 else 0)
        if written:
            assert written[3] == f"{shares[loss][0, 3]:.0f}"


def test_cells_have_numbers_that_are_not_nothing():
    figure = confusion.confusion_matrices(TINY, ANIMALS, SHOWN)
    assert texts(figure, "(a) Cross-entropy") == ["80", "20", "", "", "100", "", "", "", "100"]
    # No image of the third class under + AMC-Loss.
    assert texts(figure, "(c) + AMC-Loss") == ["80", "20", "", "30", "70", "", "", "", ""]
    of_euclidean = texts(figure, "(b) + Euclid\nminus Cross-entropy")
    assert of_euclidean == ["+10", "−10", *[""] * 7]
    of_amc = texts(figure, "(c) + AMC-Loss\nminus Cross-entropy")
    assert of_amc == ["", "", "", "+30", "−30", "", "", "", "−100"]


def test_no_difference_is_white_and_more_is_red():
    figure = confusion.confusion_matrices(TINY, ANIMALS, SHOWN)
    images = [axis.images[0] for axis in figure.axes if axis.get_title().endswith("minus Cross-entropy")]
    assert [(image.norm.vmin, image.norm.vmax) for image in images] == [(-100, 100)] * 2
    red, white, blue = images[0].to_rgba(np.array([100.0, 0, -100]))[:, :3]
    assert white.min() > 0.95
    assert red[0] > red[2]
    assert blue[2] > blue[0]


def test_losses_that_change_nothing():
    figure = confusion.confusion_matrices(dict.fromkeys(LOSSES, TINY["amc"]), ANIMALS, SHOWN)
    assert not any(matrices(figure)["(c) + AMC-Loss\nminus Cross-entropy"].flat)


def test_half_a_point_is_written_as_one():
    images = {
        "cross_entropy": np.array([[100, 100], [100, 100]]),
        "amc": np.array([[101, 99], [99, 101]]),
        "euclidean": np.array([[199, 201], [803, 797]]),
    }
    figure = confusion.confusion_matrices(images, ["a", "b"], SHOWN)
    assert texts(figure, "(c) + AMC-Loss\nminus Cross-entropy") == ["+1", "−1", "−1", "+1"]
    assert texts(figure, "(b) + Euclid\nminus Cross-entropy") == [""] * 4


def test_rare_confusions_are_seen():
    matrix = np.array([[9994, 6], [50, 9950]])
    figure = confusion.confusion_matrices(dict.fromkeys(LOSSES, matrix), ["a", "b"], SHOWN)
    assert texts(figure, "(a) Cross-entropy") == ["100", ".1", ".5", "100"]
    assert figure.axes[0].images[0].norm.vmin == 0.1


def test_without_the_baseline_there_is_no_difference():
    assert list(matrices(FIGURES["confusion, alone"]())) == ["(b) + Euclid"]
    figure = confusion.confusion_matrices({ALONE: TINY[ALONE]}, ANIMALS, SHOWN)
    assert len(figure.axes) == 2  # with its scale


@pytest.mark.parametrize(
    ("names", "down", "across", "turned"),
    [
        (ANIMALS, ANIMALS, ANIMALS, 90),
        (["0", "1", "2"], ["0", "1", "2"], ["0", "1", "2"], 0),
        (["a name with no room", "b", "c"], ["0 a name with no room", "1 b", "2 c"], ["0", "1", "2"], 0),
    ],
)
def test_classes_are_named_at_the_left_and_the_bottom(names, down, across, turned, drawn):
    figure = confusion.confusion_matrices(TINY, names, SHOWN)
    drawn(figure)
    first, second, third, _, last, empty = figure.axes[:6]
    assert [label.get_text() for label in first.get_yticklabels()] == down
    assert [label.get_text() for label in last.get_xticklabels()] == across
    assert {label.get_rotation() for label in last.get_xticklabels()} == {turned}
    assert not empty.axison
    visible = [
        [
            any(label.get_visible() for label in labels)
            for labels in (axis.get_xticklabels(), axis.get_yticklabels())
        ]
        for axis in (first, second, third, last)
    ]
    assert visible == [[True, True], [True, False], [True, False], [True, False]]


def test_names_of_twenty_classes():
    figure = FIGURES["confusion, 20 classes"]()
    names = [text.get_text() for text in figure.axes[0].get_yticklabels()]
    assert names[:2] == ["0 large omnivores and herbivores", "1 vehicles 0"]
    assert {text.get_rotation() for text in figure.axes[-3].get_xticklabels()} == {90}


def test_axes_of_confusion_matrices_are_named():
    figure = FIGURES["confusion"]()
    assert (figure.get_supxlabel(), figure.get_supylabel()) == ("predicted class", "true class")
    scales = [
        axis.get_ylabel() or axis.get_xlabel() for axis in figure.axes if axis.get_label() == "<colorbar>"
    ]
    assert scales == ["share of the true class (%)", "difference (percentage points)"]


def test_numbers_are_light_on_dark_and_dark_on_light():
    figure = confusion.confusion_matrices(TINY, ANIMALS, SHOWN)
    texts = figure.axes[0].texts
    assert (texts[0].get_text(), texts[0].get_color(), texts[2].get_color()) == ("80", "white", "black")
