"""Each file of a run comes back as it was written, and a damaged one is named with what to do."""

import json

import numpy as np
import pytest

from amc_loss.jobs.files import UnusableFileError, read_json, write_json
from amc_loss.runs.embeddings import read_embeddings, write_embeddings
from amc_loss.runs.explanations import Explanations, read_explanations, write_explanations
from amc_loss.runs.features import Features, read_features, write_features
from amc_loss.runs.history import read_history, write_history
from amc_loss.runs.metrics import read_metrics, write_metrics
from amc_loss.runs.values import read_values

GENERATOR = np.random.default_rng(0)
LABELS = np.arange(6) % 3
FEATURES = Features(
    GENERATOR.normal(size=(6, 2)).astype(np.float32), GENERATOR.normal(size=(6, 3)).astype(np.float32), LABELS
)
TRAIN = Features(FEATURES.features[:4] + 1, FEATURES.logits[:4] + 1, LABELS[:4])
HISTORY = [
    {"epoch": 0, "accuracy": 0.1 + 0.2, "seconds": 1e-9},
    {"epoch": 1, "accuracy": 100, "seconds": 1 / 3},
]
LOSSES = ("cross_entropy", "amc")
EXPLANATIONS = Explanations(
    np.array([5, 0]),
    GENERATOR.integers(0, 256, (2, 4, 4, 3), dtype=np.uint8),
    np.array([2, 0]),
    ["a", "maps_b", "c"],
    {loss: GENERATOR.random((2, 4, 4), dtype=np.float32) for loss in LOSSES},
    {loss: GENERATOR.random((2, 3), dtype=np.float32) for loss in LOSSES},
)
EMBEDDINGS = {loss: GENERATOR.random((6, 2), dtype=np.float32) for loss in LOSSES}

WRITE = {
    "history.csv": lambda path: write_history(HISTORY, path),
    "features.npz": lambda path: write_features({"train": TRAIN, "test": FEATURES}, path),
    "metrics.json": lambda path: write_metrics({"run": "r", "seed": 0}, {"accuracy": 99.5}, 0.5, path),
    "provenance.json": lambda path: write_json({"settings": {"seed": 0}}, path),
    "explanations.npz": lambda path: write_explanations(EXPLANATIONS, path),
    "embeddings.npz": lambda path: write_embeddings(EMBEDDINGS, LABELS, path),
}
READ = {
    "history.csv": read_history,
    "features.npz": read_features,
    "metrics.json": read_metrics,
    "provenance.json": read_json,
    "explanations.npz": read_explanations,
    "embeddings.npz": read_embeddings,
}


def written(tmp_path, name):
    WRITE[name](tmp_path / name)
    return tmp_path / name


def assert_same(found, expected):
    np.testing.assert_equal(vars(found), vars(expected))
    for name, values in vars(expected).items():
        assert getattr(getattr(found, name), "dtype", None) == getattr(values, "dtype", None)


def test_history(tmp_path):
    assert read_history(written(tmp_path, "history.csv")) == HISTORY


def test_features(tmp_path):
    path = written(tmp_path, "features.npz")
    assert_same(read_features(path), FEATURES)
    assert_same(read_features(path, "train"), TRAIN)
    np.testing.assert_array_equal(FEATURES.predicted, np.argmax(FEATURES.logits, axis=1))
    write_features({"test": FEATURES}, path)
    with pytest.raises(UnusableFileError, match="features_train"):
        read_features(path, "train")


def test_metrics(tmp_path):
    expected = {"run": "r", "seed": 0, "accuracy": 99.5, "seconds_per_epoch": 0.5}
    assert read_metrics(written(tmp_path, "metrics.json")) == expected
    assert list(json.loads((tmp_path / "metrics.json").read_text())) == list(expected)


def test_explanations(tmp_path):
    found = read_explanations(written(tmp_path, "explanations.npz"))
    assert_same(found, EXPLANATIONS)
    assert list(found.maps) == list(found.probabilities) == list(LOSSES)


def test_embeddings(tmp_path):
    embeddings, labels = read_embeddings(written(tmp_path, "embeddings.npz"))
    np.testing.assert_equal(embeddings, EMBEDDINGS)
    assert list(embeddings) == list(LOSSES)
    np.testing.assert_array_equal(labels, LABELS)


@pytest.mark.parametrize("name", WRITE)
@pytest.mark.parametrize("damage", [lambda whole: b"", lambda whole: whole[: len(whole) // 2]])
def test_a_damaged_file_is_one_sentence(tmp_path, name, damage):
    path = written(tmp_path, name)
    path.write_bytes(damage(path.read_bytes()))
    if name == "history.csv" and path.stat().st_size:
        path.write_text("epoch,seconds\n0,nought\n")  # half a table is a table
    with pytest.raises(UnusableFileError, match=rf"^{path} is not a.* usable .*; delete it and run again$"):
        READ[name](path)


@pytest.mark.parametrize("name", WRITE)
def test_a_file_that_is_missing_is_no_damaged_one(tmp_path, name):
    with pytest.raises(FileNotFoundError):
        READ[name](tmp_path / name)


def test_classes_that_are_called_numbers_stay_text(tmp_path):
    (tmp_path / "values.csv").write_text("measure,class,value\ngini,,0.5\ngini,0,0.4\ngini,10,0.3\n")
    assert read_values(tmp_path / "values.csv")["class"].dropna().tolist() == ["0", "10"]
