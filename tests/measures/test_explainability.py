"""Measures of made-up runs in loops over images, and what is concluded from them against scipy and statsmodels."""

import json
import math
import warnings
from collections import defaultdict
from itertools import combinations, permutations, product

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from settings import STUDY
from statsmodels.stats.power import TTestPower
from statsmodels.stats.weightstats import ttost_paired

from amc_loss.data.dataset import Dataset
from amc_loss.measures import explainability as measured
from amc_loss.measures.explainability import ExplainedRun
from amc_loss.runs.activations import Activations
from amc_loss.runs.features import Features
from amc_loss.runs.values import read_values

IMAGES, CLASSES, CELLS, SIZE = 30, 3, (3, 5), (20, 28)
DELETED = np.array([0, 2, 3, 5, 7, 8, 10, 12, 13, 15])  # ninths of 15 cells, rounded
LOSSES = ("cross_entropy", "euclidean", "amc")
SEEDS = (4, 0, 7)
LABELS = np.arange(IMAGES) % CLASSES
NAMES = ["cat", "NA", "ship"]
GENERATOR = np.random.default_rng(0)
# Strokes on a ground that is in places as bright, one image without any.
GROUND = GENERATOR.integers(0, 110, (IMAGES, *SIZE, 3))
PIXELS = GROUND + 100 * (GENERATOR.random((IMAGES, *SIZE, 1)) < 0.2)
PIXELS[4] = 64
DATA = Dataset(PIXELS[:3].astype(np.uint8), LABELS[:3], PIXELS.astype(np.uint8), LABELS, NAMES)
# How many images a loss has wrong: one seed is left with few, another with nearly all.
WRONG = {4: 1, 0: 4, 7: 7}


def made_up_run(loss, seed):
    generator = np.random.default_rng([LOSSES.index(loss), seed])
    logits = generator.normal(size=(IMAGES, CLASSES)) - 3 * np.eye(CLASSES)[LABELS]
    right = np.setdiff1d(np.arange(IMAGES), generator.permutation(IMAGES)[: WRONG[seed]])
    logits[right, LABELS[right]] += 8
    maps = generator.normal(0.5, 1, (IMAGES, 2, *CELLS)).round(1)
    maps[generator.permutation(IMAGES)[:4], 0] = -1  # nothing positive
    maps[generator.permutation(IMAGES)[:3], 1] = -1
    mosaics = generator.normal(0, 1, (5, 4, 2, 8, 13))
    mosaics[0, 1, 0] = mosaics[1, 2, 1] = mosaics[2, 2, 1] = -1
    borders = generator.normal(size=(2, IMAGES, CLASSES)) + 2 * np.eye(CLASSES)[LABELS]
    deletion = generator.random((3, 2, len(DELETED), 4))
    return ExplainedRun(
        loss,
        seed,
        Features(np.zeros((IMAGES, 1), np.float32), logits.astype(np.float32), LABELS),
        Activations(
            maps=maps.astype(np.float16),
            weight_rms=np.array([0.5, 1, 2], np.float16),
            tiles=np.zeros((5, 4), np.int64),
            mosaic_maps=mosaics.astype(np.float16),
            borders=np.array([4, 2]),
            border_logits=borders.astype(np.float16),
            deleted=np.arange(4),
            deletion=deletion.astype(np.float16),
        ),
    )


RUNS = [made_up_run(loss, seed) for loss, seed in product(LOSSES, SEEDS)]


def positive(cells):
    return np.array([[max(float(cell), 0) for cell in row] for row in cells])


def gini(one):
    cells = one.ravel().tolist()
    differences = sum(abs(a - b) for a in cells for b in cells)
    return differences / (2 * len(cells) * sum(cells)) if any(cells) else None


def half_area(one):
    return np.mean([cell >= one.max() / 2 for cell in one.ravel()]) if one.any() else None


def entropy(one):
    return stats.entropy(one.ravel()) / math.log(one.size) if one.any() else None


def spread(one):
    if not one.any():
        return None
    places = [np.array(cell) for cell in np.ndindex(one.shape)]
    centre = sum(one[tuple(place)] * place for place in places) / one.sum()
    of_all = np.mean([((place - np.mean(places, axis=0)) ** 2).sum() for place in places])
    mean = sum(one[tuple(place)] * ((place - centre) ** 2).sum() for place in places) / one.sum()
    return math.sqrt(mean / of_all)


def lower_third(one):
    """The lowest of three rows."""
    return one[2].sum() / one.sum() if one.any() else None


def in_tile(one, tile):
    """Of eight rows and 13 columns, of which the seventh is half of either side."""
    if not one.any():
        return None
    rows = one[4:] if tile >= 2 else one[:4]
    columns = rows[:, 7:] if tile % 2 else rows[:, :6]
    return (columns.sum() + rows[:, 6].sum() / 2) / one.sum()


def drawn(cells):
    """A cell's value in the middle of its four pixels, five pixels from the edge, and lines between."""
    weights = []
    for pixels, count in zip(SIZE, CELLS, strict=True):
        places = np.clip((np.arange(pixels) - 5.5) / 4, 0, count - 1)
        weights.append(np.maximum(0, 1 - np.abs(places[:, None] - np.arange(count))))
    return weights[0] @ cells @ weights[1].T


def on_strokes(one, image):
    ink = np.array([[sum(int(channel) for channel in pixel) > 3 * 64 for pixel in row] for row in image])
    best = 0
    for cell in np.ndindex(CELLS):
        alone = np.zeros(CELLS)
        alone[cell] = 1
        best = max(best, drawn(alone)[ink].sum() / drawn(alone).sum())
    if not one.any() or not ink.any():
        return None
    inside = drawn(one)[ink].sum() / drawn(one).sum()
    return (inside - ink.mean()) / (best - ink.mean())


def margin(logits, label):
    others = [float(value) for at, value in enumerate(logits) if at != label]
    return float(logits[label]) - max(others)


def in_loops(run, images):
    """For each measure the value of each of these images, or of each tile; None where there is none."""
    found, values = run.activations, defaultdict(list)
    margins = [margin(run.features.logits[image], LABELS[image]) for image in images]
    for image in images:
        raw, centred = positive(found.maps[image, 0]), positive(found.maps[image, 1])
        rms = float(found.weight_rms[LABELS[image]])
        released = positive([[1 + float(cell) / rms for cell in row] for row in found.maps[image, 0]])
        values["gini"].append(gini(raw))
        values["gini_centred"].append(gini(centred))
        values["gini_released"].append(gini(released))
        values["half_area"].append(half_area(raw))
        values["half_area_released"].append(half_area(released))
        values["entropy"].append(entropy(raw))
        values["spread"].append(spread(raw))
        values["lower_third"].append(lower_third(raw))
        values["strokes"].append(on_strokes(raw, DATA.x_test[image]))
        for at, width in enumerate((4, 2)):
            logits = found.border_logits[at, image].astype(float)
            values[f"border{width}_accuracy"].append(0 if logits.argmax() == LABELS[image] else 100)
            lost = 1 - margin(logits, LABELS[image]) / np.mean(margins)
            values[f"border{width}_margin"].append(100 * lost)
    for mosaic, tile in np.ndindex(5, 4):
        for form, name in enumerate(("pointing", "pointing_centred")):
            values[name].append(in_tile(positive(found.mosaic_maps[mosaic, tile, form]), tile))
    for filling, name in enumerate(("blur", "mean", "zero")):
        for image in range(4):
            by_map, at_random = (
                np.trapezoid(found.deletion[filling, way, :, image].astype(float), DELETED / 15)
                for way in (0, 1)
            )
            values[f"deletion_{name}"].append(at_random - by_map)
    return values


def right_under_all(runs):
    """Test images that each of the runs classifies correctly."""
    return [
        image
        for image, label in enumerate(LABELS)
        if all(max(range(CLASSES), key=run.features.logits[image].__getitem__) == label for run in runs)
    ]


RIGHT = {seed: right_under_all([run for run in RUNS if run.seed == seed]) for seed in SEEDS}


@pytest.fixture(scope="module")
def table():
    return measured.measure_runs(RUNS, DATA, True, "cross_entropy", {"figure2": [1, 29], "figure6": 3})


def rows_of(table, run):
    return table[table["loss"].eq(run.loss) & table["seed"].eq(run.seed)]


def assert_mean_of(row, values):
    there = [value for value in values if value is not None]
    assert row["value"] == pytest.approx(sum(there) / len(there))
    assert row["images"] == len(there)
    assert row["undefined"] == len(values) - len(there)


def test_the_made_up_runs_differ_in_what_they_have_right():
    counts = [len(RIGHT[seed]) for seed in SEEDS]
    assert sorted(counts, reverse=True) == counts
    assert counts[0] > 1.5 * counts[2]


@pytest.mark.parametrize("run", RUNS, ids=lambda run: f"{run.loss}-{run.seed}")
def test_each_measure_is_the_mean_over_images_that_all_losses_of_the_seed_have_right(table, run):
    rows = rows_of(table, run)
    expected = in_loops(run, RIGHT[run.seed])
    of_all = rows[rows["class"].isna() & ~rows["measure"].str.contains("percentile")]
    assert of_all["measure"].tolist() == sorted(of_all["measure"], key=of_all["measure"].tolist().index)
    assert set(of_all["measure"]) == set(expected)
    assert of_all["measure"].is_unique
    for _, row in of_all.iterrows():
        assert_mean_of(row, expected[row["measure"]])
    assert of_all.loc[of_all["measure"].eq("pointing"), ["images", "undefined"]].to_numpy().tolist() == [
        [19, 1]
    ]


def test_classes_one_by_one(table):
    for run in RUNS:
        rows = rows_of(table, run)
        of_class = rows[rows["class"].notna()]
        assert len(of_class) == 2 * CLASSES
        for _, row in of_class.iterrows():
            images = [image for image in RIGHT[run.seed] if NAMES[LABELS[image]] == row["class"]]
            assert_mean_of(row, in_loops(run, images)[row["measure"]])


def test_images_that_figures_show_are_ranked_in_their_class_by_what_the_loss_raises(table):
    by_run = {
        (run.loss, run.seed): dict(zip(RIGHT[run.seed], in_loops(run, RIGHT[run.seed])["gini"], strict=True))
        for run in RUNS
    }
    assert not rows_of(table, RUNS[0])["measure"].str.contains("percentile").any()
    for run in RUNS[3:]:
        rows = rows_of(table, run).set_index("measure")
        own, baseline = by_run[run.loss, run.seed], by_run["cross_entropy", run.seed]
        raised = {
            image: own[image] - baseline[image]
            for image in RIGHT[run.seed]
            if own[image] is not None and baseline[image] is not None
        }
        of_labels = [[image for image in RIGHT[run.seed] if LABELS[image] == label] for label in range(3)]
        shown = {"figure2": [1, 29], "figure6": [image for images in of_labels for image in images[:3]]}
        for figure, images in shown.items():
            ranks = []
            for image in images:
                if image not in RIGHT[run.seed]:
                    continue
                of_class = [raised[other] for other in raised if LABELS[other] == LABELS[image]]
                no_higher = [value <= raised[image] + 1e-12 for value in of_class] if image in raised else []
                ranks.append(100 * sum(no_higher) / len(of_class) if no_higher else None)
            row = rows.loc[f"{figure}_percentile"]
            if any(rank is not None for rank in ranks):
                assert_mean_of(row, ranks)
            else:
                assert math.isnan(row["value"])
                assert (row["images"], row["undefined"]) == (0, len(ranks))


def test_an_image_that_is_not_right_takes_no_rank(table):
    wrong = next(image for image in range(IMAGES) if image not in RIGHT[7])
    values = measured.measure_runs(RUNS, DATA, False, "cross_entropy", {"figure2": [wrong]})
    row = values[values["measure"].eq("figure2_percentile") & values["seed"].eq(7)].iloc[0]
    assert (row["images"], row["undefined"]) == (0, 0)
    assert math.isnan(row["value"])
    assert "strokes" not in set(values["measure"])


def test_the_lowest_third_of_four_rows_has_a_third_of_the_third_row():
    runs = []
    for run in RUNS[::3]:
        cells = np.random.default_rng(run.seed).random((IMAGES, 2, 4, 5)).astype(np.float16)
        runs.append(changed(ExplainedRun(run.loss, 0, run.features, run.activations), maps=cells))
    table = measured.measure_runs(runs, DATA, False, "cross_entropy")
    for run in runs:
        shares = []
        for image in right_under_all(runs):
            rows = run.activations.maps[image, 0].astype(float).sum(1)
            shares.append((rows[2] / 3 + rows[3]) / rows.sum())
        rows = rows_of(table, run)
        assert_mean_of(rows[rows["measure"].eq("lower_third") & rows["class"].isna()].iloc[0], shares)


def test_percentiles_by_hand():
    values = np.array([0.1, 0.4, 0.4, 0.2, math.nan, 9.0, 0.3])
    labels = np.array([0, 0, 0, 0, 0, 1, 1])
    found = measured.percentiles(values, labels, np.array([0, 3, 1, 2, 4, 6, 5]))
    np.testing.assert_allclose(found, [25, 50, 100, 100, math.nan, 50, 100])
    assert measured.percentiles(values, labels, np.array([], int)).shape == (0,)


def test_a_run_is_measured_on_the_images_of_its_own_seed():
    """One seed's values do not depend on which others there are."""
    one = [run for run in RUNS if run.seed == 7]
    alone = measured.measure_runs(one, DATA, True, "cross_entropy")
    among_all = measured.measure_runs(RUNS, DATA, True, "cross_entropy")
    among_all = among_all[among_all["seed"].eq(7)].reset_index(drop=True)
    pd.testing.assert_frame_equal(alone, among_all)


def changed(run, **arrays):
    features = {key: arrays.pop(key) for key in list(arrays) if key == "logits"}
    return ExplainedRun(
        run.loss,
        run.seed,
        Features(**{**vars(run.features), **features}),
        Activations(**{**vars(run.activations), **arrays}),
    )


def test_where_no_image_is_right_under_all_losses_there_are_no_values():
    empty = {
        "mosaic_maps": np.empty((0, 4, 2, 8, 13), np.float16),
        "deletion": np.empty((3, 2, len(DELETED), 0)),
    }
    runs = [changed(run, logits=-run.features.logits, **empty) for run in RUNS if run.seed == 4]
    assert not right_under_all(runs)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        values = measured.measure_runs(runs, DATA, True, "cross_entropy", {"figure6": 3})
        pairs = measured.agreement(runs, LABELS)
        found = measured.losses_against_seeds(pairs)
    assert values["value"].isna().all()
    assert not values[["images", "undefined"]].to_numpy().any()
    assert pairs["correlation"].isna().all()
    assert set(found.values()) == {None}


def test_the_margin_is_from_the_true_class_to_the_next():
    logits = GENERATOR.normal(size=(20, 4)).astype(np.float16)
    labels = np.arange(20) % 4
    before = logits.copy()
    expected = [margin(row, label) for row, label in zip(logits, labels, strict=True)]
    np.testing.assert_allclose(measured.margin(logits, labels), expected)
    np.testing.assert_array_equal(logits, before)
    assert min(expected) < 0 < max(expected)


MEASURES = {"spread": {"margin": 0.04}, "gini": {"margin": 0.5}}


def made_up_values(seeds=6):
    """A row a run and measure, in no order."""
    rows = [
        {
            "dataset": dataset,
            "seed": seed,
            "loss": loss,
            "measure": measure,
            "value": generator.normal(0.1 * LOSSES.index(loss), 0.1) + 0.3 * seed,
            "images": 10 + seed,
            "undefined": seed,
        }
        for generator in [np.random.default_rng(3)]
        for dataset, seed, loss, measure in product(("svhn", "mnist"), range(seeds), LOSSES, MEASURES)
    ]
    return pd.DataFrame(rows).sample(frac=1, random_state=0)


def of(values, dataset, measure, loss):
    rows = values.query("dataset == @dataset and measure == @measure and loss == @loss")
    return rows.sort_values("seed")["value"].to_numpy()


@pytest.mark.parametrize("equal_variances", [False, True])
def test_differences_are_paired_by_seed(equal_variances):
    values = made_up_values()
    table = measured.explainability(values, MEASURES, STUDY, equal_variances)
    keys = table[["dataset", "measure", "loss"]].to_numpy().tolist()
    assert keys == [list(key) for key in product(values["dataset"].unique(), MEASURES, LOSSES)]
    for (dataset, measure, loss), (_, row) in zip(keys, table.iterrows(), strict=True):
        own = of(values, dataset, measure, loss)
        assert (row["n"], row["images"], row["undefined"]) == (6, 12.5, 2.5)
        assert row["mean"] == pytest.approx(sum(own) / 6)
        assert row["sd"] == pytest.approx(math.sqrt(sum((own - own.mean()) ** 2) / 5))
        if loss == "amc":
            assert row[["difference", "p_paired", "p_value", "r", "p_equivalent", "margin"]].isna().all()
            continue
        amc = of(values, dataset, measure, "amc")
        test = stats.ttest_rel(amc, own)
        interval = test.confidence_interval(0.95)
        assert row["difference"] == pytest.approx(np.mean([a - b for a, b in zip(amc, own, strict=True)]))
        assert (row["difference_low"], row["difference_high"]) == pytest.approx((interval.low, interval.high))
        assert row["p_paired"] == pytest.approx(test.pvalue)
        assert row["p_value"] == pytest.approx(stats.ttest_ind(amc, own, equal_var=equal_variances).pvalue)
        assert row["r"] == pytest.approx(stats.pearsonr(amc, own).statistic)
        smallest = MEASURES[measure]["margin"]
        assert row["margin"] == smallest
        assert row["p_equivalent"] == pytest.approx(ttost_paired(amc, own, -smallest, smallest)[0])
        effect = row["detectable"] / np.std(amc - own, ddof=1)
        assert TTestPower().power(effect, 6, 0.05) == pytest.approx(0.8, abs=1e-6)


def test_only_seeds_that_both_losses_have_are_compared():
    values = made_up_values()
    values = values[~(values["loss"].eq("amc") & values["seed"].eq(2))]
    values.loc[values["loss"].eq("euclidean") & values["seed"].eq(5), "value"] = math.nan
    table = by_loss(values)
    row = table.loc["mnist", "gini", "euclidean"]
    amc, other = (
        {seed: value for seed, value in rows.set_index("seed")["value"].items() if seed not in (2, 5)}
        for rows in (
            values.query("dataset == 'mnist' and measure == 'gini' and loss == 'amc'"),
            values.query("dataset == 'mnist' and measure == 'gini' and loss == 'euclidean'"),
        )
    )
    differences = [amc[seed] - other[seed] for seed in (0, 1, 3, 4)]
    assert row["difference"] == pytest.approx(np.mean(differences))
    assert row["p_paired"] == pytest.approx(stats.ttest_1samp(differences, 0).pvalue)
    assert table["n"].unstack()[["cross_entropy", "euclidean", "amc"]].to_numpy().tolist() == [[6, 5, 5]] * 4


def by_loss(values):
    return measured.explainability(values, MEASURES, STUDY).set_index(["dataset", "measure", "loss"])


def quietly(values):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        return by_loss(values)


TESTS = ["difference_low", "difference_high", "p_paired", "p_value", "r", "p_equivalent", "detectable"]


def test_of_a_single_seed_there_is_a_difference_and_no_test():
    values = made_up_values(1)
    table = quietly(values)
    assert len(table) == 12
    for loss in LOSSES[:2]:
        row = table.loc["svhn", "gini", loss]
        expected = of(values, "svhn", "gini", "amc")[0] - of(values, "svhn", "gini", loss)[0]
        assert row["difference"] == pytest.approx(expected)
        assert row[["sd", *TESTS]].isna().all()


def test_of_two_seeds_there_is_no_correlation():
    table = quietly(made_up_values(2))
    assert table["r"].isna().all()
    assert table.drop("amc", level="loss")["p_paired"].notna().all()


@pytest.mark.parametrize("missing", LOSSES)
def test_a_loss_without_runs_has_no_row(missing):
    values = made_up_values()
    table = quietly(values[values["loss"].ne(missing)])
    assert set(table.index.get_level_values("loss")) == set(LOSSES) - {missing}
    assert table["difference"].notna().sum() == (0 if missing == "amc" else 4)
    values.loc[values["loss"].eq(missing), "value"] = math.nan
    same = quietly(values)
    assert set(same.index.get_level_values("loss")) == set(LOSSES) - {missing}


@pytest.mark.filterwarnings("error:invalid value", "ignore:Precision loss")
def test_a_loss_whose_runs_are_all_equal_has_no_correlation_with_others():
    values = made_up_values()
    values.loc[values["loss"].eq("euclidean"), "value"] = 0.5
    table = by_loss(values)
    assert table["r"].unstack().isna().all().to_dict() == {
        "amc": True,
        "cross_entropy": False,
        "euclidean": True,
    }
    assert table["p_paired"].unstack()["euclidean"].notna().all()


def test_equal_values_have_no_test():
    values = made_up_values()
    values["value"] = values["loss"].map({"cross_entropy": 0.5, "euclidean": 0.5, "amc": 0.75})
    table = by_loss(values).drop("amc", level="loss")
    assert (table["difference"] == 0.25).all()
    assert table[TESTS].isna().all(axis=None)
    # The same by seed, though seeds differ.
    values = made_up_values()
    values["value"] = values["seed"].astype(float)
    table = by_loss(values).drop("amc", level="loss")
    assert (table["difference"] == 0).all()
    assert table[["p_paired", "p_equivalent", "difference_low"]].isna().all(axis=None)
    np.testing.assert_allclose(table["r"], 1)


def test_without_values_the_table_has_its_columns():
    table = measured.explainability(made_up_values().iloc[:0], MEASURES, STUDY)
    assert table.empty
    assert (
        table.columns.tolist() == measured.explainability(made_up_values(), MEASURES, STUDY).columns.tolist()
    )


def test_values_come_back_from_their_file(table, tmp_path):
    table.to_csv(tmp_path / "values.csv", index=False)
    found = read_values(tmp_path / "values.csv")
    pd.testing.assert_frame_equal(found, table, check_dtype=False)
    assert set(found["class"].dropna()) == {"cat", "NA", "ship"}


def test_agreement_is_the_mean_of_spearman_s_correlations_over_images():
    pairs = measured.agreement(RUNS, LABELS)
    images = right_under_all(RUNS)
    assert len(pairs) == 36
    assert 0 < len(images) < len(RIGHT[7])
    for (first, second), (_, row) in zip(combinations(RUNS, 2), pairs.iterrows(), strict=True):
        correlations = []
        for image in images:
            one, other = (positive(run.activations.maps[image, 0]).ravel() for run in (first, second))
            if one.any() and other.any():
                correlations.append(stats.spearmanr(one, other).statistic)
        assert row.tolist()[:4] == [first.loss, first.seed, second.loss, second.seed]
        assert row["correlation"] == pytest.approx(np.mean(correlations))
        assert row["images"] == len(correlations)
    assert pairs["images"].min() < len(images)


def pairs_of(losses, seeds, correlation):
    """A row for each two runs; ``correlation`` is given the two, each its loss and seed."""
    rows = [
        {
            "first_loss": first[0],
            "first_seed": first[1],
            "second_loss": second[0],
            "second_seed": second[1],
            "correlation": correlation(first, second),
        }
        for first, second in combinations(product(losses, seeds), 2)
    ]
    return pd.DataFrame(rows)


def alike(runs):
    """Correlations of maps, one for each run."""
    return lambda first, second: np.corrcoef(runs[first], runs[second])[0, 1]


def test_mean_correlations_by_hand():
    table = {
        (("a", 0), ("a", 1)): 0.5,
        (("a", 0), ("b", 0)): 0.9,
        (("a", 0), ("b", 1)): 0.1,
        (("a", 1), ("b", 0)): 0.2,
        (("a", 1), ("b", 1)): 0.7,
        (("b", 0), ("b", 1)): 0.4,
    }
    found = measured.losses_against_seeds(pairs_of("ab", (0, 1), lambda *pair: table[pair]), 99)
    assert found["losses"] == pytest.approx(0.8)
    assert found["seeds"] == pytest.approx(0.45)
    assert found["neither"] == pytest.approx(0.15)
    # Exchanged in both seeds losses are what they were, in one seed the difference is negative.
    assert found["p"] == pytest.approx(0.5, abs=0.15)


def enumerated(pairs, losses, seeds):
    """The share of all relabellings of losses within seeds whose difference is no smaller."""

    def difference(labels):
        same, other = [], []
        for row in pairs.itertuples():
            if row.first_seed != row.second_seed:
                first = labels[row.first_seed][row.first_loss]
                second = labels[row.second_seed][row.second_loss]
                (same if first == second else other).append(row.correlation)
        return np.mean(same) - np.mean(other)

    orders = [dict(zip(losses, order, strict=True)) for order in permutations(losses)]
    observed = difference({seed: orders[0] for seed in seeds})
    all_of_them = [
        difference(dict(zip(seeds, chosen, strict=True))) for chosen in product(orders, repeat=len(seeds))
    ]
    return np.mean([value >= observed - 1e-12 for value in all_of_them])


@pytest.mark.parametrize(("losses", "seeds"), [("ab", (5, 1, 2)), ("abc", (5, 1)), ("abc", (0, 1, 2))])
def test_the_p_value_is_that_of_all_permutations(losses, seeds):
    found, expected = [], []
    for draw in range(4):
        generator = np.random.default_rng(draw)
        of_loss = {loss: generator.normal(size=20) for loss in losses}
        runs = {
            (loss, seed): of_loss[loss] + 2 * draw * generator.normal(size=20)
            for loss, seed in product(losses, seeds)
        }
        pairs = pairs_of(losses, seeds, alike(runs))
        found.append(measured.losses_against_seeds(pairs, 1500)["p"])
        expected.append(enumerated(pairs, losses, seeds))
    np.testing.assert_allclose(found, expected, atol=0.045)
    assert np.ptp(expected) > 0.2


def test_p_is_small_where_maps_depend_on_the_loss_alone():
    generator = np.random.default_rng(0)
    of_loss = {loss: generator.normal(size=20) for loss in "abc"}
    runs = {
        (loss, seed): of_loss[loss] + 0.1 * generator.normal(size=20) for loss in "abc" for seed in range(4)
    }
    found = measured.losses_against_seeds(pairs_of("abc", range(4), alike(runs)), 999)
    assert found["p"] < 0.02
    assert found["seeds"] > 0.9 > found["neither"]
    assert found == measured.losses_against_seeds(pairs_of("abc", range(4), alike(runs)), 999)


def test_p_counts_the_runs_as_they_are_among_the_permutations():
    """So that it is never 0."""
    pairs = pairs_of("abc", range(4), lambda first, second: float(first[0] == second[0]))
    assert measured.losses_against_seeds(pairs, 9)["p"] == pytest.approx(1 / 10)


def test_p_is_uniform_where_maps_depend_on_the_seed_alone():
    p_values = []
    for draw in range(80):
        generator = np.random.default_rng(draw)
        of_seed = generator.normal(size=(4, 20))
        runs = {
            (loss, seed): of_seed[seed] + generator.normal(size=20) for loss in "abc" for seed in range(4)
        }
        p_values.append(measured.losses_against_seeds(pairs_of("abc", range(4), alike(runs)), 99)["p"])
    assert stats.kstest(p_values, "uniform").pvalue > 0.05
    assert np.mean(p_values) == pytest.approx(0.5, abs=0.1)


@pytest.mark.parametrize(
    ("losses", "seeds", "there"), [("ab", (3,), {"losses"}), ("a", (3, 4), {"seeds"}), ("a", (3,), set())]
)
def test_what_a_single_loss_or_seed_leaves_open(losses, seeds, there):
    runs = [changed(RUNS[0]) for _ in product(losses, seeds)]
    runs = [
        ExplainedRun(loss, seed, run.features, run.activations)
        for run, (loss, seed) in zip(runs, product(losses, seeds), strict=True)
    ]
    found = measured.losses_against_seeds(measured.agreement(runs, LABELS), 9)
    assert set(found) == {"losses", "seeds", "neither", "p"}
    assert {name for name, value in found.items() if value is not None} == there
    json.dumps(found, allow_nan=False)


def test_there_is_no_p_value_where_no_two_maps_can_be_compared():
    pairs = pairs_of("ab", (0, 1, 2), lambda *_: math.nan)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert set(measured.losses_against_seeds(pairs, 9).values()) == {None}
