"""A run from its settings to its files."""

import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from filelock import FileLock

from amc_loss.data.dataset import checksum, load_dataset, save_dataset
from amc_loss.measures.evaluation import evaluate_run
from amc_loss.runs import training
from amc_loss.runs.features import read_features
from amc_loss.runs.history import read_history
from amc_loss.runs.metrics import read_metrics
from amc_loss.runs.model import read_model
from amc_loss.training import loop
from amc_loss.training.inference import extract

CPU = torch.device("cpu")
HOW = {"protocol": "paper", "code": "abc", "checkpoint_every": 1}


@pytest.fixture
def data(dataset, tmp_path):
    save_dataset(dataset, tmp_path / "data.npz")
    return tmp_path / "data.npz"


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "tiny-run").mkdir()
    return tmp_path / "tiny-run"


@pytest.fixture
def stopped(settings, data, folder):
    """Trains and is stopped before the model is written, so that only the checkpoint is there."""

    def stop(*_args, **_kept):
        raise KeyboardInterrupt

    def train():
        with pytest.MonkeyPatch.context() as patched:
            patched.setattr(training, "write_model", stop)
            with pytest.raises(KeyboardInterrupt):
                training.train_run(folder, data, settings, CPU, **HOW)

    return train


def test_it_is_the_training_of_the_library_and_leaves_its_files(dataset, settings, data, folder):
    # What is recorded is what it came to.
    settings["engine"] = "auto"
    training.train_run(folder, data, settings, CPU, **HOW)
    network, history = loop.train(dataset, settings, CPU, report=lambda line: None)
    for name, value in read_model(folder / "model.pt", CPU).state_dict().items():
        assert torch.equal(value, network.state_dict()[name]), name
    times = ("seconds",)
    for found, expected in zip(read_history(folder / "history.csv"), history, strict=True):
        assert {k: v for k, v in found.items() if k not in times} == {
            k: v for k, v in expected.items() if k not in times
        }
    record = json.loads((folder / "provenance.json").read_text())
    assert (record["precision"], record["engine"]) == ("float32", "eager")
    assert (record["protocol"], record["data_sha256"]) == ("paper", checksum(data))
    assert record["settings"] == settings
    names = {".model.pt", "model.pt", "history.csv", "provenance.json"}
    assert {path.name for path in folder.iterdir()} - {".lock"} == names


@pytest.mark.parametrize(
    ("changed", "continues"),
    [({}, True), ({"code": "abd"}, False), ({"protocol": "other"}, True), ({"data": "other"}, False)],
)
def test_what_a_checkpoint_is_of(settings, data, folder, changed, continues, stopped, capsys, tmp_path):
    """It is of settings, data, code and device: a change in any of them starts over."""
    stopped()
    if "data" in changed:
        # The same dataset, in another archive.
        with np.load(data) as arrays:
            np.savez_compressed(tmp_path / "other.npz", **arrays)
        changed, data = {}, tmp_path / "other.npz"
    training.train_run(folder, data, settings, CPU, **{**HOW, **changed})
    assert (loop.continuation_line(2, 0) in capsys.readouterr().out) == continues


def delete_output(folder):
    """As Snakemake does before it runs a rule again."""
    for name in ("model.pt", "history.csv", "provenance.json"):
        (folder / name).unlink()


@pytest.mark.parametrize("links", [True, False])
def test_what_was_trained_with_the_same_settings_data_and_code_is_taken_over(
    settings, data, folder, monkeypatch, links
):
    def not_again(*_args, **_kwargs):
        raise AssertionError("it trains")

    def no_links(*_args):
        raise OSError("no links here")

    if not links:
        monkeypatch.setattr(training.os, "link", no_links)
    training.train_run(folder, data, settings, CPU, **HOW)
    names = ("history.csv", "provenance.json", "model.pt")
    before = {name: (folder / name).read_bytes() for name in names}
    monkeypatch.setattr(training, "train", not_again)
    # Made anew, with the same content and another time stamp.
    save_dataset(load_dataset(data), data)
    delete_output(folder)
    training.train_run(folder, data, settings, CPU, **HOW)
    assert {name: (folder / name).read_bytes() for name in names} == before
    assert (folder / "model.pt").stat().st_mtime_ns > data.stat().st_mtime_ns
    for changed in ({"settings": {**settings, "seed": 1}}, {"code": "abd"}):
        with pytest.raises(AssertionError, match="it trains"):
            training.train_run(folder, data, **{"settings": settings, "device": CPU, **HOW, **changed})


def test_a_damaged_model_is_not_taken_over(settings, data, folder, capsys):
    training.train_run(folder, data, settings, CPU, **HOW)
    whole = (folder / "model.pt").read_bytes()
    (folder / "model.pt").write_bytes(whole[:100])
    delete_output(folder)
    training.train_run(folder, data, settings, CPU, **HOW)
    assert ".model.pt is damaged" in capsys.readouterr().out
    assert torch.equal(*(weights(folder / "model.pt", folder / ".model.pt")))


def weights(*paths):
    return [read_model(path, CPU).classifier.weight for path in paths]


def test_two_at_once_are_one_too_many(settings, data, folder, monkeypatch):
    monkeypatch.setattr(training, "LOCK_TIMEOUT", 0.1)
    with (
        FileLock(folder / ".lock"),
        pytest.raises(TimeoutError, match=f"another process trains in {folder}; let it end or stop it"),
    ):
        training.train_run(folder, data, settings, CPU, **HOW)


def test_an_evaluation_measures_the_model_that_is_there(dataset, settings, data, folder):
    training.train_run(folder, data, settings, CPU, **HOW)
    evaluate_run(folder, data, {"dataset": "tiny", "seed": 0}, CPU, splits=["train", "test"])
    network = read_model(folder / "model.pt", CPU)
    for split in ("train", "test"):
        features, logits = extract(network, getattr(dataset, f"x_{split}"), CPU)
        found = read_features(folder / "features.npz", split)
        assert (found.features == features).all()
        assert (found.logits == logits).all()
        assert (found.labels == getattr(dataset, f"y_{split}")).all()
    metrics = read_metrics(folder / "metrics.json")
    assert (metrics["run"], metrics["dataset"], metrics["seed"]) == ("tiny-run", "tiny", 0)
    assert metrics["accuracy"] == 100 * (found.predicted == found.labels).mean()
    seconds = sorted(row["seconds"] for row in read_history(folder / "history.csv"))
    assert metrics["seconds_per_epoch"] == seconds[1]


def test_scores_are_of_the_test_split(dataset, settings, tmp_path, folder):
    """Its labels are turned round and mostly of one class: no network is as often right there as in training."""
    few = [0, 1, 3, 5, 7]
    save_dataset(
        replace(dataset, x_test=dataset.x_test[few], y_test=1 - dataset.y_test[few]), tmp_path / "data.npz"
    )
    training.train_run(folder, tmp_path / "data.npz", settings, CPU, **HOW)
    evaluate_run(folder, tmp_path / "data.npz", {"dataset": "tiny", "seed": 0}, CPU, splits=["train", "test"])
    test, train = (read_features(folder / "features.npz", split) for split in ("test", "train"))
    right = 100 * (test.predicted == test.labels).mean()
    assert right != 100 * (train.predicted == train.labels).mean()
    assert read_metrics(folder / "metrics.json")["accuracy"] == right


def test_a_checkpoint_of_another_precision_is_not_continued(
    settings, data, folder, stopped, monkeypatch, capsys
):
    settings["precision"] = "auto"
    monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda: True)
    stopped()
    monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda: False)
    training.train_run(folder, data, settings, CPU, **HOW)
    assert loop.continuation_line(2, 0) not in capsys.readouterr().out


def test_a_continued_training_has_the_threads_with_which_it_began(settings, data, folder, stopped, capsys):
    before = torch.get_num_threads()
    try:
        torch.set_num_threads(1)
        stopped()
        torch.set_num_threads(2)
        training.train_run(folder, data, settings, CPU, **HOW)
    finally:
        torch.set_num_threads(before)
    assert loop.continuation_line(2, 0) in capsys.readouterr().out
    assert json.loads((folder / "provenance.json").read_text())["threads"] == 1
