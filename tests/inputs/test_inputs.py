"""Inputs as users bring them, through the rule that makes datasets: the right one, or one sentence."""

import json
import re

import numpy as np
import pytest
import yaml
from checkout import Checkout
from inputs.make import INPUTS

from amc_loss.data.dataset import load_dataset

WHITE, RED = [255], [255, 0, 0]

# What the log of each says of those that are no usable dataset; a path is "…".
SENTENCES = {
    "arrays_of_which_one_runs_to_1_and_one_to_255": "… is not a usable dataset (pixel values of x_test run from 0 to 1, but 0 to 255 are black "
    "to white; multiply before the conversion to uint8); correct it and run again",
    "arrays_divided_by_255": "… is not a usable dataset (pixel values of x_train run from 0 to 0, but 0 to 255 are black to white; multiply before "
    "the conversion to uint8); correct it and run again",
    "arrays_that_are_still_divided_by_255": "… is not a usable dataset (x_train must be uint8 of shape (N, height, width, 1 or 3), not float64 of "
    "(4, 16, 16, 3)); correct it and run again",
    "labels_that_start_at_1": "… is not a usable dataset (labels in y_train run from 1 to 2, but 2 class names allow 0 to 1); correct it and run "
    "again",
    "class_names_that_would_run_as_code": "… is not a usable dataset (class_names holds Python objects; save it as an array of text or numbers); correct it and run "
    "again",
    "a_single_array_named_npz": "… is not a usable dataset (it is a single array of numpy.save; numpy.savez puts all five into one file); correct "
    "it and run again",
    "a_text_named_npz": "… is not a usable dataset (it is no archive of numpy.savez); correct it and run again",
    "a_folder_where_a_file_is_expected": "… is no file; put the dataset there or correct its 'path'",
    "a_file_where_a_folder_is_expected": "… is no folder; put the images into …/train/<class>/ and …/test/<class>/, or correct its 'path'",
    "a_single_class": "… is not a usable dataset (it has 1 class, and a classifier needs two); correct it and run again",
    "two_class_folders_that_look_the_same": r"…/train has two class folders that look the same, 'rose\u0301' and 'ros\xe9'; move the images of one "
    "into the other",
    "a_class_of_one_split_alone": "… has class 'tulip' in one of train and test only; give both the same class folders",
    "images_of_two_sizes": "…/test/rose/0.png has 16×20 pixels, …/train/rose/0.png has 16×16; give a 'size' to which all are resized",
    "images_too_small_for_the_networks": "images of … have 8×8 pixels, the networks need 12×12; give a 'size' to which they are resized",
    "an_image_that_was_cut_off": "…/train/tulip/1.png is not a usable image (",
    "an_image_of_16_bits": "…/train/tulip/1.png is not a usable image (its mode I;16 is none of 1, L, LA, P, PA, RGB, RGBA, CMYK, YCbCr); replace or "
    "remove it",
}


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """All of them, in one study that goes on where one fails."""
    checkout = Checkout(tmp_path_factory.mktemp("inputs"))
    entries = {}
    for name, make in INPUTS.items():
        folder = checkout.path / "data" / name
        folder.mkdir(parents=True)
        entries[name] = make(folder)
        entries[name]["path"] = str(entries[name]["path"]).removeprefix(f"{checkout.path}/")
    study = {
        "study": {"name": "inputs", "datasets": list(entries)},
        "datasets": entries,
        "training": {"batch_size": 4},
        "figures": {"figure5": {"perplexity": 1}},
    }
    (checkout.path / "inputs.yaml").write_text(yaml.safe_dump(study, allow_unicode=True))
    checkout.output = checkout.snakemake(
        "download", "--cores", "2", "--configfile", "inputs.yaml", check=False
    )
    return checkout


def dataset(made, name):
    return load_dataset(made.dataset(name))


def record(made, name):
    return json.loads(made.dataset(name).with_suffix(".json").read_text())


def log(made, name):
    (path,) = made.path.glob(f"resources/logs/download-{name}-*.log")
    return path.read_text()


@pytest.mark.parametrize("name", SENTENCES)
def test_what_is_no_dataset_is_one_sentence(made, name):
    *_, said = log(made, name).splitlines()
    said = re.sub(rf"data/{name}(/mine.npz)?", "…", said)
    assert said.startswith(SENTENCES[name])
    assert "Traceback" not in log(made, name)
    assert not list(made.path.glob(f"resources/datasets/{name}-*"))


def test_all_others_are_datasets(made):
    found = {path.name.rpartition("-")[0] for path in made.path.glob("resources/datasets/*.npz")}
    assert found == set(INPUTS) - set(SENTENCES)


def test_photographs_are_upright(made):
    images = dataset(made, "photographs_of_a_camera_held_upright").x_train.mean(-1)
    assert images.shape == (4, 16, 16)
    assert (images[:, :, :6] < 80).all()
    assert (images[:, :, 10:] > 140).all()


@pytest.mark.parametrize(
    ("name", "around", "said"),
    [("black_icons_on_transparent", WHITE, "white"), ("icons_on_a_colour_of_the_user_s", RED, "#ff0000")],
)
def test_icons_are_on_a_colour(made, name, around, said):
    images = dataset(made, name).x_test
    assert (images[:, 0, 0] == around).all()
    assert (images[:, 5, 6] == 0).all()
    assert f"transparent parts are {said} now: 8 of 8 images" in log(made, name)
    assert record(made, name)["transparent"] == 8


def test_what_is_no_data_is_left_out_and_counted(made):
    name = "leftovers_of_notebooks_and_systems"
    assert len(dataset(made, name).x_train) == 4
    assert dataset(made, name).class_names == ["rose", "tulip"]
    found = record(made, name)
    assert (found["read"], found["not_read"]) == ({".png": 8}, {".csv": 1, "without an ending": 1})
    assert "read 8 files (8 .png)" in log(made, name)
    assert "not read, since no image: 2 files (1 .csv, 1 without an ending)" in log(made, name)


def test_formats(made):
    endings = ("avif", "bmp", "gif", "jfif", "jp2", "tif", "webp")
    expected = {".png": 8, **{f".{ending}": 1 for ending in endings}}
    assert record(made, "images_of_many_formats")["read"] == expected
    assert len(dataset(made, "images_of_many_formats").x_train) == 11
    assert dataset(made, "grey_images").image_shape == (1, 16, 16)


@pytest.mark.parametrize(
    ("name", "class_names"),
    [
        ("classes_named_by_numbers", [str(number) for number in range(1, 13)]),
        (
            "names_that_look_like_markup",
            ["$5 - $10", "100%", "<b>*bold*", "A$$AP", r"\alpha", "_private_", "C#", "{x}"],
        ),
        ("names_in_other_scripts", ["rosé", "漢字", "한국어", "🌷"]),
        ("accents_encoded_otherwise_in_each_split", ["rosé", "tulip"]),
    ],
)
def test_names_are_what_the_folders_are_called(made, name, class_names):
    assert sorted(dataset(made, name).class_names) == sorted(class_names)


def test_numbers_are_in_the_order_of_counting(made):
    found = dataset(made, "classes_named_by_numbers")
    assert found.class_names == [str(number) for number in range(1, 13)]
    # Of each class in turn.
    assert found.y_train.tolist() == [*range(12), *range(12)]


def test_a_link_to_itself_multiplies_no_image(made):
    assert record(made, "a_class_folder_that_links_to_itself")["images"]["train"] == {"rose": 2, "tulip": 2}


def test_the_same_image_in_both_splits_is_told_of(made):
    name = "the_same_images_in_train_and_test"
    assert record(made, name)["in_both_splits"] == 2
    line = "warning: 2 of the 4 test images are among the training images as well"
    assert line in log(made, name)
    assert made.output.count(f"{line}\n") == 1


def test_hundreds_of_classes(made):
    assert dataset(made, "hundreds_of_classes").class_names[::50] == ["class 0", "class 50", "class 100"]


def test_arrays(made):
    assert dataset(made, "arrays_as_they_should_be").x_train.shape == (4, 16, 16, 3)
    found = dataset(made, "arrays_of_grey_images_with_small_labels_in_a_column")
    assert found.x_test.shape == (4, 16, 16, 1)
    assert found.y_test.dtype == np.int64
    assert found.y_test.tolist() == [0, 1, 0, 1]
    name = "arrays_with_an_image_that_is_black"
    assert "warning: 1 of 4 images of x_train are all 0" in log(made, name)


def test_what_is_made_is_recorded(made):
    found = record(made, "arrays_as_they_should_be")
    assert found["origin"]["data"]["source"] == "npz"
    assert found["image_shape"] == [3, 16, 16]
    assert found["images"] == {split: {"rose": 2, "tulip": 2} for split in ("train", "test")}
    assert {"numpy", "Pillow"} <= set(found["versions"])
    assert len(found["sha256"]) == 64
