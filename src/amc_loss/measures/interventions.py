"""What a run's network makes of test images and of changed ones, by which explanations are measured."""

from collections.abc import Callable, Iterator, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter
from torch import Tensor

from amc_loss.data.dataset import Dataset
from amc_loss.data.sampling import sample
from amc_loss.runs.activations import Activations
from amc_loss.training.arithmetic import allow_tf32, to_device
from amc_loss.training.networks import ConvNet

BATCH = 500
STEPS = 9  # of a deletion, at most
# What takes the place of deleted pixels. Which of them it is may turn the sign of what is measured.
FILLINGS: dict[str, Callable[[Tensor], Tensor]] = {
    "blur": lambda images: torch.from_numpy(
        gaussian_filter(images.cpu().numpy(), 5, radius=5, axes=(2, 3), mode="reflect")
    ).to(images.device),
    "mean": lambda images: images.mean((2, 3), keepdim=True).expand_as(images),
    "zero": torch.zeros_like,
}


@torch.no_grad()
def explain_run(
    network: ConvNet,
    dataset: Dataset,
    probabilities: Sequence[NDArray[np.floating]],
    device: torch.device,
    *,
    mosaics: int = 1000,
    confidence: float = 0.99,
    borders: Sequence[int] = (4, 2, 6),
    deleted: int = 1000,
) -> Activations:
    """Everything that is measured of a run's explanations, in float32.

    The choice of images, mosaics, borders and random orders depends on the seed's losses together and on
    nothing else, so that they are the same for all of them.

    Args:
        network: The run's, in evaluation mode, on ``device``.
        dataset: The data.
        probabilities: Of the test images under each loss of the run's seed, shape (n, classes).
        device: Where to compute.
        mosaics: How many to draw.
        confidence: Which probability of its class all losses give to an image that is a tile.
        borders: Widths in pixels of the borders to exchange.
        deleted: Of how many images to delete cells, at most.
    """
    allow_tf32(False)
    images, labels = to_device(dataset.x_test, device), dataset.y_test
    weight = network.classifier.weight.detach()
    both = torch.stack([weight, weight - weight.mean(0)])
    maps = np.concatenate([_maps(network, batch, both, at) for batch, at in _batches(images, labels)])
    # Drawn one by one from generators of their own, so that one number changes no other draw.
    tiles = draw_mosaics(labels, probabilities, mosaics, confidence, np.random.default_rng(0))
    donors = other_class(labels, np.random.default_rng(1))
    correct = all_correct(labels, probabilities)
    which = np.flatnonzero(correct)[sample(int(correct.sum()), deleted)]
    return Activations(
        maps=maps[:, 0].astype(np.float16),
        weight_rms=weight.square().mean(1).sqrt().cpu().numpy().astype(np.float16),
        tiles=tiles,
        mosaic_maps=_of_mosaics(network, images, tiles, labels, both),
        borders=np.array(borders),
        border_logits=np.stack([_with_border(network, images, donors, width) for width in borders]),
        deleted=which,
        deletion=_deletion(
            network, images[torch.from_numpy(which).to(device)], labels[which], maps[which, 0, 0]
        ),
    )


def all_correct(
    labels: NDArray[np.int64], probabilities: Sequence[NDArray[np.floating]]
) -> NDArray[np.bool_]:
    """Which images every network classifies correctly, shape (n,)."""
    return np.all([values.argmax(1) == labels for values in probabilities], axis=0)


def draw_mosaics(
    labels: NDArray[np.int64],
    probabilities: Sequence[NDArray[np.floating]],
    mosaics: int,
    confidence: float,
    generator: np.random.Generator,
) -> NDArray[np.int64]:
    """Four images of four classes for each mosaic, of which every network is sure; shape (mosaics, 4).

    None at all, shape (0, 4), where there are no four classes with such images.
    """
    sure = np.min([values[np.arange(len(labels)), labels] for values in probabilities], axis=0) >= confidence
    sure &= all_correct(labels, probabilities)
    candidates = [
        found for label in np.unique(labels) if len(found := np.flatnonzero(sure & (labels == label)))
    ]
    if len(candidates) < 4:
        return np.empty((0, 4), np.int64)
    chosen = (generator.choice(len(candidates), 4, replace=False) for _ in range(mosaics))
    return np.array([[generator.choice(candidates[label]) for label in four] for four in chosen])


def other_class(labels: NDArray[np.int64], generator: np.random.Generator) -> NDArray[np.int64]:
    """For each image another one, drawn from those of all other classes; shape (n,).

    Where all are of one class, the image itself.
    """
    donors = np.arange(len(labels))
    if len(np.unique(labels)) < 2:
        return donors
    while (same := labels[donors] == labels).any():
        donors[same] = generator.integers(len(labels), size=same.sum())
    return donors


def exchange_border(images: Tensor, others: Tensor, width: int) -> Tensor:
    """Images (n, channels, height, width) with the border of others, so many pixels wide."""
    mixed = others.clone()
    mixed[..., width:-width, width:-width] = images[..., width:-width, width:-width]
    return mixed


def cell_of_pixel(cells: int, size: int, stride: int = 4, border: int = 1) -> NDArray[np.int64]:
    """For each pixel of a side the cell whose centre is nearest, shape (size,).

    Args:
        cells: Cells of the map.
        size: Pixels.
        stride: Pixels from a cell to the next.
        border: Cells that a valid convolution took from each end.
    """
    return np.clip(np.arange(size) // stride - border, 0, cells - 1)


def _batches(images: Tensor, labels: NDArray[np.int64]) -> Iterator[tuple[Tensor, Tensor]]:
    targets = torch.from_numpy(labels).to(images.device)
    yield from zip(images.split(BATCH), targets.split(BATCH), strict=True)


def _last_maps(network: ConvNet, images: Tensor) -> Tensor:
    return network.convolutions(images.float() / network.input_divisor).float()


def _maps(network: ConvNet, images: Tensor, weights: Tensor, labels: Tensor) -> NDArray[np.float32]:
    """w·A of classes (n,) or (n, tiles), each under both forms of the weights: (n, tiles, 2, h, w)."""
    of_class = weights[:, labels if labels.ndim > 1 else labels[:, None]]
    maps = torch.einsum("fntk,nkhw->ntfhw", of_class, _last_maps(network, images))
    return maps.cpu().numpy()


def _of_mosaics(
    network: ConvNet, images: Tensor, tiles: NDArray[np.int64], labels: NDArray[np.int64], weights: Tensor
) -> NDArray[np.float16]:
    found = []
    for start in range(0, len(tiles), BATCH // 4):
        some = tiles[start : start + BATCH // 4]
        parts = images[torch.from_numpy(some).to(images.device)]
        rows = [torch.cat([parts[:, at], parts[:, at + 1]], dim=3) for at in (0, 2)]
        targets = torch.from_numpy(labels[some]).to(images.device)
        found.append(_maps(network, torch.cat(rows, dim=2), weights, targets))
    if not found:
        height, width = (2 * size for size in images.shape[2:])
        blank = torch.zeros(1, images.shape[1], height, width, device=images.device)
        return np.empty((0, 4, 2, *_last_maps(network, blank).shape[2:]), np.float16)
    return np.concatenate(found).astype(np.float16)


def _with_border(
    network: ConvNet, images: Tensor, donors: NDArray[np.int64], width: int
) -> NDArray[np.float16]:
    others = torch.from_numpy(donors).to(images.device)
    logits = [
        network(exchange_border(batch, images[donor], width))
        for batch, donor in zip(images.split(BATCH), others.split(BATCH), strict=True)
    ]
    return torch.cat(logits).cpu().numpy().astype(np.float16)


def deletion_steps(cells: int) -> NDArray[np.int64]:
    """How many of so many cells are deleted at each step: none at first, all at last."""
    return np.unique(np.linspace(0, cells, min(cells, STEPS) + 1).round().astype(int))


def _deletion(
    network: ConvNet, images: Tensor, labels: NDArray[np.int64], maps: NDArray[np.float32]
) -> NDArray[np.float16]:
    """Probability of the true class while cells are deleted; see `Activations.deletion`.

    Args:
        network: The network.
        images: Shape (m, channels, height, width).
        labels: True classes, shape (m,).
        maps: By which cells are ranked, shape (m, h, w).
    """
    count, rows, columns = maps.shape
    cells = rows * columns
    generator = np.random.default_rng(2)
    orders = [
        (-maps.reshape(count, cells)).argsort(1, kind="stable"),
        generator.permuted(np.tile(np.arange(cells), (count, 1)), axis=1),
    ]
    places = [cell_of_pixel(n, size) for n, size in zip((rows, columns), images.shape[2:], strict=True)]
    cell_at = places[0][:, None] * columns + places[1]
    steps = deletion_steps(cells)
    found = np.empty((len(FILLINGS), 2, len(steps), count), np.float16)
    for start in range(0, count, BATCH):
        some = slice(start, start + BATCH)
        batch = images[some].float()
        targets = torch.from_numpy(labels[some]).to(images.device)[:, None]
        for filling, fill in enumerate(FILLINGS.values()):
            filled = fill(batch)
            for way, order in enumerate(orders):
                # When each cell is deleted, and by that each pixel.
                rank = order[some].argsort(1)[:, cell_at.ravel()].reshape(-1, 1, *cell_at.shape)
                turn = torch.from_numpy(rank).to(images.device)
                for at, step in enumerate(steps):
                    probability = network(torch.where(turn < step, filled, batch)).softmax(1)
                    found[filling, way, at, some] = probability.gather(1, targets)[:, 0].cpu().numpy()
    return found
