"""Training curves, read off the figure's objects."""

from math import exp

import numpy as np
import pytest
from figures import EPOCHS, FIGURES, LOSSES, SCHEDULED, SCHEDULES, SHOWN, histories
from matplotlib import colors

from amc_loss.views import curves


def check(axis, column, seeds, losses):
    """Lines are means over three seeds in a band of their range; ``seeds`` gives these of a loss."""
    lines = [line for line in axis.lines if len(line.get_xdata()) == EPOCHS]
    assert [line.get_label() for line in lines] == [LOSSES[loss] for loss in losses], column
    for loss, line, band in zip(losses, lines, axis.collections, strict=True):
        values = np.array(seeds(loss))
        np.testing.assert_allclose(line.get_xydata(), np.column_stack([range(1, EPOCHS + 1), values.mean(0)]))
        assert colors.to_rgb(line.get_color()) == SHOWN.colours[loss]
        np.testing.assert_allclose(band.get_facecolor()[0, :3], SHOWN.colours[loss])
        box = band.get_paths()[0].get_extents()
        assert (box.y0, box.y1) == pytest.approx((values.min(), values.max()))


def test_each_loss_has_its_colour_and_the_range_of_its_seeds():
    axes = FIGURES["curves"]().axes
    given = histories()
    with_auxiliary = [loss for loss in LOSSES if loss != "cross_entropy"]
    for at, column, losses in (
        (0, "cross_entropy", LOSSES),
        (1, "auxiliary", with_auxiliary),
        (2, "accuracy", LOSSES),
        (4, "gradient_share", with_auxiliary),
    ):
        check(axes[at], column, lambda loss, of=column: [run[of] for run in given[loss]], losses)
    # The auxiliary losses are a hundred times apart.
    assert [axis.get_yscale() for axis in axes] == ["linear", "log", *["linear"] * 7]


def test_differences_are_those_of_runs_of_one_seed():
    given = histories()
    # Of the three seeds the differences to the same seed's baseline are equal, those to its mean are not.
    for loss in ("euclidean", "amc"):
        for run, base in zip(given[loss], given["cross_entropy"], strict=True):
            run["accuracy"] = base["accuracy"] + 3
    axis = curves.training_curves(given, SCHEDULES, SHOWN).axes[5]
    check(axis, "accuracy", lambda _: [[3] * EPOCHS] * 3, ["euclidean", "amc"])
    assert axis.get_title() == "(f) accuracy\nminus that under Cross-entropy"
    axis = FIGURES["curves"]().axes[3]
    runs = histories()
    check(
        axis,
        "cross_entropy",
        lambda loss: [
            run["cross_entropy"] - base["cross_entropy"]
            for run, base in zip(runs[loss], runs["cross_entropy"], strict=True)
        ],
        ["euclidean", "amc"],
    )


def test_a_baseline_in_whose_place_another_stands_is_named_in_its_titles_as_text():
    figure = FIGURES["curves"]()
    assert [axis.title.get_parse_math() for axis in figure.axes[3:6]] == [False] * 3
    assert figure.axes[0].title.get_parse_math()


def test_curves_of_one_seed():
    one = {loss: runs[:1] for loss, runs in histories().items()}
    lines = curves.training_curves(one, SCHEDULES, SHOWN).axes[0].lines
    np.testing.assert_allclose(lines[0].get_ydata(), histories()["cross_entropy"][0]["cross_entropy"])


def test_schedules_are_drawn_as_planned():
    for axis, column in zip(FIGURES["curves"]().axes[6:], ("learning_rate", "w", "beta1"), strict=True):
        (line,) = axis.lines
        np.testing.assert_array_equal(line.get_xydata(), SCHEDULES[["epoch", column]])


def test_a_ramp_of_one_epoch_is_seen():
    planned = curves.planned({**SCHEDULED, "epochs": 10}).set_index("epoch")
    assert planned.index[0] == 0
    assert 9.9 < planned.index[-1] < 10
    # Halfway through the first epoch: exp(-5 · 0.5²).
    assert planned["w"][[0, 0.5, 1]].tolist() == pytest.approx([exp(-5), exp(-1.25), 1])
    assert planned["learning_rate"][[0.5, 5, 9]].tolist() == pytest.approx(
        [0.003 * exp(-1.25), 0.003, 0.003 * exp(-12.5 / 4)]
    )
    assert planned["beta1"][[5, 9]].tolist() == pytest.approx([0.9, 0.5 + 0.4 * exp(-12.5 / 4)])


def test_what_changes_each_epoch_stays_during_it():
    planned = curves.planned({**SCHEDULED, "epochs": 10, "schedules_change": "epoch"}).set_index("epoch")
    assert planned.loc[:0.98, "w"].tolist() == pytest.approx([exp(-5)] * 50)
    assert planned.loc[9:9.98, "learning_rate"].tolist() == pytest.approx([0.003 * exp(-12.5 / 4)] * 50)


def test_the_band_reaches_from_the_lowest_seed_to_the_highest():
    given = histories()
    for runs in given.values():
        runs[0]["accuracy"] = runs[1]["accuracy"]
    axis = curves.training_curves(given, SCHEDULES, SHOWN).axes[2]
    for runs, band in zip(given.values(), axis.collections, strict=True):
        values = np.array([run["accuracy"] for run in runs])
        box = band.get_paths()[0].get_extents()
        assert (box.y0, box.y1) == pytest.approx((values.min(), values.max()))


def test_each_panel_of_the_curves_is_called_what_it_shows():
    titles = [axis.get_title() for axis in FIGURES["curves"]().axes]
    assert titles == [
        "(a) cross-entropy $L_C$",
        "(b) auxiliary loss, before w(t) λ",
        "(c) training accuracy (%)",
        "(d) cross-entropy\nminus that under Cross-entropy",
        "(e) auxiliary share\nof the gradient",
        "(f) accuracy\nminus that under Cross-entropy",
        "(g) learning rate",
        "(h) w(t)",
        "(i) Adam's $β_1$",
    ]


def test_lines_of_losses_differ_without_colours():
    lines = FIGURES["curves"]().axes[0].lines
    assert len({line.get_linestyle() for line in lines}) == len(lines)
