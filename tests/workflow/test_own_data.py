"""Datasets of one's own, by configuration alone."""

import os
import shutil

import numpy as np
import pytest
import yaml
from PIL import Image

from amc_loss.data.dataset import load_dataset


@pytest.fixture
def own(checkout):
    """A study of an .npz that takes the place of CIFAR-10, and of a folder of images."""
    images = np.random.default_rng(0).integers(0, 256, (40, 16, 16, 3), dtype=np.uint8)
    labels = np.arange(40) % 2
    (checkout.path / "data").mkdir()
    arrays = {"x_train": images, "y_train": labels, "x_test": images[:8], "y_test": labels[:8]}
    np.savez(checkout.path / "data/mine.npz", **arrays, class_names=["dark", "bright"])
    for split in ("train", "test"):
        for number, name in enumerate(("rose", "tulip")):
            folder = checkout.path / "data/flowers" / split / name
            folder.mkdir(parents=True)
            for image in images[labels == number][:3]:
                Image.fromarray(image).save(folder / f"{image[0, 0, 0]}-{image[0, 0, 1]}.png")
    checkout.study = {
        "study": {"name": "own", "datasets": ["cifar10", "flowers"], "seeds": [0]},
        "datasets": {
            "cifar10": {"source": "npz", "path": "data/mine.npz"},
            "flowers": {"source": "imagefolder", "path": "data/flowers", "size": 20},
        },
        "network": {"width_multiplier": {"top": 0.03, "bottom": 0.1}},
        "training": {"batch_size": 4},
        "figures": {
            **{f"figure{n}": {"dataset": "flowers"} for n in range(1, 7)},
            "figure5": {"dataset": "flowers", "perplexity": 5},
            "figure7": {"dataset": "cifar10", "seeds": [0]},
        },
    }
    return checkout


def run(checkout, *arguments, check=True):
    (checkout.path / "own.yaml").write_text(yaml.safe_dump(checkout.study))
    return checkout.snakemake(*arguments, "--configfile", "own.yaml", "--cores", "1", check=check)


def jobs(checkout, *arguments):
    return checkout.jobs(*arguments, "--configfile", "own.yaml")


def test_they_are_made_estimated_and_made_again_when_they_change(own):
    output = run(own, "estimate")
    made = {name: load_dataset(own.dataset(name)) for name in ("cifar10", "flowers")}
    assert made["cifar10"].x_train.shape == (40, 16, 16, 3)
    assert made["flowers"].x_train.shape == (6, 20, 20, 3)
    assert made["flowers"].class_names == ["rose", "tulip"]
    assert "flowers" in output
    assert "hours, one training after the other" in output

    assert jobs(own, "download") == {}
    own.study["datasets"]["flowers"] |= {"title": "{x} $5 A$$AP", "archives": "/nowhere"}
    run(own, "-n")
    assert jobs(own, "download") == {}
    a_download = {"download_dataset": 1, "download": 1}
    image = next((own.path / "data/flowers/train/rose").iterdir())
    copy = shutil.copy(image, image.with_name("copy.png"))
    assert jobs(own, "download") == a_download
    run(own, "download")
    assert jobs(own, "download") == {}
    copy.unlink()
    assert jobs(own, "download") == a_download
    run(own, "download")
    before = own.dataset("flowers")
    own.study["datasets"]["flowers"]["size"] = 24
    run(own, "download")
    (after,) = {*before.parent.glob("flowers-*.npz")} - {before}
    assert load_dataset(after).image_shape == (3, 24, 24)
    # Each size has a file of its own: nothing takes the other's place.
    own.study["datasets"]["flowers"]["size"] = 20
    run(own, "-n")
    assert jobs(own, "download") == {}
    with np.load(own.path / "data/mine.npz") as arrays:
        np.savez(own.path / "data/mine.npz", **{**arrays, "x_test": 255 - arrays["x_test"]})
    assert jobs(own, "download") == a_download


def large(path, seed):
    """A dataset of more than 1 MB, up to which Snakemake would compare checksums."""
    images = np.random.default_rng(seed).integers(0, 256, (400, 32, 32, 3), dtype=np.uint8)
    arrays = {
        "x_train": images,
        "y_train": np.arange(400) % 2,
        "x_test": images[:8],
        "y_test": np.arange(8) % 2,
    }
    np.savez(path, **arrays, class_names=["dark", "bright"])
    assert path.stat().st_size > 1_000_000


def test_data_whose_place_older_data_takes_is_read_again(own):
    data = own.path / "data"
    large(data / "mine.npz", 0)
    large(data / "older.npz", 1)
    shutil.copytree(data / "flowers", data / "older", copy_function=shutil.copy2)
    next((data / "older/train/rose").iterdir()).unlink()
    for path in [data / "older.npz", data / "older", *(data / "older").rglob("*")]:
        os.utime(path, (1e9, 1e9))
    run(own, "download")
    (data / "older.npz").rename(data / "mine.npz")
    assert jobs(own, "download") == {"download_dataset": 1, "download": 1}
    shutil.rmtree(data / "flowers")
    (data / "older").rename(data / "flowers")
    assert jobs(own, "download") == {"download_dataset": 2, "download": 1}
    run(own, "download")
    assert len(load_dataset(own.dataset("flowers")).x_train) == 5
    assert jobs(own, "download") == {}


def test_what_a_system_leaves_in_a_folder_changes_no_data_and_a_linked_image_does(own):
    flowers = own.path / "data/flowers"
    elsewhere = own.path / "elsewhere"
    (flowers / "train/rose").rename(elsewhere)
    (flowers / "train/rose").symlink_to(elsewhere)
    (elsewhere / "more").mkdir()
    run(own, "download")
    (flowers / "train/rose/.DS_Store").touch()
    (flowers / "test/__MACOSX").mkdir()
    assert jobs(own, "download") == {}
    shutil.copy(next(elsewhere.glob("*.png")), elsewhere / "more/new.png")
    assert jobs(own, "download") == {"download_dataset": 1, "download": 1}


def test_a_path_that_is_missing_stops_before_anything_runs(own):
    run(own, "download")
    own.study["datasets"]["cifar10"]["path"] = "data/mien.npz"
    output = run(own, "download", check=False)
    assert (
        "'datasets.cifar10.path' is data/mien.npz, which does not exist; put the dataset there or correct the path"
        in output
    )
    assert "Traceback" not in output
    own.study["datasets"]["cifar10"]["path"] = "~nobody.of.this.name/mine.npz"
    output = run(own, "download", check=False)
    assert "'datasets.cifar10.path' is ~nobody.of.this.name/mine.npz, which does not exist" in output
    assert "Traceback" not in output


def test_settings_that_do_not_fit_the_data_are_told_of_before_a_training(own):
    """All at once: when the data has been made, and from then on before anything runs."""
    own.study["figures"]["figure1"] = {"dataset": "flowers", "classes": ["rose", "lily"]}
    own.study["figures"]["figure2"] = {"dataset": "flowers", "image": 782}
    own.study["grad_cam"] = {"target": "tulpe"}
    # The other dataset has nothing wrong, and is trained on.
    own.study["training"]["schedule"] = {"top": {"epochs": 1, "ramp_up": 0, "ramp_down": 0}}
    sentences = [
        "'figures.figure1.classes' has 'lily', which is no class of flowers: there are rose, tulip",
        "'figures.figure2.image' is 782, but the last test image of flowers is 5; correct it, or set it to null",
        "'grad_cam.target' has 'tulpe', which is no class of flowers: did you mean 'tulip'? there are predicted",
    ]
    output = run(own, "table1", check=False)
    for sentence in sentences:
        assert output.count(sentence) == 1
    assert "Traceback" not in output
    assert not list((own.path / "results/own/runs").glob("flowers-*"))
    misfits = {key: own.study["figures"][key] for key in ("figure1", "figure2")}
    own.study["figures"] |= {name: {"dataset": "flowers"} for name in misfits}
    target = own.study.pop("grad_cam")
    run(own, "download")
    own.study["figures"] |= misfits
    own.study["grad_cam"] = target
    output = run(own, "-n", "table1", check=False)
    for sentence in sentences:
        assert output.count(sentence) == 1
    assert "Traceback" not in output
    # Data that is to be made again is not what they have to fit.
    for split in ("train", "test"):
        shutil.copytree(
            own.path / "data/flowers" / split / "rose", own.path / "data/flowers" / split / "lily"
        )
    run(own, "-n", "download")


def test_where_results_would_go_there_is_a_folder_or_nothing(own):
    (own.path / "results").symlink_to("/nowhere/results")
    output = run(own, "-n", check=False)
    assert (
        "'results' is a link to /nowhere/results, where there is nothing; make that folder, or remove the link"
        in output
    )
    (own.path / "results").unlink()
    (own.path / "results").touch()
    assert "'results' is no folder; move it out of the way" in run(own, "-n", check=False)


def test_a_damaged_npz_is_one_sentence_and_never_a_dataset(own):
    path = own.path / "data/mine.npz"
    whole = path.read_bytes()
    path.write_bytes(whole[:-1000])
    output = run(own, "download", "--show-failed-logs", check=False)
    assert (
        "data/mine.npz is not a usable dataset (File is not a zip file); correct it and run again" in output
    )
    assert "Traceback" not in output
    assert not list((own.path / "resources/datasets").glob("cifar10*"))
    path.write_bytes(whole)
    run(own, "download")
    load_dataset(own.dataset("cifar10"))


def test_an_archive_that_is_not_the_one_is_one_sentence_and_never_a_dataset(own):
    (own.path / "archives").mkdir()
    name = "train-images-idx3-ubyte.gz"
    (own.path / "archives" / name).write_bytes(b"another one")
    own.study["study"]["datasets"].append("mnist")
    own.study["datasets"]["mnist"] = {"archives": "archives"}
    output = run(own, "download", "--show-failed-logs", check=False)
    assert f"archives/{name} does not have the MD5 checksum " in output
    assert "; put the whole archive there, as from http" in output
    assert "Traceback" not in output
    assert output.count("Error in rule download_dataset") == 1
    assert not list((own.path / "resources/datasets").glob("mnist*"))
