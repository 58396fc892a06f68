"""Section 3.2's schedules at epochs worked out by hand from its formulas."""

from math import exp

import pytest

from amc_loss.training.schedules import ramp_down, ramp_up, rates

PAPER = {
    "epochs": 300,
    "ramp_up": 80,
    "ramp_down": 50,
    "learning_rate": 0.003,
    "beta1": 0.9,
    "beta1_end": 0.5,
    "ramp_down_steepness": 12.5,
    "auxiliary_schedule": {"maximum": 1, "first_epoch": "ramp", "ramps_down": False},
}
RELEASED = {
    **PAPER,
    "epochs": 200,
    "ramp_up": 50,
    "ramp_down": 30,
    "ramp_down_steepness": 7.5,
    "auxiliary_schedule": {"maximum": 100, "first_epoch": "zero", "ramps_down": False},
}


@pytest.mark.parametrize(
    ("epoch", "up", "down"),
    [
        (0, exp(-5), 1),
        (40, exp(-1.25), 1),
        (79, exp(-5 / 6400), 1),
        (80, 1, 1),
        (250, 1, 1),
        (251, 1, exp(-12.5 * 0.02**2)),
        (275, 1, exp(-3.125)),
        (299, 1, exp(-12.5 * 0.98**2)),
    ],
)
def test_ramps_of_the_paper(epoch, up, down):
    assert ramp_up(epoch, 80) == pytest.approx(up, rel=1e-12)
    assert ramp_down(epoch, 50, 300) == pytest.approx(down, rel=1e-12)
    row = rates(epoch, PAPER)
    assert row["learning_rate"] == pytest.approx(0.003 * up * down, rel=1e-12)
    assert row["beta1"] == pytest.approx(0.9 * down + 0.5 * (1 - down), rel=1e-12)
    assert row["w"] == pytest.approx(up, rel=1e-12)


def test_no_ramps():
    assert ramp_up(0, 0) == ramp_down(9, 0, 10) == 1
    assert rates(0, {**PAPER, "ramp_up": 0, "ramp_down": 0}) == {"learning_rate": 0.003, "beta1": 0.9, "w": 1}


@pytest.mark.parametrize(("epoch", "w"), [(0, 0), (1, 100 * exp(-5 * 0.98**2)), (50, 100), (199, 100)])
def test_w_of_the_released_code_is_a_hundred_times_the_ramp_and_0_in_the_first_epoch(epoch, w):
    assert rates(epoch, RELEASED)["w"] == pytest.approx(w, rel=1e-12)


def test_ramp_down_of_the_released_code():
    """Its exponent is a quarter of the squared epochs since the start of the ramp, over the ramp's length."""
    for epoch in (170, 171, 185, 199):
        factor = exp(-((epoch - 170) ** 2) / (4 * 30))
        assert rates(epoch, RELEASED)["learning_rate"] == pytest.approx(0.003 * factor, rel=1e-12)
        assert rates(epoch, RELEASED)["beta1"] == pytest.approx(0.9 * factor + 0.5 * (1 - factor), rel=1e-12)


def test_w_ramps_down_where_it_is_told_to():
    settings = {**PAPER, "auxiliary_schedule": {**PAPER["auxiliary_schedule"], "ramps_down": True}}
    assert rates(275, settings)["w"] == pytest.approx(exp(-3.125), rel=1e-12)
    assert rates(100, settings)["w"] == 1


def test_cross_entropy_has_no_w():
    assert rates(100, {**PAPER, "auxiliary_schedule": {}})["w"] == 0


@pytest.mark.parametrize("t", [0, 0.5, 0.999])
def test_w_is_0_throughout_the_first_epoch(t):
    assert rates(t, RELEASED)["w"] == 0
