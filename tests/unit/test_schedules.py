"""Section 3.2's schedules at epochs worked out by hand from its formulas."""

from math import exp

import pytest

from amc_loss.schedules import beta1, learning_rate, ramp_down, ramp_up
from amc_loss.training import epoch_settings

PAPER = {
    "epochs": 300,
    "ramp_up": 80,
    "ramp_down": 50,
    "learning_rate": 0.003,
    "beta1": 0.9,
    "beta1_end": 0.5,
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
    row = epoch_settings(epoch, PAPER)
    assert row["learning_rate"] == pytest.approx(0.003 * up * down, rel=1e-12)
    assert row["beta1"] == pytest.approx(0.9 * down + 0.5 * (1 - down), rel=1e-12)
    assert row["w"] == pytest.approx(up, rel=1e-12)


def test_no_ramps():
    assert ramp_up(0, 0) == ramp_down(9, 0, 10) == 1
    assert learning_rate(0, maximum=0.1, ramp_up_epochs=0, ramp_down_epochs=0, epochs=1) == 0.1
    assert beta1(0, start=0.9, end=0.5, ramp_down_epochs=0, epochs=1) == 0.9
