"""Minibatches of a dataset on the device, in the order and the places that a training sees them."""

from collections.abc import Iterator

import torch
from torch import Tensor


def translate(images: Tensor, pixels: int) -> Tensor:
    """Move each image by its own random offset, reflecting at the borders.

    Args:
        images: Shape (n, channels, height, width).
        pixels: The largest offset in each direction; all integers up to it are equally likely.
    """
    n, _, *sizes = images.shape
    indices = []
    for size in sizes:
        offset = torch.randint(-pixels, pixels + 1, (n, 1), device=images.device)
        index = (torch.arange(size, device=images.device) + offset).abs()
        indices.append(size - 1 - (size - 1 - index).abs())
    rows, columns = indices
    sample = torch.arange(n, device=images.device)[:, None, None]
    return images.permute(0, 2, 3, 1)[sample, rows[:, :, None], columns[:, None, :]].permute(0, 3, 1, 2)


def steps_per_epoch(images: int, batch_size: int, drop_last: bool) -> int:
    """How many minibatches `minibatches` makes of so many images."""
    full, rest = divmod(images, batch_size)
    return full if drop_last else full + bool(rest)


def minibatches(
    images: int, batch_size: int, order: torch.Generator, drop_last: bool = True
) -> Iterator[Tensor]:
    """Indices of shuffled minibatches, each of shape (n,).

    Args:
        images: How many there are.
        batch_size: Images a minibatch.
        order: Generator on the device on which the indices are wanted.
        drop_last: Whether a last minibatch that is not full is left out.
    """
    for batch in torch.randperm(images, generator=order, device=order.device).split(batch_size):
        if len(batch) == batch_size or not drop_last:
            yield batch
