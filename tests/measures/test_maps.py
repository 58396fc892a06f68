"""Measures of maps: values known by hand, and the same in loops over images and cells."""

import math

import numpy as np
import pytest
from scipy import stats

from amc_loss.measures import maps

COMPACTNESS = [maps.gini, maps.entropy, maps.half_area, maps.spread]
NAN = math.nan
# Ties, zeros, and neither square nor of an even number of columns.
RANDOM = maps.rectified(np.random.default_rng(0).integers(-3, 6, (9, 4, 7)))


def with_cells(shape, cells):
    """A map that is 0 but for some cells."""
    one = np.zeros((1, *shape))
    for place, value in cells.items():
        one[0][place] = value
    return one


def apart(rows, columns, height, width):
    """Spread of two equal cells so far apart: half the distance, over that of all cells from the middle."""
    squares = [
        (row - (height - 1) / 2) ** 2 + (column - (width - 1) / 2) ** 2
        for row in range(height)
        for column in range(width)
    ]
    return math.hypot(rows, columns) / 2 / math.sqrt(sum(squares) / len(squares))


@pytest.mark.parametrize(
    ("one", "expected"),
    [
        (with_cells((4, 6), {(1, 5): 0.3}), (1 - 1 / 24, 0, 1 / 24, 0)),
        (np.full((1, 4, 6), 0.3), (0, 1, 1, 1)),
        (
            with_cells((4, 6), {(0, 1): 2, (3, 5): 2}),
            (1 - 2 / 24, math.log(2) / math.log(24), 2 / 24, apart(3, 4, 4, 6)),
        ),
        # Shares 1/4 and 3/4: a variance of 3/16 of the squared distance.
        (
            with_cells((4, 6), {(2, 1): 1, (2, 3): 3}),
            (
                1 - 2 * (0.25 * 1.5 + 0.75 * 0.5) / 24,
                (0.25 * math.log(4) + 0.75 * math.log(4 / 3)) / math.log(24),
                1 / 24,
                apart(0, 2, 4, 6) * math.sqrt(3) / 2,
            ),
        ),
        (np.zeros((1, 4, 6)), (NAN, NAN, NAN, NAN)),
        (np.full((1, 1, 1), 5.0), (0, NAN, 1, NAN)),
        (np.zeros((1, 1, 1)), (NAN, NAN, NAN, NAN)),
    ],
    ids=["one cell", "uniform", "two cells", "a quarter and the rest", "nothing", "of one cell", "that at 0"],
)
def test_maps_whose_compactness_is_known(one, expected):
    for measure, value in zip(COMPACTNESS, expected, strict=True):
        np.testing.assert_allclose(measure(one), [value], atol=1e-12, err_msg=measure.__name__)


def test_a_cell_with_exactly_half_of_the_maximum_counts():
    assert maps.half_area(with_cells((4, 6), {(0, 0): 4, (0, 1): 2, (0, 2): 1.99})) == pytest.approx([2 / 24])


def test_the_gini_index_is_half_the_mean_difference_over_the_mean():
    for one, found in zip(RANDOM, maps.gini(RANDOM), strict=True):
        cells = one.ravel().tolist()
        differences = sum(abs(a - b) for a in cells for b in cells)
        assert found == pytest.approx(differences / (2 * len(cells) ** 2 * np.mean(cells)))


def test_entropy_area_and_spread_in_loops():
    found = [measure(RANDOM) for measure in COMPACTNESS[1:]]
    for one, entropy, area, spread in zip(RANDOM, *found, strict=True):
        assert entropy == pytest.approx(stats.entropy(one.ravel()) / math.log(28))
        assert area == pytest.approx(sum(2 * cell >= one.max() for cell in one.ravel()) / 28)
        centre = sum(one[cell] * np.array(cell) for cell in np.ndindex(4, 7)) / one.sum()
        squares = {cell: ((np.array(cell) - centre) ** 2).sum() for cell in np.ndindex(4, 7)}
        mean = sum(one[cell] * squares[cell] for cell in squares) / one.sum()
        of_uniform = np.mean([((np.array(cell) - (1.5, 3)) ** 2).sum() for cell in squares])
        assert spread == pytest.approx(math.sqrt(mean / of_uniform))


def test_spread_along_the_longer_side_is_larger():
    across, down = with_cells((3, 7), {(1, 0): 1, (1, 6): 1}), with_cells((3, 7), {(0, 3): 1, (2, 3): 1})
    assert maps.spread(across) == pytest.approx([apart(0, 6, 3, 7)])
    assert maps.spread(down) == pytest.approx([apart(2, 0, 3, 7)])
    turned = np.swapaxes(RANDOM, 1, 2)
    np.testing.assert_allclose(maps.spread(turned), maps.spread(RANDOM))
    assert not np.allclose(maps.spread(RANDOM.reshape(9, 7, 4)), maps.spread(RANDOM))


@pytest.mark.parametrize("factor", [7, 1e-6])
def test_a_factor_changes_nothing(factor):
    mask = np.random.default_rng(1).random((4, 7)) < 0.5
    for measure in (*COMPACTNESS, maps.standard_ranks, lambda one: maps.share_inside(one, mask)):
        np.testing.assert_allclose(measure(factor * RANDOM), measure(RANDOM))
    mosaics = RANDOM[:8].reshape(2, 4, 4, 7)
    np.testing.assert_allclose(maps.pointing(factor * mosaics), maps.pointing(mosaics))


def test_what_is_negative_is_cut_off_in_float64():
    found = maps.rectified(np.array([[[-2, 0], [0.1, 3]]], np.float16))
    assert found.dtype == np.float64
    assert found.tolist() == [[[0, 0], [float(np.float16(0.1)), 3]]]


def test_of_no_maps_there_are_no_values():
    none = np.empty((0, 4, 7))
    for measure in COMPACTNESS:
        assert measure(none).shape == (0,)
    assert maps.share_inside(none, np.ones((4, 7))).shape == (0,)
    assert maps.share_of_reachable(none, none > 0, np.ones((2, 4, 7))).shape == (0,)
    assert maps.pointing(np.empty((0, 4, 4, 7))).shape == (0, 4)
    assert maps.standard_ranks(none).shape == (0, 28)


def test_the_share_inside_a_mask():
    generator = np.random.default_rng(1)
    masks = generator.random(RANDOM.shape) < 0.4
    found = maps.share_inside(RANDOM, masks)
    of_one = maps.share_inside(RANDOM, masks[0])
    partly = maps.share_inside(RANDOM, masks[0] / 4)
    for at, one in enumerate(RANDOM):
        inside = [one[cell] for cell in np.ndindex(4, 7) if masks[at][cell]]
        assert found[at] == pytest.approx(sum(inside) / one.sum())
        inside = [one[cell] for cell in np.ndindex(4, 7) if masks[0][cell]]
        assert of_one[at] == pytest.approx(sum(inside) / one.sum())
        assert partly[at] == pytest.approx(of_one[at] / 4)
    np.testing.assert_array_equal(maps.share_inside(np.zeros((1, 4, 7)), masks[0]), [NAN])


def blocks(rows, columns, size):
    """For each cell the map that is 1 on its square of pixels, and a little on all others."""
    cells = np.eye(rows * columns).reshape(-1, rows, columns)
    return np.kron(cells, np.ones((1, size, size))) + 0.01


def test_the_share_of_what_a_cell_can_reach():
    generator = np.random.default_rng(2)
    masks = generator.random((6, 9, 15)) < 0.3
    images = generator.random((6, 9, 15))
    # Outer cells have more pixels, as where their value reaches to the edge.
    cells = blocks(3, 5, 3) * np.arange(1, 16)[:, None, None]
    found = maps.share_of_reachable(images, masks, cells)
    for one, mask, value in zip(images, masks, found, strict=True):
        pixels = [pixel for pixel in np.ndindex(9, 15) if mask[pixel]]
        uniform = len(pixels) / (9 * 15)
        best = max(sum(cell[pixel] for pixel in pixels) / cell.sum() for cell in cells)
        inside = sum(one[pixel] for pixel in pixels) / one.sum()
        assert value == pytest.approx((inside - uniform) / (best - uniform))


def test_a_uniform_map_reaches_nothing_and_the_best_cell_all():
    cells = blocks(3, 5, 3)
    mask = np.zeros((1, 9, 15), bool)
    mask[0, 3:5, 4:9] = True  # five pixels' width over the columns 1 and 2 of cells
    assert maps.share_of_reachable(np.full((1, 9, 15), 0.2), mask, cells) == pytest.approx([0])
    each = [maps.share_of_reachable(cell[None], mask, cells)[0] for cell in cells]
    assert max(each) == pytest.approx(1)
    assert np.argmax(each) == 1 * 5 + 2
    assert min(each) < 0


@pytest.mark.parametrize("everywhere", [True, False])
def test_nothing_can_be_reached_in_a_mask_of_all_or_nothing(everywhere):
    mask = np.full((1, 9, 15), everywhere)
    np.testing.assert_array_equal(
        maps.share_of_reachable(np.ones((1, 9, 15)), mask, np.ones((2, 9, 15))), [NAN]
    )


def test_a_map_without_evidence_reaches_neither():
    mask = np.arange(9 * 15).reshape(1, 9, 15) < 20
    np.testing.assert_array_equal(maps.share_of_reachable(np.zeros((1, 9, 15)), mask, blocks(3, 5, 3)), [NAN])


def test_pointing_at_tiles_in_the_order_top_left_to_bottom_right():
    mosaic = np.zeros((1, 4, 4, 6))
    mosaic[0, 0, :2, :3] = mosaic[0, 1, :2, 3:] = mosaic[0, 2, 2:, :3] = mosaic[0, 3, 2:, 3:] = 1
    np.testing.assert_allclose(maps.pointing(mosaic), [[1, 1, 1, 1]])
    np.testing.assert_allclose(maps.pointing(mosaic[:, [1, 0, 2, 3]]), [[0, 0, 1, 1]])
    np.testing.assert_allclose(maps.pointing(mosaic[:, [0, 2, 1, 3]]), [[1, 0, 0, 1]])
    np.testing.assert_allclose(maps.pointing(np.full((2, 4, 4, 6), 0.1)), np.full((2, 4), 0.25))


def test_pointing_with_unequal_shares():
    """One map for all four classes, so that the shares are those of the tiles."""
    one = np.zeros((4, 6))
    one[0, 2], one[1, 3], one[2, 2], one[3, 5] = 1, 2, 3, 4
    found = maps.pointing(np.stack([np.stack([one] * 4), np.zeros((4, 4, 6))]))
    np.testing.assert_allclose(found, [[0.1, 0.2, 0.3, 0.4], [NAN] * 4])


def test_pointing_where_a_row_or_column_is_in_the_middle():
    generator = np.random.default_rng(3)
    for height, width in ((5, 7), (5, 6), (4, 7), (1, 1)):
        mosaics = generator.random((3, 4, height, width))
        found = maps.pointing(mosaics)
        for mosaic, tile in np.ndindex(3, 4):
            bottom, right = divmod(tile, 2)
            inside = 0
            for row, column in np.ndindex(height, width):
                # How much of the cell is on the right side of both middles.
                down = min(max(height / 2 - row, 0), 1)
                along = min(max(width / 2 - column, 0), 1)
                part = (1 - down if bottom else down) * (1 - along if right else along)
                inside += part * mosaics[mosaic, tile, row, column]
            assert found[mosaic, tile] == pytest.approx(inside / mosaics[mosaic, tile].sum())
    middle = with_cells((5, 7), {(2, 3): 1})[:, None].repeat(4, axis=1)
    np.testing.assert_allclose(maps.pointing(middle), np.full((1, 4), 0.25))
    above = with_cells((5, 7), {(0, 3): 1})[:, None].repeat(4, axis=1)
    np.testing.assert_allclose(maps.pointing(above), [[0.5, 0.5, 0, 0]])


def test_products_of_standard_ranks_are_spearman_s_correlations():
    ranks = maps.standard_ranks(RANDOM)
    np.testing.assert_allclose((ranks**2).sum(1), 1)
    for (a, first), (b, second) in ((x, y) for x in enumerate(RANDOM) for y in enumerate(RANDOM)):
        expected = stats.spearmanr(first.ravel(), second.ravel()).statistic
        assert ranks[a] @ ranks[b] == pytest.approx(expected)


def test_there_is_nothing_to_rank_in_a_uniform_map():
    ranks = maps.standard_ranks(np.concatenate([np.full((1, 4, 7), 0.1), RANDOM[:1]]))
    assert np.isnan(ranks[0]).all()
    assert not np.isnan(ranks[1]).any()
