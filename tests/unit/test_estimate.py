"""What a study will cost."""

import pytest
import torch

from amc_loss import estimate, sources

CPU = torch.device("cpu")


def test_a_run_is_extrapolated_from_the_second_pass(settings, monkeypatch):
    class Timed:
        steps = 4

        def __init__(self, data, settings, device):
            assert data.x_train.shape == (64, 28, 28, 1)
            self.history = []

        def run_epoch(self):
            self.history.append({"seconds": 100.0 if not self.history else 2.0})

    monkeypatch.setattr(estimate, "Training", Timed)
    # 60,000 images are 3,750 steps of 16; half a second each, for 3 epochs.
    assert estimate.seconds_per_run({**settings, "dataset": "mnist"}, CPU) == pytest.approx(3750 * 3 * 0.5)


def test_the_table_adds_up(settings, monkeypatch):
    hours = {"amc": 2.0, "euclidean": 0.5}
    monkeypatch.setattr(estimate, "seconds_per_run", lambda settings, device: 3600 * hours[settings["loss"]])
    kinds = [
        ({**settings, "dataset": "svhn", "loss": loss}, runs) for loss, runs in (("amc", 5), ("euclidean", 3))
    ]
    lines = estimate.table(kinds, CPU).splitlines()
    assert lines[1].split() == ["svhn", "top", "+", "AMC-Loss", "5", "2.000", "10.00"]
    assert lines[2].split()[-3:] == ["3", "0.500", "1.50"]
    assert lines[3].startswith("11.50 hours")
    assert "no GPU" in lines[3]


def test_sizes_are_those_of_the_data(tmp_path):
    digits = sources.fetch("digits", "scikit-learn", tmp_path)
    assert estimate.SIZES["digits"] == (
        len(digits.x_train),
        digits.x_train.shape[1:],
        len(digits.class_names),
    )
    assert {name for name, _ in sources._READERS} == set(estimate.SIZES)


def test_it_measures_real_steps(settings):
    assert 0 < estimate.seconds_per_run({**settings, "dataset": "digits"}, CPU) < 60
