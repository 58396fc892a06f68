"""What the figures show, read off the figures' objects."""

import numpy as np
import pandas as pd
import pytest
from matplotlib import pyplot as plt

from amc_loss import diagram, networks, plots
from amc_loss.labels import LOSSES

NAMES = [str(digit) for digit in range(10)]
LABELS = np.arange(200) % 10


@pytest.fixture(autouse=True)
def close():
    yield
    plt.close("all")


def points_of(axis):
    return np.concatenate([np.asarray(c.get_offsets()) for c in axis.collections])


def test_figure_1_shows_every_point_in_its_class_s_colour():
    panels = {
        title: (np.random.default_rng(n).normal(size=(200, 2)), LABELS)
        for n, title in enumerate(("train", "test"))
    }
    figure = plots.feature_plane(panels, NAMES)
    assert [axis.get_title() for axis in figure.axes] == ["(a) train", "(b) test"]
    assert figure.axes[0].get_xlim() == figure.axes[1].get_xlim()
    for axis, (points, _) in zip(figure.axes, panels.values(), strict=True):
        assert {tuple(p) for p in points_of(axis)} == {tuple(p) for p in points}
        for label, drawn in enumerate(axis.collections):
            np.testing.assert_allclose(drawn.get_facecolor()[0, :3], plots.class_colours(10)[label])
            np.testing.assert_array_equal(drawn.get_offsets(), points[label == LABELS])
        for label, line in enumerate(axis.lines):
            np.testing.assert_allclose(line.get_xydata(), [[0, 0], points[label == LABELS].mean(0)])
    assert [text.get_text() for text in figure.legends[0].get_texts()] == NAMES


def test_figure_4_draws_front_and_back_points_apart():
    points = np.random.default_rng(0).normal(size=(200, 3))
    points /= np.linalg.norm(points, axis=1, keepdims=True)
    figure = plots.feature_spheres({loss: (points, LABELS) for loss in LOSSES}, ["x"] * 3, NAMES)
    assert [axis.get_title() for axis in figure.axes] == [
        "(a) Cross-entropy",
        "(b) + Euclid",
        "(c) + AMC-Loss",
    ]
    for axis in figure.axes:
        back, front = (c for c in axis.collections if hasattr(c, "_offsets3d"))
        assert len(back._offsets3d[0]) + len(front._offsets3d[0]) == 200
        assert back.get_alpha() < front.get_alpha()
        view = [np.cos(np.radians(a)) for a in (axis.elev, axis.azim)]
        towards = view[0] * view[1], view[0] * np.sin(np.radians(axis.azim)), np.sin(np.radians(axis.elev))
        assert (np.dot(towards, np.array(front._offsets3d)) > 0).all()
        assert (np.dot(towards, np.array(back._offsets3d)) <= 0).all()
    assert {(axis.elev, axis.azim) for axis in figure.axes} == {(figure.axes[0].elev, figure.axes[0].azim)}


def test_figure_5_has_one_legend_and_the_loss_s_own_points():
    embeddings = {loss: np.random.default_rng(n).normal(size=(200, 2)) for n, loss in enumerate(LOSSES)}
    figure = plots.embedding_panels(embeddings, LABELS, ["h 1", "h 2", "h 3"], NAMES)
    for number, (axis, loss) in enumerate(zip(figure.axes, LOSSES, strict=True)):
        assert axis.get_title() == f"({'abc'[number]}) {LOSSES[loss]}\nh {number + 1}"
        assert {tuple(p) for p in points_of(axis)} == {tuple(p) for p in embeddings[loss]}
    assert len(figure.legends) == 1


@pytest.mark.parametrize("channels", [1, 3])
def test_figure_2_rows_are_image_map_and_overlay(channels):
    generator = np.random.default_rng(0)
    image = generator.integers(0, 256, (32, 32, channels), dtype=np.uint8)
    maps = {loss: generator.random((32, 32)) for loss in LOSSES}
    figure = plots.activation_map(image, maps, ["airplane 99%"] * 3)
    axes = np.array(figure.axes[:9]).reshape(3, 3)
    for column, cam in enumerate(maps.values()):
        shown = [axes[row, column].images[0].get_array() for row in range(3)]
        np.testing.assert_array_equal(shown[0], image.squeeze())
        np.testing.assert_allclose(shown[1], plt.get_cmap("jet")(cam)[..., :3])
        np.testing.assert_allclose(shown[2], plots.overlay(image, cam))
    assert "airplane 99%" in axes[0, 2].get_title()
    assert len(figure.axes) == 10  # and the colour scale


def test_overlay_is_aligned_with_its_image():
    image, cam = np.zeros((8, 8, 3), np.uint8), np.zeros((8, 8), np.float32)
    image[2, 5], cam[2, 5] = 255, 1
    picture = plots.overlay(image, cam)
    brightest = np.unravel_index(picture[..., 0].argmax(), (8, 8))
    assert brightest == (2, 5)


def test_figure_6_has_a_block_a_class_and_a_column_a_loss():
    generator = np.random.default_rng(0)
    labels = np.arange(10).repeat(3)
    images = generator.integers(0, 256, (30, 32, 32, 3), dtype=np.uint8)
    maps = {loss: generator.random((30, 32, 32)) for loss in LOSSES}
    figure = plots.activation_blocks(images, maps, labels, NAMES)
    pictures = [axis for axis in figure.axes if axis.images]
    assert len(pictures) == 30 * 4
    assert [text.get_text() for text in figure.texts] == NAMES
    for index in (0, 17, 29):
        row = pictures[4 * index : 4 * index + 4]
        np.testing.assert_array_equal(row[0].images[0].get_array(), images[index])
        for axis, loss in zip(row[1:], LOSSES, strict=True):
            np.testing.assert_allclose(
                axis.images[0].get_array(), plots.overlay(images[index], maps[loss][index])
            )
        tops = {round(axis.get_position().y1, 6) for axis in row}
        assert len(tops) == 1


def sweep_metrics():
    points = [(1.0, 0.5), (0.1, 0.5), (0.01, 0.5), (0.1, 1.0)]
    rows = [("cross_entropy", np.nan, np.nan, seed, 80 + seed) for seed in range(3)]
    rows += [("amc", w, m, seed, 82 + w + m + seed) for w, m in points for seed in range(3)]
    metrics = pd.DataFrame(rows, columns=["loss", "weight", "margin", "seed", "accuracy"])
    return metrics.assign(dataset="cifar10")


def test_figure_7_shows_means_errors_p_values_and_baseline():
    figure = plots.sweep(sweep_metrics(), weight=0.1, margin=0.5, title="My data")
    over_weight, over_margin = figure.axes
    assert over_weight.get_xscale() == "log"
    assert over_weight.get_ylabel() == "accuracy on My data (%)"
    for axis, x, y in (
        (over_weight, [0.01, 0.1, 1], [83.51, 83.6, 84.5]),
        (over_margin, [0.5, 1.0], [83.6, 84.1]),
    ):
        container = axis.containers[0]
        np.testing.assert_allclose(container.lines[0].get_xydata(), np.column_stack([x, y]))
        for segment, mean in zip(container.lines[2][0].get_segments(), y, strict=True):
            np.testing.assert_allclose(segment[:, 1], [mean - 1, mean + 1])
        dashed = next(line for line in axis.lines if line.get_linestyle() == "--")
        assert set(dashed.get_ydata()) == {81}
        assert len(axis.texts) == len(x)
    # Welch for means 84.5 and 81, both with SD 1 and n = 3: t = 4.287, 4 degrees of freedom.
    assert over_weight.texts[-1].get_text() == "p = 0.0128"


def test_figure_7_has_the_test_that_it_is_given():
    metrics = sweep_metrics()
    metrics.loc[metrics["loss"] == "cross_entropy", "accuracy"] = [81, 81.1, 81.2]
    texts = [
        plots.sweep(metrics, 0.1, 0.5, "x", equal).axes[0].texts[-1].get_text() for equal in (False, True)
    ]
    assert texts[0] != texts[1]


def test_figure_3_takes_its_numbers_from_the_network():
    texts = []
    for channels, classes, width in ((3, 20, 1), (1, 7, 0.25)):
        network = networks.build("top", channels, classes, width_multiplier=width)
        figure = diagram.framework(networks.summarise(network, (channels, 32, 32)))
        texts.append("\n".join(text.get_text() for text in figure.axes[0].texts))
    for part in (
        "32×32×3",
        "3 × 32×32×128",
        "3 × 16×16×256",
        "6×6×512\n6×6×256\n6×6×128",
        "128-d",
        "20 classes",
    ):
        assert part in texts[0]
    for part in ("32×32×1", "3 × 32×32×32", "3 × 16×16×64", "6×6×128\n6×6×64\n6×6×32", "32-d", "7 classes"):
        assert part in texts[1]


def test_saving_twice_gives_the_same_bytes(tmp_path):
    for turn in ("first", "second"):
        figure = plots.sweep(sweep_metrics(), weight=0.1, margin=0.5, title="My data")
        plots.save(figure, [str(tmp_path / f"{turn}.{end}") for end in ("pdf", "png")])
    for end in ("pdf", "png"):
        assert (tmp_path / f"first.{end}").read_bytes() == (tmp_path / f"second.{end}").read_bytes()


def test_style():
    assert len({tuple(colour) for colour in plots.class_colours(20)}) == 20
    assert len({tuple(colour) for colour in plots.class_colours(10)}) == 10
    assert len(set(plots.LOSS_COLOURS.values())) == 3
