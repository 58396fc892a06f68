"""Measures of class activation maps: how compact they are, and how much of them lies where it should.

Maps are rectified. None of the measures changes when a map is multiplied by a positive number; those of a map
without anything positive are NaN.
"""

from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata

Maps = NDArray[np.floating]
Values = NDArray[np.float64]


def rectified(maps: Maps) -> Values:
    """Maps in float64, their negative part cut off."""
    return np.maximum(maps.astype(np.float64), 0)


def gini(maps: Maps) -> Values:
    """Gini index of each map's cells: 0 where all are equal, 1 - 1/cells where one has all.

    Hurley and Rickard (2009), table I; of explanations Chalasani et al. (2020).

    Args:
        maps: Shape (n, h, w), nothing negative.

    Returns:
        Shape (n,).
    """
    shares = np.sort(_shares(maps), axis=1)
    cells = shares.shape[1]
    rank = np.arange(1, cells + 1)
    return 1 - 2 * (shares * (cells - rank + 0.5) / cells).sum(1)


def entropy(maps: Maps) -> Values:
    """Entropy of each map over the logarithm of its cells: 0 where one cell has all, 1 where all are equal.

    Args:
        maps: Shape (n, h, w), nothing negative.
    """
    shares = _shares(maps)
    logarithms = np.log(np.where(shares > 0, shares, 1))
    most = np.log(shares.shape[1])
    return -(shares * logarithms).sum(1) / (most or np.nan)


def half_area(maps: Maps) -> Values:
    """Share of each map's cells that have at least half of its maximum: yellow and red in a picture.

    Args:
        maps: Shape (n, h, w), nothing negative.
    """
    cells = _flat(maps)
    peak = cells.max(1, keepdims=True)
    return np.where(peak[:, 0] > 0, (cells >= peak / 2).mean(1), np.nan)


def spread(maps: Maps) -> Values:
    """Root-mean-square distance of each map's mass from its centroid, relative to that of a uniform map.

    Args:
        maps: Shape (n, h, w), nothing negative; for one cell it is not defined.
    """
    _, height, width = maps.shape
    rows, columns = (axis.ravel() for axis in np.mgrid[:height, :width])
    shares = _shares(maps)
    variance = sum(
        (shares * place**2).sum(1) - (shares * place).sum(1) ** 2
        for place in (rows.astype(float), columns.astype(float))
    )
    uniform = np.var(np.arange(height)) + np.var(np.arange(width))
    return np.sqrt(np.maximum(variance, 0) / (uniform or np.nan))


def share_inside(maps: Maps, mask: NDArray[np.bool_] | Values) -> Values:
    """Share of each map that lies in a mask.

    Args:
        maps: Shape (n, h, w), nothing negative.
        mask: Shape (n, h, w) or (h, w), from 0 to 1.
    """
    maps = maps.astype(np.float64)
    total = maps.sum((1, 2))
    return np.where(total > 0, (maps * mask).sum((1, 2)) / np.where(total > 0, total, 1), np.nan)


def share_of_reachable(maps: Maps, mask: NDArray[np.bool_], cells: Values) -> Values:
    """Share in a mask, 0 for a uniform map and 1 for the cell that has most of the mask alone.

    A stroke is thinner than a cell, so that no map has all of itself inside.

    Args:
        maps: Of the images' size, shape (n, height, width), nothing negative.
        mask: Shape (n, height, width).
        cells: Of the images' size, for each cell the map that has it alone, shape (cells, height, width).

    Returns:
        Shape (n,); NaN also where no cell has more of the mask than a uniform map.
    """
    uniform = mask.mean((1, 2))
    weights = cells.reshape(len(cells), -1) / cells.sum((1, 2))[:, None]
    best = (_flat(mask) @ weights.T).max(1)
    reachable = best - uniform
    reachable = np.where(reachable > 1e-9, reachable, np.nan)  # else it is 0 but for rounding
    return (share_inside(maps, mask) - uniform) / reachable


def pointing(maps: Maps) -> Values:
    """Grid pointing game: of the map of each tile's class the share that lies in that tile.

    Böhle et al. (2021); Rao et al. (2022). 1/4 by chance. A row or column of cells in the very middle counts
    for both sides by half.

    Args:
        maps: Of mosaics of two by two images, shape (mosaics, 4, H, W), nothing negative: top left, top
            right, bottom left, bottom right.

    Returns:
        Shape (mosaics, 4).
    """
    halves = []
    for cells in maps.shape[2:]:
        first = np.clip(cells / 2 - np.arange(cells), 0, 1)
        halves.append((first, 1 - first))
    tiles = [np.outer(row, column) for row in halves[0] for column in halves[1]]
    return np.stack([share_inside(maps[:, at], tile) for at, tile in enumerate(tiles)], axis=1)


def standard_ranks(maps: Maps) -> Values:
    """Ranks of each map's cells, ties sharing their mean, with mean 0 and length 1.

    The inner product of two is Spearman's correlation of the maps.

    Args:
        maps: Shape (n, h, w).

    Returns:
        Shape (n, cells); NaN where all cells are equal.
    """
    ranks = rankdata(_flat(maps), axis=1)
    ranks -= ranks.mean(1, keepdims=True)
    length = np.linalg.norm(ranks, axis=1, keepdims=True)
    return np.where(length > 0, ranks / np.where(length > 0, length, 1), np.nan)


def _flat(maps: NDArray[Any]) -> NDArray[Any]:
    """Shape (n, cells), also of no maps at all."""
    return maps.reshape(len(maps), prod(maps.shape[1:]))


def _shares(maps: Maps) -> Values:
    """Each cell's share of its map, shape (n, cells); NaN where the map is 0 throughout."""
    cells = _flat(maps).astype(np.float64)
    total = cells.sum(1, keepdims=True)
    return np.where(total > 0, cells / np.where(total > 0, total, 1), np.nan)
