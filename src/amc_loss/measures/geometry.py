"""Deep features in space: t-SNE (Figure 5) and how classes spread (Figures 1 and 4)."""

from collections.abc import Sequence
from itertools import combinations
from math import comb

import numpy as np
from numpy.typing import NDArray
from sklearn.manifold import TSNE
from sklearn.neighbors import NearestNeighbors
from sklearn.preprocessing import normalize

from amc_loss.data.sampling import sample

CLASSES = 5  # as many as the paper's Figure 1 shows
NEIGHBOURS = 10
MOST_CHOICES = 1_000_000


def select(
    labels: NDArray[np.int64], class_names: Sequence[str], classes: Sequence[str] | None, points: int
) -> NDArray[np.int64]:
    """Indices of the samples of the classes, see `shown_classes`, among a `sample` of ``points``."""
    shown = [class_names.index(name) for name in shown_classes(class_names, classes)]
    drawn = sample(len(labels), points)
    return drawn[np.isin(labels[drawn], shown)]


def shown_classes(class_names: Sequence[str], classes: Sequence[str] | None) -> Sequence[str]:
    """The classes that Figure 1 shows: those that are named, or the first five."""
    return class_names[:CLASSES] if classes is None else classes


def tsne(
    features: NDArray[np.float32], perplexity: float, seed: int, normalised: bool = True
) -> NDArray[np.float32]:
    """t-SNE of deep features in two dimensions.

    Args:
        features: Shape (n, d).
        perplexity: As of scikit-learn's TSNE; its other settings are the defaults.
        seed: Seed of the embedding.
        normalised: Whether the features are brought to unit length first.

    Returns:
        Shape (n, 2).

    Raises:
        ValueError: If there are not more points than the perplexity.
    """
    if len(features) <= perplexity:
        raise ValueError(
            f"figures.figure5.perplexity is {perplexity:g}, but there are only {len(features)} points"
        )
    points = normalize(features) if normalised else features
    return TSNE(perplexity=perplexity, random_state=seed).fit_transform(points)


def angular_spread(features: NDArray[np.float32], labels: NDArray[np.int64]) -> tuple[float, float]:
    """How compact and how separate classes lie on the unit sphere, in degrees.

    Args:
        features: Shape (n, d).
        labels: Shape (n,).

    Returns:
        The mean angle between a point and the direction of its class's mean, and the smallest angle between
        the mean directions of two classes.
    """
    points = normalize(features)
    present = np.unique(labels)
    means = normalize(np.stack([points[labels == label].mean(0) for label in present]))
    own = means[np.searchsorted(present, labels)]
    within = np.degrees(np.arccos(np.clip((points * own).sum(1), -1, 1))).mean()
    between = np.degrees(np.arccos(np.clip(means @ means.T, -1, 1)))
    return float(within), float(between[~np.eye(len(means), dtype=bool)].min())


def radial_share(features: NDArray[np.float32], labels: NDArray[np.int64]) -> float:
    """Share of the within-class variance that lies along the direction of the class's mean.

    1 means that a class differs within itself in length alone: the "angular distribution" of Figure 1. A
    round cloud of d dimensions has 1/d.

    Args:
        features: Shape (n, d), not normalised.
        labels: Shape (n,).

    Returns:
        NaN where no class has any variance.
    """
    radial = total = 0.0
    for label in np.unique(labels):
        members = features[labels == label].astype(np.float64)
        mean = members.mean(0)
        deviation = members - mean
        total += float((deviation**2).sum())
        radial += float(((deviation @ (mean / np.linalg.norm(mean))) ** 2).sum())
    return radial / total if total else float("nan")


def neighbours(features: NDArray[np.float32], labels: NDArray[np.int64]) -> float:
    """Of the ten nearest to each point by angle, the per cent that are of its class, on average.

    Args:
        features: Shape (n, d), more than ten.
        labels: Shape (n,).
    """
    points = normalize(features)
    nearest = NearestNeighbors(n_neighbors=NEIGHBOURS, algorithm="brute").fit(points).kneighbors()[1]
    return 100 * float((labels[nearest] == labels[:, None]).mean())


def classes_percentile(
    features: NDArray[np.float32], labels: NDArray[np.int64], shown: Sequence[int]
) -> float:
    """Of all choices of as many classes, how many per cent have no higher radial share than those shown.

    Args:
        features: Shape (n, d), not normalised.
        labels: Shape (n,).
        shown: Labels of the classes shown.

    Returns:
        NaN where all classes are shown, one of them has no point, or there are over a million choices.
    """
    present = np.unique(labels).tolist()
    choices = comb(len(present), len(shown))
    if not set(shown) <= set(present) or not 1 < choices <= MOST_CHOICES:
        return float("nan")
    # Radial and total variance add up over classes.
    parts = {}
    for label in present:
        members = features[labels == label].astype(np.float64)
        total = float(((members - members.mean(0)) ** 2).sum())
        radial = total * radial_share(members, np.zeros(len(members), np.int64)) if total else 0.0
        parts[label] = np.array([radial, total])
    share = {}
    for choice in combinations(present, len(shown)):
        radial, total = np.sum([parts[label] for label in choice], axis=0)
        share[choice] = radial / total if total else np.nan
    own = share[tuple(sorted(shown))]
    return 100 * float(np.mean([value <= own + 1e-12 for value in share.values()]))
