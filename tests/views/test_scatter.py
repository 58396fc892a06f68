"""Points of Figures 1, 4 and 5, read off the figures' objects."""

import numpy as np
import pytest
from figures import EMBEDDINGS, FIGURES, LABELS, LONG, LOSSES, NAMES, NOTES, PLANE, SHOWN, SPHERES
from matplotlib import colors, markers

from amc_loss.views import scatter, style


def drawn_points(axis):
    """Places and colours of an axis's points, in the order in which they are drawn."""
    places = np.concatenate([np.asarray(points.get_offsets()) for points in axis.collections])
    colours = [
        np.broadcast_to(points.get_facecolor(), (len(points.get_offsets()), 4)) for points in axis.collections
    ]
    return places, np.concatenate(colours)[:, :3]


def check_points(axis, points, labels, mixed=0.5):
    """Every point is drawn in its class's colour, and classes are mixed in the order of drawing."""
    places, colours = drawn_points(axis)
    expected = np.column_stack([points, [style.class_style(label)[0] for label in labels]])
    found = np.column_stack([places, colours])
    np.testing.assert_allclose(found[np.lexsort(found.T)], expected[np.lexsort(expected.T)], atol=1e-6)
    changes = (np.diff(colours, axis=0) != 0).any(1).sum()
    assert changes > mixed * len(points)


def test_figure_1_shows_every_point_and_a_ray_in_the_class_s_colour_through_its_mean():
    figure = FIGURES["figure1"]()
    assert [axis.get_title() for axis in figure.axes] == ["(a) train", "(b) test"]
    assert len({(axis.get_xlim(), axis.get_ylim(), axis.get_aspect()) for axis in figure.axes}) == 1
    assert np.ptp(figure.axes[0].get_xlim()) == pytest.approx(np.ptp(figure.axes[0].get_ylim()))
    for axis, (points, labels) in zip(figure.axes, PLANE.values(), strict=True):
        check_points(axis, points, labels)
        for limits, values in zip((axis.get_xlim(), axis.get_ylim()), points.T, strict=True):
            assert limits[0] < min(0, values.min())
            assert max(0, values.max()) < limits[1]
        rays, means = axis.lines[::2], axis.lines[1::2]
        assert len(rays) == len(means) == 10
        for label in range(10):
            members = points[label == LABELS]
            colour, _ = style.class_style(label)
            assert colors.to_rgb(rays[label].get_color()) == colors.to_rgb(means[label].get_color()) == colour
            mean, reach = members.mean(0), np.linalg.norm(members, axis=1).max()
            np.testing.assert_allclose(means[label].get_xydata(), [mean])
            np.testing.assert_allclose(
                rays[label].get_xydata(), [[0, 0], mean / np.linalg.norm(mean) * reach]
            )
    assert [text.get_text() for text in figure.legends[0].get_texts()] == NAMES


def test_figure_4_shows_both_halves_of_each_sphere():
    axes = FIGURES["figure4"]().axes
    for near, far, loss in zip(axes[:3], axes[3:], LOSSES, strict=True):
        turned = SPHERES[loss] @ scatter.facing(SPHERES[loss], LABELS).T
        is_near = turned[:, 2] > 0
        assert 0 < is_near.sum() < len(is_near)
        for axis, half, name in ((near, is_near, "near half"), (far, ~is_near, "far half")):
            check_points(axis, scatter.equal_area(turned[half]), LABELS[half])
            assert axis.texts[0].get_text() == name
            outline = max(axis.lines, key=lambda line: np.abs(line.get_xydata()).max() + line.get_linewidth())
            np.testing.assert_allclose(np.linalg.norm(outline.get_xydata(), axis=1), 1)
        assert far.texts[1].get_text() == f"a note\nof {loss}"


def test_equal_areas_of_the_sphere_are_equal_in_the_figure():
    # The cap within an angle c of the pole has the share 1 - cos(c) of the half's area.
    angles = np.radians([0, 30, 60, 90])
    points = np.stack([np.sin(angles), 0 * angles, np.cos(angles)], 1)
    placed = scatter.equal_area(points)
    np.testing.assert_allclose(placed[:, 0] ** 2, 1 - np.cos(angles), atol=1e-12)
    np.testing.assert_allclose(scatter.equal_area(points * [1, 1, -1]), placed)
    turned = scatter.equal_area(np.array([[0.0, -0.6, 0.8]]))
    np.testing.assert_allclose(turned, [[0, -np.sqrt(0.2)]])


@pytest.mark.parametrize("seed", range(3))
def test_a_sphere_is_turned_so_that_no_class_lies_on_the_rim(seed):
    generator = np.random.default_rng(seed)
    means = generator.normal(size=(5, 3))
    means /= np.linalg.norm(means, axis=1, keepdims=True)
    rotation = scatter.facing(np.repeat(means, 4, axis=0), np.repeat(np.arange(5), 4))
    np.testing.assert_allclose(rotation @ rotation.T, np.eye(3), atol=1e-12)
    assert np.linalg.det(rotation) == pytest.approx(1)
    assert means[0] @ rotation[2] > 0
    clearance = np.abs(means @ rotation[2]).min()
    others = generator.normal(size=(20000, 3))
    others /= np.linalg.norm(others, axis=1, keepdims=True)
    assert clearance > np.abs(others @ means.T).min(1).max() - 0.05


def test_figure_5_shows_the_loss_s_own_points_on_common_axes():
    figure = FIGURES["figure5"]()
    assert len({(axis.get_xlim(), axis.get_ylim()) for axis in figure.axes}) == 1
    for axis, loss in zip(figure.axes, LOSSES, strict=True):
        assert axis.get_xlabel() == f"a note\nof {loss}"
        check_points(axis, EMBEDDINGS[loss], LABELS)


def test_after_ten_classes_comes_another_marker():
    labels = np.arange(200) % 20
    axis = scatter.embedding_panels(EMBEDDINGS, labels, NOTES, LONG, SHOWN).axes[0]
    points = EMBEDDINGS[next(iter(LOSSES))]
    check_points(axis, points, labels, mixed=0.3)
    tens = []
    for drawn in (points for points in axis.collections if len(points.get_offsets())):
        own = [labels[(points == place).all(1)][0] for place in drawn.get_offsets()]
        shape = markers.MarkerStyle(style.class_style(own[0])[1]).get_path().vertices.shape
        assert drawn.get_paths()[0].vertices.shape == shape
        tens.append({label // 10 for label in own})
    # Both markers, of ten classes each, take turns.
    assert {0} in tens
    assert {1} in tens
    assert len(tens) > 30


def test_a_class_name_wider_than_the_figure_still_has_its_line_in_the_legend():
    names = ["x" * 60, *NAMES[1:]]
    figure = scatter.embedding_panels(EMBEDDINGS, LABELS, NOTES, names, SHOWN, ["amc"])
    shown = [text.get_text() for text in figure.legends[0].get_texts()]
    assert shown == [f"{'x' * 16}…{'x' * 15}", *NAMES[1:]]


def test_axes_of_figure_1():
    axes = FIGURES["figure1"]().axes
    assert [axis.get_xlabel() for axis in axes] == ["feature 1"] * 2
    assert axes[0].get_ylabel() == "feature 2"
