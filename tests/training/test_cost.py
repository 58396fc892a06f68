"""What a study will cost."""

import pytest
import torch
from paper import SCHEMA

from amc_loss.data import sources
from amc_loss.training import cost

CPU = torch.device("cpu")


def test_a_run_is_extrapolated_from_the_second_pass(settings, monkeypatch):
    class Timed:
        steps = 4

        def __init__(self, data, settings, device):
            assert data.x_train.shape == (64, 28, 28, 1)
            assert len(data.class_names) == 10
            self.history = []

        def run_epoch(self):
            self.history.append({"seconds": 100.0 if not self.history else 2.0})

    monkeypatch.setattr(cost, "Training", Timed)
    # 60,000 images are 3,750 steps of 16; half a second each, for 3 epochs.
    size = (60_000, (28, 28, 1), 10)
    assert cost.seconds_per_run(settings, size, CPU) == pytest.approx(3750 * 3 * 0.5)


def test_the_table_adds_up(settings, monkeypatch):
    hours = {"amc": 2.0, "euclidean": 0.5}
    sizes = []

    def seconds_per_run(settings, size, device):
        sizes.append(size)
        return 3600 * hours[settings["loss"]]

    monkeypatch.setattr(cost, "seconds_per_run", seconds_per_run)
    svhn = {"source": "torchvision", "class": "SVHN"}
    own = {"source": "npz", "path": "data/mine.npz"}
    kinds = [
        ({**settings, "dataset": "svhn", "loss": "amc", "data": svhn}, 5),
        ({**settings, "dataset": "mine", "loss": "euclidean", "data": own}, 3),
    ]
    lines = cost.table(kinds, {"mine": (64, (16, 16, 1), 2)}, CPU).splitlines()
    assert sizes == [(73_257, (32, 32, 3), 10), (64, (16, 16, 1), 2)]
    assert lines[1].split() == ["svhn", "top", "+", "AMC-Loss", "5", "2.000", "10.00"]
    assert lines[2].split()[-3:] == ["3", "0.500", "1.50"]
    assert lines[3].startswith("11.50 hours")
    assert "no GPU" in lines[3]


def test_sizes_are_those_of_the_data(tmp_path, dataset):
    assert cost.measured_size(dataset) == (64, (16, 16, 1), 2)
    for data in ({"source": "scikit-learn"}, {"source": "scikit-learn", "size": 16}):
        assert cost.size_of(data) == cost.measured_size(sources.fetch(data, tmp_path))
    data = {"source": "torchvision", "class": "CIFAR100", "labels": "coarse", "size": 48}
    assert cost.size_of(data) == (50_000, (48, 48, 3), 20)
    assert set(cost.SIZES) == {*SCHEMA["$defs"]["source"]["properties"]["class"]["enum"], "scikit-learn"}


def test_it_measures_real_steps(settings):
    assert cost.seconds_per_run(settings, (1_437, (32, 32, 1), 10), CPU) > 0
