"""Points of Figures 1, 4 and 5, read off the figures' objects."""

import numpy as np
import pytest
from figures import EMBEDDINGS, FIGURES, LABELS, LOSSES, NAMES, NOTES, PLANE, SHOWN, SPHERES

from amc_loss.views import scatter, style


def points_of(axis):
    return np.concatenate([np.asarray(c.get_offsets()) for c in axis.collections])


def test_figure_1_shows_every_point_in_its_class_s_colour_and_a_ray_through_its_mean():
    figure = FIGURES["figure1"]()
    assert [axis.get_title() for axis in figure.axes] == ["(a) train", "(b) test"]
    assert len({(axis.get_xlim(), axis.get_ylim(), axis.get_aspect()) for axis in figure.axes}) == 1
    assert np.ptp(figure.axes[0].get_xlim()) == pytest.approx(np.ptp(figure.axes[0].get_ylim()))
    for axis, (points, _) in zip(figure.axes, PLANE.values(), strict=True):
        assert {tuple(p) for p in points_of(axis)} == {tuple(p) for p in points}
        for limits, values in zip((axis.get_xlim(), axis.get_ylim()), points.T, strict=True):
            assert limits[0] < min(0, values.min())
            assert max(0, values.max()) < limits[1]
        rays, means = axis.lines[::2], axis.lines[1::2]
        assert len(rays) == len(means) == 10
        for label, drawn in enumerate(axis.collections):
            members = points[label == LABELS]
            np.testing.assert_allclose(drawn.get_facecolor()[0, :3], style.class_style(label)[0])
            np.testing.assert_array_equal(drawn.get_offsets(), members)
            mean, reach = members.mean(0), np.linalg.norm(members, axis=1).max()
            np.testing.assert_allclose(means[label].get_xydata(), [mean])
            np.testing.assert_allclose(
                rays[label].get_xydata(), [[0, 0], mean / np.linalg.norm(mean) * reach]
            )
    assert [text.get_text() for text in figure.legends[0].get_texts()] == NAMES


def test_figure_4_draws_front_and_back_points_apart_from_one_viewpoint():
    figure = FIGURES["figure4"]()
    for axis, loss in zip(figure.axes, LOSSES, strict=True):
        elevation, azimuth = np.radians(axis.elev), np.radians(axis.azim)
        towards = (
            np.cos(elevation) * np.cos(azimuth),
            np.cos(elevation) * np.sin(azimuth),
            np.sin(elevation),
        )
        shown = [c for c in axis.collections if hasattr(c, "_offsets3d")]
        assert {tuple(p) for c in shown for p in np.transpose(c._offsets3d)} == {
            tuple(p) for p in SPHERES[loss]
        }
        sizes = {True: set(), False: set()}
        for collection in shown:
            points = np.transpose(collection._offsets3d)
            front = points @ towards > 0
            assert front.all() or not front.any()
            own = LABELS[[np.flatnonzero((SPHERES[loss] == p).all(1))[0] for p in points]]
            assert len(set(own)) == 1
            colour, _ = style.class_style(own[0])
            np.testing.assert_allclose(
                collection.get_facecolor()[0, :3], colour if front.all() else style.pale(colour), atol=1e-6
            )
            sizes[bool(front.all())] |= set(collection.get_sizes())
            assert (collection.get_zorder() == 2) == front.all()
        assert max(sizes[False]) < min(sizes[True])
        assert f"a note\nof {loss}" in [text.get_text() for text in axis.texts]
    views = {(axis.elev, axis.azim, *axis.get_xlim(), *axis.get_zlim()) for axis in figure.axes}
    assert len(views) == 1


def test_figure_5_shows_the_loss_s_own_points_on_common_axes():
    figure = FIGURES["figure5"]()
    assert len({(axis.get_xlim(), axis.get_ylim()) for axis in figure.axes}) == 1
    for axis, loss in zip(figure.axes, LOSSES, strict=True):
        assert axis.get_xlabel() == f"a note\nof {loss}"
        for label, drawn in enumerate(axis.collections):
            np.testing.assert_array_equal(drawn.get_offsets(), EMBEDDINGS[loss][label == LABELS])


def test_after_ten_classes_comes_another_marker():
    axis = FIGURES["figure5, 20 classes"]().axes[0]
    assert len(axis.collections) == 20
    paths = [collection.get_paths()[0].vertices for collection in axis.collections]
    assert paths[0].shape == paths[9].shape
    assert paths[0].shape != paths[10].shape


def test_a_class_name_wider_than_the_figure_still_has_its_line_in_the_legend():
    names = ["x" * 60, *NAMES[1:]]
    figure = scatter.embedding_panels(EMBEDDINGS, LABELS, NOTES, names, SHOWN, ["amc"])
    shown = [text.get_text() for text in figure.legends[0].get_texts()]
    assert shown == [f"{'x' * 16}…{'x' * 15}", *NAMES[1:]]
