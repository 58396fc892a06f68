"""What a study will cost."""

from typing import ClassVar

import pytest
import torch
from paper import SCHEMA
from settings import LOSSES, of_loss

from amc_loss.data import sources
from amc_loss.training import cost

CPU = torch.device("cpu")


class Timed:
    """A training whose first pass is slow, and which is told how long an image takes after that."""

    made: ClassVar[list[tuple[int, int]]] = []
    seconds_an_image = 0.0

    def __init__(self, data, settings, device):
        assert data.x_train.shape[1:] == (28, 28, 1)
        assert len(data.class_names) == 10
        self.images, self.history = len(data.x_train), []
        self.made.append((settings["batch_size"], self.images))

    def run_epoch(self):
        seconds = 1000.0 if not self.history else self.seconds_an_image * self.images
        self.history.append({"seconds": seconds})


@pytest.mark.parametrize(
    ("device", "seconds_an_image", "made"),
    [
        # Few images where a minibatch of 128 takes long, a whole one where it does not, and always on a GPU.
        ("cpu", 0.1, [(16, 16)]),
        ("cpu", 0.001, [(16, 16), (128, 1280)]),
        ("cuda", 0.1, [(128, 1280)]),
    ],
)
def test_speed_is_that_after_the_first_pass(settings, monkeypatch, device, seconds_an_image, made):
    monkeypatch.setattr(cost, "Training", Timed)
    monkeypatch.setattr(Timed, "made", [])
    monkeypatch.setattr(Timed, "seconds_an_image", seconds_an_image)
    size = (60_000, (28, 28, 1), 10)
    speed = cost.images_per_second({**settings, "batch_size": 128}, size, torch.device(device))
    assert speed == pytest.approx(1 / seconds_an_image)
    assert Timed.made == made


def test_the_table_adds_up(settings, monkeypatch):
    measured = []

    def images_per_second(settings, size, device):
        measured.append((settings["loss"], size))
        return {(32, 32, 3): 10.0, (16, 16, 1): 0.08}[size[1]]

    monkeypatch.setattr(cost, "images_per_second", images_per_second)
    svhn = {"source": "torchvision", "class": "SVHN"}
    own = {"source": "npz", "path": "data/mine.npz"}
    kinds = [
        ({**settings, "dataset": "svhn", **of_loss("amc"), "data": svhn}, 5),
        ({**settings, "dataset": "svhn", **of_loss("cross_entropy"), "data": svhn}, 1),
        ({**settings, "dataset": "mine", **of_loss("euclidean"), "data": own}, 3),
    ]
    sizes = {"mine": (70, (16, 16, 1), 2)}
    lines = list(cost.table(kinds, sizes, CPU, LOSSES))
    assert measured == [("amc", (73_257, (32, 32, 3), 10)), ("euclidean", (70, (16, 16, 1), 2))]
    # Three epochs of 4,578 whole minibatches of 16 in the one, of 4 in the other.
    assert lines[1].split() == ["svhn", "top", "+", "AMC-Loss", "5", "6.104", "30.52"]
    assert lines[2].split()[-3:] == ["1", "6.104", "6.10"]
    assert lines[3].split()[-3:] == ["3", "0.667", "2.00"]
    assert lines[4].startswith("38.62 hours")
    assert "no GPU" in lines[4]
    assert lines[5].startswith("assumed: all losses cost the same")
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda device: "H100")
    assert len(list(cost.table(kinds, sizes, torch.device("cuda"), LOSSES))) == 5
    assert [loss for loss, _ in measured[2:]] == ["amc", "cross_entropy", "euclidean"]


def test_a_line_is_there_as_soon_as_it_is_measured(settings, monkeypatch):
    monkeypatch.setattr(cost, "images_per_second", lambda *_: 1 / 0)
    lines = cost.table([({**settings, "data": {"source": "scikit-learn"}}, 1)], {}, CPU, LOSSES)
    assert next(lines).startswith("dataset")
    with pytest.raises(ZeroDivisionError):
        next(lines)


def test_sizes_are_those_of_the_data(tmp_path, dataset):
    assert cost.measured_size(dataset) == (64, (16, 16, 1), 2)
    for data in ({"source": "scikit-learn"}, {"source": "scikit-learn", "size": 16}):
        assert cost.size_of(data) == cost.measured_size(sources.fetch(data, tmp_path))
    data = {"source": "torchvision", "class": "CIFAR100", "labels": "coarse", "size": 48}
    assert cost.size_of(data) == (50_000, (48, 48, 3), 20)
    assert set(cost.SIZES) == {*SCHEMA["$defs"]["source"]["properties"]["class"]["enum"], "scikit-learn"}


@pytest.mark.parametrize("batch", [16, 32])
def test_it_measures_real_steps(settings, batch):
    assert cost.images_per_second({**settings, "batch_size": batch}, (1_437, (32, 32, 1), 10), CPU) > 0
