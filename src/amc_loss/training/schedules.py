"""Gaussian ramps of section 3.2. Time t is in epochs and counted from 0, so that w(0) = exp(-5)."""

from math import exp
from typing import Any


def ramp_up(t: float, length: int) -> float:
    """``exp(-5 (1 - t/length)²)`` during the first ``length`` epochs, then 1: the paper's w(t).

    Args:
        t: Epochs since the start.
        length: Epochs of the ramp (80 in the paper; 40 for Figures 1 and 4); 0 for no ramp.
    """
    return exp(-5 * (1 - t / length) ** 2) if t < length else 1.0


def ramp_down(t: float, length: int, epochs: int, steepness: float = 12.5) -> float:
    """``exp(-steepness (1 - (epochs - t)/length)²)`` during the last ``length`` epochs, before that 1.

    Args:
        t: Epochs since the start.
        length: Epochs of the ramp (50 in the paper; 30 for Figures 1 and 4); 0 for no ramp.
        epochs: Epochs of the whole training.
        steepness: 12.5 in the paper.
    """
    remaining = epochs - t
    return exp(-steepness * (1 - remaining / length) ** 2) if remaining < length else 1.0


def auxiliary_weight(
    t: float, up: float, down: float, *, maximum: float, first_epoch: str, ramps_down: bool
) -> float:
    """w(t), the weight of the auxiliary loss before λ (Algorithm 1).

    Args:
        t: Epochs since the start.
        up: The ramp-up at t.
        down: The ramp-down at t.
        maximum: w(t) between the ramps: 1 in the paper.
        first_epoch: ``"ramp"``, or ``"zero"`` for no auxiliary loss in the first epoch.
        ramps_down: Whether it falls along the ramp-down.
    """
    if first_epoch == "zero" and t < 1:
        return 0.0
    return maximum * up * (down if ramps_down else 1.0)


def rates(t: float, settings: dict[str, Any]) -> dict[str, float]:
    """Learning rate, β1 and w(t), 0 for cross-entropy, of a run at a time (section 3.2).

    Args:
        t: Epochs since the start.
        settings: Resolved settings of the run, as `amc_loss.study.study.Study.settings` gives them.
    """
    up = ramp_up(t, settings["ramp_up"])
    down = ramp_down(t, settings["ramp_down"], settings["epochs"], settings["ramp_down_steepness"])
    auxiliary = settings["auxiliary_schedule"]
    return {
        "learning_rate": settings["learning_rate"] * up * down,
        "beta1": down * settings["beta1"] + (1 - down) * settings["beta1_end"],
        "w": auxiliary_weight(t, up, down, **auxiliary) if auxiliary else 0.0,
    }
