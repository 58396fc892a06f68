"""Sources of data: torchvision's from archives made here in their layout, files of one's own, the digits."""

import shutil
from dataclasses import replace

import archives
import numpy as np
import pytest
from archives import pixels
from paper import SCHEMA
from PIL import Image
from sklearn.datasets import load_digits
from torchvision import datasets as vision

from amc_loss.data import sources
from amc_loss.data.dataset import Dataset, DatasetError, save_dataset
from amc_loss.training import networks

SUPERCLASSES = {
    "aquatic_mammals": "beaver dolphin otter seal whale",
    "fish": "aquarium_fish flatfish ray shark trout",
    "flowers": "orchid poppy rose sunflower tulip",
    "food_containers": "bottle bowl can cup plate",
    "fruit_and_vegetables": "apple mushroom orange pear sweet_pepper",
    "household_electrical_devices": "clock keyboard lamp telephone television",
    "household_furniture": "bed chair couch table wardrobe",
    "insects": "bee beetle butterfly caterpillar cockroach",
    "large_carnivores": "bear leopard lion tiger wolf",
    "large_man-made_outdoor_things": "bridge castle house road skyscraper",
    "large_natural_outdoor_scenes": "cloud forest mountain plain sea",
    "large_omnivores_and_herbivores": "camel cattle chimpanzee elephant kangaroo",
    "medium_mammals": "fox porcupine possum raccoon skunk",
    "non-insect_invertebrates": "crab lobster snail spider worm",
    "people": "baby boy girl man woman",
    "reptiles": "crocodile dinosaur lizard snake turtle",
    "small_mammals": "hamster mouse rabbit shrew squirrel",
    "trees": "maple_tree oak_tree palm_tree pine_tree willow_tree",
    "vehicles_1": "bicycle bus motorcycle pickup_truck train",
    "vehicles_2": "lawn_mower rocket streetcar tank tractor",
}


def test_digits_are_all_there_split_by_class_and_the_same_each_time(tmp_path):
    digits, again = (sources.fetch({"source": "scikit-learn"}, tmp_path) for _ in range(2))
    assert digits.x_train.shape == (1437, 32, 32, 1)
    assert digits.x_test.shape == (360, 32, 32, 1)
    np.testing.assert_array_equal(digits.x_test, again.x_test)
    counts = np.bincount(load_digits().target)
    np.testing.assert_array_equal(np.bincount(digits.y_train) + np.bincount(digits.y_test), counts)
    np.testing.assert_allclose(np.bincount(digits.y_test), counts / 5, atol=1)
    assert digits.x_train.min() == 0
    assert digits.x_train.max() == 255


def test_unknown_source(tmp_path):
    with pytest.raises(DatasetError, match="no source 'web'; there are torchvision, npz, imagefolder, "):
        sources.fetch({"source": "web"}, tmp_path)


def torchvision(folder, cls, **keys):
    """A dataset from archives in a folder. The addresses are closed, so that none is ever asked."""
    entry = {"source": "torchvision", "class": cls, "archives": str(folder), **keys}
    return sources.fetch(entry, folder.with_name("downloads"))


def test_mnist(tmp_path, monkeypatch):
    train, test = archives.mnist(tmp_path / "archives", monkeypatch)
    data = torchvision(tmp_path / "archives", "MNIST")
    np.testing.assert_array_equal(data.x_train[..., 0], train)
    np.testing.assert_array_equal(data.x_test[..., 0], test)
    assert data.y_test.tolist() == list(range(10))
    assert data.class_names == list("0123456789")


def test_a_folder_of_archives_in_the_home_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    archives.mnist(tmp_path / "archives", monkeypatch)
    entry = {"source": "torchvision", "class": "MNIST", "archives": "~/archives"}
    assert len(sources.fetch(entry, tmp_path / "downloads").class_names) == 10


def cifar10(folder, monkeypatch):
    names = [f"data_batch_{i}" for i in range(1, 6)] + ["test_batch"]
    x = {name: pixels(10, 3, 32, 32) for name in names}
    entries = {name: {"data": value.reshape(10, -1), "labels": list(range(10))} for name, value in x.items()}
    archives.cifar(folder, vision.CIFAR10, monkeypatch, entries, {"label_names": list("abcdefghij")})
    return x


def test_cifar10(tmp_path, monkeypatch):
    x = cifar10(tmp_path / "archives", monkeypatch)
    data = torchvision(tmp_path / "archives", "CIFAR10")
    assert data.x_train.shape == (50, 32, 32, 3)
    np.testing.assert_array_equal(data.x_test, x["test_batch"].transpose(0, 2, 3, 1))
    assert data.class_names == list("abcdefghij")


def test_coarse_labels_of_cifar100_are_the_20_superclasses(tmp_path, monkeypatch):
    superclass = {fine: name for name, members in SUPERCLASSES.items() for fine in members.split()}
    fine_names, coarse_names = sorted(superclass), sorted(SUPERCLASSES)
    assert len(fine_names) == 100
    fine = {
        split: np.random.default_rng(seed).permutation(100) for seed, split in enumerate(("train", "test"))
    }
    entries = {
        split: {
            "data": pixels(100, 3072),
            "fine_labels": labels.tolist(),
            "coarse_labels": [coarse_names.index(superclass[fine_names[label]]) for label in labels],
        }
        for split, labels in fine.items()
    }
    meta = {"fine_label_names": fine_names, "coarse_label_names": coarse_names}
    archives.cifar(tmp_path / "archives", vision.CIFAR100, monkeypatch, entries, meta)
    data = torchvision(tmp_path / "archives", "CIFAR100", labels="coarse")
    assert len(data.class_names) == 20
    for split, labels in (("train", data.y_train), ("test", data.y_test)):
        named = {fine_names[f]: data.class_names[c] for f, c in zip(fine[split], labels, strict=True)}
        assert named == superclass
    fine_data = torchvision(tmp_path / "archives", "CIFAR100")
    assert fine_data.class_names == fine_names
    assert fine_data.y_test.tolist() == fine["test"].tolist()


def test_svhn_label_10_is_digit_0(tmp_path, monkeypatch):
    archives.svhn(tmp_path / "archives", monkeypatch)
    data = torchvision(tmp_path / "archives", "SVHN")
    assert data.y_test.tolist() == [1, 2, 3, 4, 5, 6, 7, 8, 9, 0]
    assert data.class_names == list("0123456789")
    np.testing.assert_array_equal(data.x_test, pixels(10, 32, 32, 3))


def test_a_damaged_archive_is_refused_before_its_pickles_are_read(tmp_path, monkeypatch):
    folder = tmp_path / "archives"
    cifar10(folder, monkeypatch)
    archive = folder / vision.CIFAR10.filename
    damaged = bytearray(archive.read_bytes())
    damaged[100] ^= 1
    archive.write_bytes(damaged)
    monkeypatch.setattr("pickle.load", lambda *_args, **_keys: pytest.fail("was unpickled"))
    with pytest.raises(DatasetError, match=f"{archive} does not have the MD5 checksum .*; put the whole"):
        torchvision(folder, "CIFAR10")


def test_every_class_that_the_configuration_allows_has_archives():
    for name in SCHEMA["$defs"]["source"]["properties"]["class"]["enum"]:
        for archive, md5, addresses in sources._archives(getattr(vision, name)):
            assert len(md5) == 32
            assert addresses
            assert all(address.endswith(f"/{archive}") for address in addresses)


def test_a_size_resizes_the_images_of_any_source(tmp_path, monkeypatch, dataset):
    archives.mnist(tmp_path / "archives", monkeypatch)
    small = torchvision(tmp_path / "archives", "MNIST", size=14)
    whole = torchvision(tmp_path / "archives", "MNIST")
    assert small.x_train.shape == (20, 14, 14, 1)
    expected = Image.fromarray(whole.x_train[3, ..., 0]).resize((14, 14), Image.Resampling.BICUBIC)
    np.testing.assert_array_equal(small.x_train[3, ..., 0], expected)
    save_dataset(dataset, tmp_path / "x.npz")
    entry = {"source": "npz", "path": str(tmp_path / "x.npz"), "size": 20}
    assert sources.fetch(entry, tmp_path).image_shape == (1, 20, 20)
    assert sources.fetch({"source": "scikit-learn", "size": 16}, tmp_path).image_shape == (1, 16, 16)


def test_images_are_large_enough_for_the_networks(tmp_path, dataset):
    for name in ("top", "bottom2d"):
        network = networks.build(name, 1, 2)
        networks.summarise(network, (1, sources.MIN_SIDE, sources.MIN_SIDE))
        with pytest.raises(RuntimeError):
            networks.summarise(network, (1, sources.MIN_SIDE - 1, sources.MIN_SIDE))
    path = tmp_path / "x.npz"
    save_dataset(replace(dataset, x_train=dataset.x_train[:, :8], x_test=dataset.x_test[:, :8]), path)
    entry = {"source": "npz", "path": str(path)}
    with pytest.raises(DatasetError, match=r"x.npz have 8×16 pixels, the networks need 12×12; give a 'size'"):
        sources.fetch(entry, tmp_path)
    assert sources.fetch({**entry, "size": 12}, tmp_path).image_shape == (1, 12, 12)


def test_npz_in_our_layout(tmp_path, dataset):
    path = tmp_path / "x.npz"
    np.savez_compressed(path, **{**vars(dataset), "class_names": dataset.class_names})
    data = sources.fetch({"source": "npz", "path": str(path)}, tmp_path)
    np.testing.assert_array_equal(data.x_train, dataset.x_train)
    assert data.class_names == ["dark", "bright"]


@pytest.fixture
def flowers(tmp_path):
    """Two classes of colour images, 20 pixels high and 16 wide: three to train, two to test."""
    folder = tmp_path / "flowers"
    for split, n in (("train", 3), ("test", 2)):
        for number, name in enumerate(("rose", "tulip")):
            (folder / split / name).mkdir(parents=True)
            for i in range(n):
                image = np.full((20, 16, 3), 100 * number + i, dtype=np.uint8)
                Image.fromarray(image).save(folder / split / name / f"{i}.png")
    return folder


def imagefolder(folder, **keys):
    return sources.fetch({"source": "imagefolder", "path": str(folder), **keys}, folder)


def test_imagefolder(flowers):
    data = imagefolder(flowers)
    assert data.x_train.shape == (6, 20, 16, 3)
    # From each class in turn, so that the first are of all classes.
    assert data.x_train[:, 0, 0, 0].tolist() == [0, 100, 1, 101, 2, 102]
    assert data.y_train.tolist() == [0, 1, 0, 1, 0, 1]
    assert data.x_test[:, 0, 0, 0].tolist() == [0, 100, 1, 101]
    assert data.class_names == ["rose", "tulip"]


def test_imagefolder_of_grey_images_has_one_channel(flowers):
    for path in flowers.rglob("*.png"):
        Image.open(path).convert("L").save(path)
    data = imagefolder(flowers, size=24)
    assert data.x_test.shape == (4, 24, 24, 1)
    assert data.x_test[:, 0, 0, 0].tolist() == [0, 100, 1, 101]
    Image.new("RGB", (50, 40), (200, 0, 0)).save(flowers / "test/tulip/1.png")
    data = imagefolder(flowers, size=24)
    assert data.x_test.shape == (4, 24, 24, 3)
    assert data.x_test[:, 0, 0].tolist() == [[0] * 3, [100] * 3, [1] * 3, [200, 0, 0]]


def deep(path):
    Image.fromarray(np.full((20, 16), 40000, dtype=np.uint16)).save(path)


def other_shape(path):
    Image.new("RGB", (17, 20)).save(path)


@pytest.mark.parametrize(
    ("fault", "sentence"),
    [
        (
            lambda f: shutil.rmtree(f),
            "flowers is no folder; put the images into .*flowers/train/<class>/ and .*flowers/test/<class>/, or",
        ),
        (lambda f: shutil.rmtree(f / "test"), "flowers/test has no class folders"),
        (
            lambda f: [p.unlink() for p in (f / "test/rose").iterdir()],
            "flowers/test/rose has no image; put some there, or remove the class from train and test",
        ),
        (
            lambda f: [(p.unlink(), p.with_suffix(".txt").touch()) for p in (f / "train/tulip").iterdir()],
            "flowers/train/tulip has no image",
        ),
        (
            lambda f: shutil.rmtree(f / "test/tulip"),
            "flowers has class 'tulip' in one of train and test only; give both the same class folders",
        ),
        (
            # torchvision would shift the labels of the test split.
            lambda f: shutil.copytree(f / "test/rose", f / "test/aster"),
            "flowers has class 'aster' in one of train and test only",
        ),
        (
            lambda f: other_shape(f / "test/rose/1.png"),
            r"test/rose/1.png has 20×17 pixels, .*train/rose/0.png has 20×16; give a 'size' to which all are",
        ),
        (
            lambda f: (f / "train/rose/1.png").write_bytes((f / "train/rose/1.png").read_bytes()[:-30]),
            "train/rose/1.png is not a usable image .*; replace or remove it",
        ),
        (
            lambda f: (f / "train/rose/1.png").write_bytes(b""),
            "train/rose/1.png is not a usable image .*; replace or remove it",
        ),
        (
            lambda f: deep(f / "train/rose/1.png"),
            r"train/rose/1.png is not a usable image \(its mode I;16 is none of 1, L, LA, P, .*\); replace",
        ),
    ],
)
def test_a_wrong_imagefolder_is_one_sentence(flowers, fault, sentence):
    fault(flowers)
    with pytest.raises(DatasetError, match=sentence) as error:
        imagefolder(flowers)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda d: {"x_train": d.x_train[:, 0, :, 0]}, "x_train must be uint8 of shape"),
        (
            lambda d: {"y_test": d.y_test + 1},
            "labels in y_test run from 1 to 2, but 2 class names allow 0 to 1",
        ),
        (lambda d: {"y_train": d.y_train - 1}, "labels in y_train run from -1 to 0"),
        (lambda d: {"y_train": 0 * d.y_train}, "class 'bright' has no image in the train split"),
        (lambda d: {"class_names": ["same", "same"]}, "class_names has a name twice: 'same' and 'same'"),
        (lambda d: {"class_names": [0, 1]}, r"class_names must be a list of text, not \[0, 1\]"),
        (lambda d: {"class_names": "ab"}, "class_names must be a list of text, not 'ab'"),
    ],
)
def test_a_wrong_npz_is_one_sentence_that_does_not_say_to_delete_it(tmp_path, dataset, change, sentence):
    path = tmp_path / "x.npz"
    np.savez(path, **{**vars(dataset), **change(dataset)})
    with pytest.raises(
        DatasetError, match=rf"x.npz is not a usable dataset \({sentence}.*\); correct it and run again$"
    ) as error:
        sources.fetch({"source": "npz", "path": str(path)}, tmp_path)
    assert "\n" not in str(error.value)
    assert path.exists()


def test_an_npz_that_is_not_there_or_something_else(tmp_path):
    for path in (tmp_path, tmp_path / "x.npz"):
        with pytest.raises(
            DatasetError, match=f"{path} is no file; put the dataset there or correct its 'pa"
        ):
            sources.fetch({"source": "npz", "path": str(path)}, tmp_path)
    np.save(tmp_path / "x.npz.npy", np.zeros(3))
    (tmp_path / "x.npz.npy").rename(tmp_path / "x.npz")
    with pytest.raises(DatasetError, match=r"x.npz is not a usable dataset"):
        sources.fetch({"source": "npz", "path": str(tmp_path / "x.npz")}, tmp_path)


@pytest.mark.parametrize("split", ["train", "test"])
def test_arrays_that_were_divided_by_255_are_refused(tmp_path, dataset, split):
    x = getattr(dataset, f"x_{split}")
    save_dataset(replace(dataset, **{f"x_{split}": (x / 255).round().astype(np.uint8)}), tmp_path / "x.npz")
    with pytest.raises(
        DatasetError,
        match=rf"x.npz is not a usable .*pixel values of x_{split} run from 0 to 1, but 0 to 255",
    ):
        sources.fetch({"source": "npz", "path": str(tmp_path / "x.npz")}, tmp_path)


def test_arrays_that_are_doubtful_are_spoken_of(tmp_path, dataset, capsys):
    x_train = dataset.x_train.copy()
    x_train[:3] = 0
    save_dataset(replace(dataset, x_train=x_train, x_test=dataset.x_test // 8), tmp_path / "x.npz")
    sources.fetch({"source": "npz", "path": str(tmp_path / "x.npz")}, tmp_path)
    printed = capsys.readouterr().out
    assert "warning: 3 of 64 images of x_train are all 0\n" in printed
    highest = x_train.max(), (dataset.x_test // 8).max()
    assert "warning: the highest pixel value of x_train is {}, of x_test {}\n".format(*highest) in printed
    save_dataset(dataset, tmp_path / "x.npz")
    sources.fetch({"source": "npz", "path": str(tmp_path / "x.npz")}, tmp_path)
    assert "warning" not in capsys.readouterr().out


def test_validation_images_are_of_the_training_split_each_class_its_share(tmp_path):
    entry = {"source": "scikit-learn", "size": 16}
    whole, held = (sources.fetch({**entry, **more}, tmp_path) for more in ({}, {"validation": 200}))
    assert (len(held.x_train), len(held.x_test)) == (len(whole.x_train) - 200, 200)
    both = np.concatenate([held.x_train, held.x_test])
    assert sorted(image.tobytes() for image in both) == sorted(image.tobytes() for image in whole.x_train)
    of_class = np.bincount(whole.y_train) * 200 / len(whole.y_train)
    assert np.abs(np.bincount(held.y_test) - of_class).max() < 1
    again = sources.fetch({**entry, "validation": 200}, tmp_path)
    np.testing.assert_array_equal(again.x_test, held.x_test)
    with pytest.raises(
        DatasetError, match=r"study.validation is 5000, which cannot be taken off the 1,437 training"
    ):
        sources.fetch({**entry, "validation": 5000}, tmp_path)


def test_each_class_has_a_validation_image(tmp_path):
    labels = np.repeat([0, 1, 2], [500, 497, 3])
    images = np.random.default_rng(0).integers(0, 255, (1000, 16, 16, 1), dtype=np.uint8)
    split = np.r_[0, 500, 997]
    save_dataset(
        Dataset(images, labels, images[split], labels[split], ["a", "b", "rare"]), tmp_path / "x.npz"
    )
    with pytest.raises(
        DatasetError, match=r"study.validation is 100, which leaves class 'rare' of .* without"
    ):
        sources.fetch({"source": "npz", "path": str(tmp_path / "x.npz"), "validation": 100}, tmp_path)
