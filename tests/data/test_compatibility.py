"""Settings that do not fit the data are reported, all at once and before anything is trained."""

import copy

import numpy as np
import pytest
from paper import CONFIG, SCHEMA

from amc_loss.data.compatibility import MisfitError, check, misfits
from amc_loss.data.dataset import Outline, read_outline, save_dataset
from amc_loss.study.configuration import overlaid
from amc_loss.study.study import Study

NAMES = ["rose", "tulip", "lily"]


def flowers(train=300, test=90, side=32, names=NAMES):
    labels = {"train": np.arange(train) % len(names), "test": np.arange(test) % len(names)}
    return Outline((3, side, side), labels, names)


def config(**given):
    """The configuration of a study of flowers; figures show them unless they say otherwise."""
    entry = {"flowers": {"source": "imagefolder", "path": "data"}}
    study = {"study": {"name": "own", "datasets": ["flowers"]}, "datasets": entry}
    return Study(overlaid(copy.deepcopy(CONFIG), {**study, **given}), SCHEMA).config


def figure(number, **settings):
    return {"figures": {f"figure{number}": settings}}


def test_what_is_not_set_fits():
    assert misfits(config(), "flowers", flowers()) == []
    assert misfits(config(), "flowers", flowers(names=["a", "b"])) == []


@pytest.mark.parametrize(
    ("given", "outline", "sentence"),
    [
        (
            figure(1, classes=["rose", "tulips", "0"]),
            flowers(),
            [
                "'figures.figure1.classes' has 'tulips', which is no class of flowers: did you mean 'tulip'? there "
                "are rose, tulip, lily",
                "'figures.figure1.classes' has '0', which is no class of flowers: there are rose, tulip, lily",
            ],
        ),
        (
            figure(1, classes=["tulip"], points=2),
            flowers(),
            [
                f"'figures.figure1.points' is 2, and among so many {split} images of flowers, drawn at random, there "
                "is none of the classes; raise it"
                for split in ("train", "test")
            ],
        ),
        (
            figure(4, points=1),
            flowers(),
            [
                "'figures.figure4.points' is 1, and among so many test images of flowers, drawn at random, there is "
                "one class only; raise it"
            ],
        ),
        (
            figure(2, **{"class": "airplane"}),
            flowers(names=[*NAMES, *map(str, range(30))]),
            [
                "'figures.figure2.class' has 'airplane', which is no class of flowers: there are rose, tulip, lily, "
                f"{', '.join(map(str, range(17)))} and 13 more"
            ],
        ),
        (
            figure(2, image=782),
            flowers(),
            [
                "'figures.figure2.image' is 782, but the last test image of flowers is 89; correct it, or set it to "
                "null to have an image chosen"
            ],
        ),
        (
            figure(2, image=4, **{"class": "lily"}),
            flowers(),
            [
                "'figures.figure2.image' is 4, but that test image of flowers is of class 'tulip', not 'lily'; correct "
                "it, or set it to null to have an image chosen"
            ],
        ),
        (
            {},
            flowers(test=30),
            [
                "'figures.figure5.perplexity' is 30, but flowers has only 30 test images; it must be below that"
            ],
        ),
        (
            figure(6, classes=["rosé"]),
            flowers(),
            [
                "'figures.figure6.classes' has 'rosé', which is no class of flowers: did you mean 'rose'? there are "
                "rose, tulip, lily"
            ],
        ),
        (
            {"grad_cam": {"target": "tulpe"}},
            flowers(),
            [
                "'grad_cam.target' has 'tulpe', which is no class of flowers: did you mean 'tulip'? there are "
                "predicted_label, true_label, rose, tulip, lily"
            ],
        ),
        (
            {},
            flowers(train=127),
            ["'training.batch_size' is 128, but flowers has only 127 training images; choose a smaller one"],
        ),
        (
            {"training": {"drop_last": False}},
            flowers(train=257, side=15),
            [
                "'training.batch_size' is 128, which leaves a last minibatch of one of the 257 training images of "
                "flowers, too few for batch normalisation at 15×15 pixels; choose another, or set "
                "'training.drop_last' to true"
            ],
        ),
        ({"training": {"drop_last": False}}, flowers(train=257, side=16), []),
        (
            {"training": {"translation": 32}},
            flowers(),
            ["'training.translation' is 32, but images of flowers have 32×32 pixels; choose a smaller one"],
        ),
    ],
)
def test_a_misfit_is_one_sentence(given, outline, sentence):
    assert misfits(config(**given), "flowers", outline) == sentence


def test_a_border_leaves_something_of_an_image():
    assert misfits(config(), "flowers", flowers(side=13)) == []
    assert misfits(config(), "flowers", flowers(side=12)) == [
        "'explainability.borders' has 6, which is all of the 12×12 pixels of flowers; leave it out"
    ]


def test_all_are_told_at_once_of_what_is_in_the_study():
    study = config(**figure(2, image=782), training={"batch_size": 400})
    with pytest.raises(MisfitError) as error:
        check(study, {"flowers": flowers(), "digits": flowers(train=1)})
    assert [line.split(" is ")[0] for line in str(error.value).splitlines()] == [
        "'training.batch_size'",
        "'figures.figure2.image'",
    ]


def test_a_figure_of_another_dataset_is_not_checked_against_this_one():
    study = config(study={"name": "own", "datasets": ["cifar10", "flowers"]})
    assert study["figures"]["figure2"]["class"] == "airplane"
    assert misfits(study, "flowers", flowers()) == []


def test_an_outline_is_what_the_file_has(dataset, tmp_path):
    save_dataset(dataset, tmp_path / "data.npz")
    outline = read_outline(tmp_path / "data.npz")
    assert outline.image_shape == dataset.image_shape
    assert outline.class_names == dataset.class_names
    for split in ("train", "test"):
        np.testing.assert_array_equal(outline.labels[split], getattr(dataset, f"y_{split}"))
