"""The layout of datasets on disk, and every way in which a file can be wrong."""

from dataclasses import replace

import numpy as np
import pytest

from amc_loss.data.dataset import DatasetError, checksum, load_dataset, save_dataset
from amc_loss.data.record import describe


def test_round_trip(dataset, tmp_path):
    path = tmp_path / "deep" / "data.npz"
    save_dataset(dataset, path)
    loaded = load_dataset(path)
    for name in ("x_train", "y_train", "x_test", "y_test"):
        np.testing.assert_array_equal(getattr(loaded, name), getattr(dataset, name))
    assert loaded.class_names == ["dark", "bright"]
    assert loaded.image_shape == (1, 16, 16)
    assert [p.name for p in path.parent.iterdir()] == ["data.npz"]


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda d: {"x_train": d.x_train.astype(np.float32)}, "x_train must be uint8 of shape"),
        (lambda d: {"x_test": d.x_test[:, 0, :, 0]}, "x_test must be uint8 of shape"),
        (lambda d: {"x_train": d.x_train.repeat(4, 3)}, r"not uint8 of \(64, 16, 16, 4\)"),
        (
            lambda d: {"x_test": d.x_test[:, :8]},
            r"test images are \(8, 16, 1\), training images \(16, 16, 1\)",
        ),
        (
            lambda d: {"y_train": d.y_train[:-1]},
            r"y_train must be whole numbers of shape \(64,\), not int64 of \(63,\)",
        ),
        (
            lambda d: {"y_test": d.y_test + 1},
            "labels in y_test run from 1 to 2, but 2 class names allow 0 to 1",
        ),
        (lambda d: {"y_test": 0 * d.y_test}, "class 'bright' has no image in the test split"),
    ],
)
def test_an_invalid_dataset_is_neither_written_nor_read(dataset, tmp_path, change, sentence):
    wrong = replace(dataset, **change(dataset))
    path = tmp_path / "data.npz"
    with pytest.raises(DatasetError, match=sentence):
        save_dataset(wrong, path)
    assert not path.exists()
    np.savez(path, **{**vars(wrong), "class_names": np.array(wrong.class_names)})
    with pytest.raises(DatasetError, match=f"data.npz is not a usable dataset .*{sentence}.*delete it"):
        load_dataset(path)


def test_damaged_files_are_named(dataset, tmp_path):
    path = tmp_path / "data.npz"
    save_dataset(dataset, path)
    whole = path.read_bytes()
    for damaged in (whole[: len(whole) // 2], b"", b"not an archive", whole.replace(b"y_test", b"y_tost")):
        path.write_bytes(damaged)
        with pytest.raises(DatasetError, match="is not a usable dataset"):
            load_dataset(path)
    with pytest.raises(FileNotFoundError):
        load_dataset(tmp_path / "missing.npz")


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_a_flipped_byte_is_noticed_or_changes_nothing(dataset, tmp_path, save):
    small = {
        f"{xy}_{split}": getattr(dataset, f"{xy}_{split}")[:2] for xy in "xy" for split in ("train", "test")
    }
    path = tmp_path / "data.npz"
    save(path, **small, class_names=dataset.class_names)
    whole = path.read_bytes()
    refused = 0
    for place in range(0, len(whole), 3):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 0xFF]) + whole[place + 1 :])
        try:
            loaded = load_dataset(path)
        except DatasetError:
            refused += 1
        else:
            assert all(np.array_equal(getattr(loaded, name), array) for name, array in small.items())
    assert refused > len(whole) / 6


def test_a_pickle_in_an_archive_is_not_run(dataset, tmp_path):
    class Evil:
        def __reduce__(self):
            return (tmp_path.joinpath("ran").touch, ())

    arrays = {**vars(dataset), "class_names": np.array([Evil()], dtype=object)}
    np.savez(tmp_path / "data.npz", **arrays)
    with pytest.raises(DatasetError, match="not a usable dataset"):
        load_dataset(tmp_path / "data.npz")
    assert not (tmp_path / "ran").exists()


def test_a_write_that_fails_leaves_the_old_file(dataset, tmp_path, monkeypatch):
    path = tmp_path / "data.npz"
    save_dataset(dataset, path)
    before = path.read_bytes()

    def full(*_args, **_kwargs):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(np, "savez", full)
    with pytest.raises(
        DatasetError, match=r"data.npz cannot be written \(No space left on device\); make room"
    ):
        save_dataset(dataset, path)
    assert path.read_bytes() == before


def test_checksum_is_sha256(tmp_path):
    (tmp_path / "abc").write_bytes(b"abc")
    assert checksum(tmp_path / "abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"


def test_what_is_no_archive_is_told_apart(dataset, tmp_path):
    path = tmp_path / "data.npz"
    with path.open("wb") as file:
        np.save(file, dataset.x_train)
    with pytest.raises(
        DatasetError, match=r"\(it is a single array of numpy.save; numpy.savez puts all five"
    ):
        load_dataset(path)
    path.write_text("x_train,y_train\n")
    with pytest.raises(
        DatasetError, match=r"is not a usable dataset \(it is no archive of numpy.savez\); delete"
    ):
        load_dataset(path)


def test_images_are_counted_by_split_and_class(dataset, tmp_path):
    """Of five test images one is among the training images, twice."""
    x_test = np.concatenate([dataset.x_test[[0, 1, 3]], dataset.x_train[[5, 5]]])
    few = replace(dataset, x_test=x_test, y_test=np.array([0, 1, 1, 1, 1]))
    save_dataset(few, tmp_path / "data.npz")
    found = describe(few, tmp_path / "data.npz")
    assert found["images"] == {"train": {"dark": 32, "bright": 32}, "test": {"dark": 1, "bright": 4}}
    assert found["in_both_splits"] == 2
