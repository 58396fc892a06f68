"""Selection of points, t-SNE, and the numbers under Figures 1 and 4."""

from itertools import combinations

import numpy as np
import pytest

from amc_loss.measures import geometry


def test_select_keeps_order_class_and_number():
    labels = np.array([0, 1, 2, 0, 1, 2, 0])
    names = ["a", "b", "c"]
    assert geometry.select(labels, names, ["a", "c"], 7).tolist() == [0, 2, 3, 5, 6]
    assert geometry.select(labels, names, ["b"], 10).tolist() == [1, 4]
    assert geometry.select(np.arange(8), list("abcdefgh"), None, 10).tolist() == [0, 1, 2, 3, 4]


def test_of_many_images_in_the_order_of_their_classes_all_classes_are_shown():
    labels = np.repeat([0, 1, 2], 1000)
    for classes, most in ((None, 600), (["a", "c"], 400)):
        shown = geometry.select(labels, ["a", "b", "c"], classes, 600)
        assert len(set(shown)) == len(shown) <= 600
        counts = np.bincount(labels[shown], minlength=3)
        assert counts.sum() == pytest.approx(most, abs=60)
        assert all(150 < count < 250 for count in counts[[0, 2]])


def test_tsne_separates_clusters_whatever_their_length_and_repeats_itself():
    generator = np.random.default_rng(0)
    directions = np.eye(3).repeat(30, 0) + 0.02 * generator.standard_normal((90, 3))
    features = (directions * generator.uniform(0.1, 10, (90, 1))).astype(np.float32)
    labels = np.arange(3).repeat(30)
    points = geometry.tsne(features, perplexity=10, seed=0)
    centres = np.stack([points[labels == label].mean(0) for label in range(3)])
    nearest = np.linalg.norm(points[:, None] - centres, axis=2).argmin(1)
    assert (nearest == labels).all()
    np.testing.assert_array_equal(points, geometry.tsne(features, perplexity=10, seed=0))
    with pytest.raises(ValueError, match="perplexity is 90, but there are only 90 points"):
        geometry.tsne(features, perplexity=90, seed=0)


def test_tsne_can_see_the_length_of_features():
    generator = np.random.default_rng(0)
    length = np.array([1.0, 50.0]).repeat(30)
    features = (length[:, None] * (np.ones(3) + 0.01 * generator.standard_normal((60, 3)))).astype(np.float32)

    def apart(points):
        centres = np.stack([points[length == value].mean(0) for value in (1, 50)])
        return np.linalg.norm(centres[0] - centres[1]) / points.std()

    seen, unseen = (apart(geometry.tsne(features, 10, 0, normalised)) for normalised in (False, True))
    assert seen > 1.5
    assert unseen < 1


def test_angular_spread_of_cones_around_the_axes():
    """Four points 10 degrees off each of two axes that are 90 degrees apart, lengths of no matter."""
    tilt = np.radians(10)
    ring = np.array([[1, 0], [-1, 0], [0, 1], [0, -1]]) * np.sin(tilt)
    around_x = np.column_stack([np.full(4, np.cos(tilt)), ring])
    features = np.concatenate([around_x, around_x[:, [1, 0, 2]]]) * np.arange(1, 9)[:, None]
    features[:4] /= np.linalg.norm(features[:4], axis=1, keepdims=True)
    labels = np.array([4] * 4 + [7] * 4)
    within, between = geometry.angular_spread(features, labels)
    assert within == pytest.approx(10, abs=1e-4)
    assert between == pytest.approx(90, abs=1e-4)


def test_radial_share():
    along = np.outer(np.linspace(1, 2, 11), [3.0, 4.0])
    assert geometry.radial_share(along, np.zeros(11)) == pytest.approx(1)
    across = np.array([10.0, 0.0]) + np.outer(np.linspace(-1, 1, 11), [0.0, 1.0])
    assert geometry.radial_share(across, np.zeros(11)) == pytest.approx(0)
    assert geometry.radial_share(np.concatenate([along, across]), np.repeat([0, 1], 11)) == pytest.approx(
        along.var(0).sum() / (along.var(0).sum() + across.var(0).sum())
    )


def test_what_has_no_variance_or_is_not_there_has_no_number():
    generator = np.random.default_rng(0)
    assert np.isnan(geometry.radial_share(np.eye(4, dtype=np.float32), np.arange(4)))
    points = generator.normal(size=(200, 2)).astype(np.float32)
    assert np.isnan(geometry.classes_percentile(points, np.arange(200) % 4, [0, 9]))
    # 75 million choices.
    assert np.isnan(geometry.classes_percentile(points, np.arange(200) % 100, [0, 1, 2, 3, 4]))


def test_a_class_counts_by_its_number_of_points():
    generator = np.random.default_rng(0)
    labels = np.repeat(range(5), [40, 20, 10, 5, 3])
    spread = generator.uniform(0.1, 1, (5, 3))[labels]
    features = 3 * np.eye(5, 3)[labels] + 1 + spread * generator.normal(size=(78, 3))
    units = features / np.linalg.norm(features, axis=1, keepdims=True)
    means = [units[labels == label].mean(0) for label in range(5)]
    cosines = [
        u @ means[label] / np.linalg.norm(means[label]) for u, label in zip(units, labels, strict=True)
    ]
    assert geometry.angular_spread(features, labels)[0] == pytest.approx(
        np.degrees(np.arccos(cosines)).mean()
    )

    def share(choice):
        along = total = 0
        for label in choice:
            members = features[labels == label]
            covariance, mean = np.cov(members.T, ddof=0), members.mean(0)
            along += len(members) * (mean @ covariance @ mean) / (mean @ mean)
            total += len(members) * np.trace(covariance)
        return along / total

    assert geometry.radial_share(features, labels) == pytest.approx(share(range(5)))
    shares = {choice: share(choice) for choice in combinations(range(5), 2)}
    for choice, own in shares.items():
        rank = 10 * sum(value <= own + 1e-9 for value in shares.values())
        assert geometry.classes_percentile(features, labels, choice) == pytest.approx(rank)


def test_five_of_twenty_classes_have_a_rank():
    points = np.random.default_rng(0).normal(size=(200, 2)).astype(np.float32)
    assert not np.isnan(geometry.classes_percentile(points, np.arange(200) % 20, [0, 1, 2, 3, 4]))


def test_tsne_is_given_its_perplexity_and_its_seed(monkeypatch):
    given = {}

    class Recorded:
        def __init__(self, **settings):
            given.update(settings)

        def fit_transform(self, points):
            return points[:, :2]

    monkeypatch.setattr(geometry, "TSNE", Recorded)
    geometry.tsne(np.eye(9, dtype=np.float32), perplexity=7, seed=3)
    assert given == {"perplexity": 7, "random_state": 3}
