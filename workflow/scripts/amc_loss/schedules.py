"""Gaussian ramps of section 3.2. Epochs are counted from 0, so that w(0) = exp(-5)."""

from math import exp


def ramp_up(epoch: int, length: int) -> float:
    """``exp(-5 (1 - t/length)²)`` during the first ``length`` epochs, then 1: the paper's w(t).

    Args:
        epoch: t, counted from 0.
        length: Epochs of the ramp (80 in the paper; 40 for Figures 1 and 4); 0 for no ramp.
    """
    return exp(-5 * (1 - epoch / length) ** 2) if epoch < length else 1.0


def ramp_down(epoch: int, length: int, epochs: int) -> float:
    """``exp(-12.5 (1 - (epochs - t)/length)²)`` during the last ``length`` epochs, before that 1.

    Args:
        epoch: t, counted from 0.
        length: Epochs of the ramp (50 in the paper; 30 for Figures 1 and 4); 0 for no ramp.
        epochs: Epochs of the whole training.
    """
    remaining = epochs - epoch
    return exp(-12.5 * (1 - remaining / length) ** 2) if remaining < length else 1.0


def learning_rate(
    epoch: int, *, maximum: float, ramp_up_epochs: int, ramp_down_epochs: int, epochs: int
) -> float:
    """Learning rate of an epoch: the maximum times both ramps (section 3.2)."""
    return maximum * ramp_up(epoch, ramp_up_epochs) * ramp_down(epoch, ramp_down_epochs, epochs)


def beta1(epoch: int, *, start: float, end: float, ramp_down_epochs: int, epochs: int) -> float:
    """Adam's β1 of an epoch: from ``start`` to ``end`` along the ramp-down curve (section 3.2)."""
    share = ramp_down(epoch, ramp_down_epochs, epochs)
    return share * start + (1 - share) * end
