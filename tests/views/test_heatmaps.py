"""Grad-CAM maps of Figures 2 and 6 and their images, read off the figures' objects."""

import matplotlib
import numpy as np
import pytest
from figures import BLOCKS, FIGURES, IMAGES, LOSSES, MAPS, NAMES, PROBABILITIES, SHOWN

from amc_loss.views import heatmaps, style


@pytest.mark.parametrize("channels", [1, 3])
def test_figure_2_rows_are_image_map_and_overlay(channels):
    image = IMAGES[0, ..., :channels]
    cams = {loss: maps[0] for loss, maps in MAPS.items()}
    figure = heatmaps.activation_map(image, cams, ["cat 51%", "dog 60%", "cat 99%"], SHOWN, "test image 782")
    axes = np.array(figure.axes[:9]).reshape(3, 3)
    for column, cam in enumerate(cams.values()):
        shown = [axes[row, column].images[0].get_array() for row in range(3)]
        np.testing.assert_array_equal(shown[0], image.squeeze())
        np.testing.assert_allclose(shown[1], matplotlib.colormaps["jet"](cam)[..., :3])
        np.testing.assert_allclose(shown[2], heatmaps.overlay(image, cam))
    assert [axis.get_title().split("\n")[-1] for axis in axes[0]] == ["cat 51%", "dog 60%", "cat 99%"]
    assert [axis.get_ylabel() for axis in axes[:, 0]] == ["test image 782", "Grad-CAM", "overlay"]


@pytest.mark.parametrize("name", ["figure2", "figure6"])
def test_one_colour_scale_from_0_to_1(name):
    scales = [axis for axis in FIGURES[name]().axes if not axis.images]
    assert len(scales) == 1
    colours = scales[0]._colorbar
    assert (colours.vmin, colours.vmax, colours.cmap.name) == (0, 1, style.CAM_COLOURS)


@pytest.mark.parametrize("name", ["figure2", "figure6"])
def test_every_picture_has_the_same_extent_and_origin(name):
    pictures = [axis.images[0] for axis in FIGURES[name]().axes if axis.images]
    assert {(tuple(p.get_extent()), p.origin) for p in pictures} == {((-0.5, 31.5, 31.5, -0.5), "upper")}


def test_overlay_is_aligned_with_its_image():
    image, cam = np.zeros((8, 8, 3), np.uint8), np.zeros((8, 8), np.float32)
    image[2, 5], cam[2, 5] = 255, 1
    picture = heatmaps.overlay(image, cam)
    assert np.unravel_index(picture[..., 0].argmax(), (8, 8)) == (2, 5)
    # Red with white; elsewhere the scale's blue over black.
    np.testing.assert_allclose(picture[2, 5], [0.75, 0.5, 0.5], atol=0.01)
    np.testing.assert_allclose(picture[0, 0], [0, 0, 0.25], atol=0.01)


def test_figure_6_has_a_block_a_class_and_a_column_a_loss():
    figure = FIGURES["figure6"]()
    pictures = [axis for axis in figure.axes if axis.images]
    assert len(pictures) == 30 * 4
    texts = [text.get_text() for text in figure.texts]
    assert texts[:10] == NAMES
    footer = texts[10].replace("\N{NO-BREAK SPACE}", " ")
    assert footer.startswith("(a) Cross-entropy     (b) + Euclid     (c) + AMC-Loss")
    assert [axis.get_title() for axis in pictures[:4]] == ["image", "(a)", "(b)", "(c)"]
    for index in (0, 17, 29):
        row = pictures[4 * index : 4 * index + 4]
        np.testing.assert_array_equal(row[0].images[0].get_array(), IMAGES[index])
        for axis, loss in zip(row[1:], LOSSES, strict=True):
            np.testing.assert_allclose(
                axis.images[0].get_array(), heatmaps.overlay(IMAGES[index], MAPS[loss][index])
            )
        assert len({round(axis.get_position().y1, 6) for axis in row}) == 1
        lefts = [axis.get_position().x0 for axis in row]
        assert lefts == sorted(lefts)


def test_figure_6_names_another_class_than_the_block_s():
    pictures = [axis for axis in FIGURES["figure6"]().axes if axis.images]
    assert BLOCKS[17] == 5
    assert PROBABILITIES["amc"][17].argmax() == 8
    labels = [axis.xaxis.label for axis in pictures[4 * 17 : 4 * 18]]
    assert [label.get_text() for label in labels] == ["", "46", "47", "8: 52"]
    assert [label.get_color() == style.RED for label in labels] == [False, False, False, True]


def test_figure_6_explains_red_where_something_is_red():
    for name, red in (("figure6", True), ("figure6, alone", False)):
        figure = FIGURES[name]()
        labels = [axis.xaxis.label.get_color() for axis in figure.axes if axis.images]
        assert (style.RED in labels) == red
        assert any("red: another class" in text.get_text() for text in figure.texts) == red
