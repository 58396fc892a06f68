"""A run's maps come back from their file as they were written, and a damaged file is named with what to do."""

import zipfile

import numpy as np
import pytest

from amc_loss.jobs.files import UnusableFileError
from amc_loss.runs.activations import Activations, read_activations, write_activations

GENERATOR = np.random.default_rng(0)


def half(*shape):
    return GENERATOR.normal(size=shape).astype(np.float16)


# Each shape another, so that no array comes back for another.
ACTIVATIONS = Activations(
    maps=half(7, 2, 3, 4),
    weight_rms=half(5),
    tiles=GENERATOR.integers(7, size=(2, 4)),
    mosaic_maps=half(2, 4, 2, 8, 10),
    borders=np.array([4, 2, 6]),
    border_logits=half(3, 7, 5),
    deleted=np.array([1, 5]),
    deletion=half(3, 2, 10, 2),
)


@pytest.fixture
def path(tmp_path):
    write_activations(ACTIVATIONS, tmp_path / "explanations.npz")
    return tmp_path / "explanations.npz"


def test_a_run_s_maps_come_back_as_they_were(path):
    found = read_activations(path)
    np.testing.assert_equal(vars(found), vars(ACTIVATIONS))
    for name, values in vars(ACTIVATIONS).items():
        assert getattr(found, name).dtype == values.dtype


def test_numbers_that_float16_holds_only_just(tmp_path):
    extreme = np.array([65504, -65504, 6e-8, 0, np.inf, np.nan], np.float16)
    write_activations(
        Activations(**{**vars(ACTIVATIONS), "weight_rms": extreme}), tmp_path / "explanations.npz"
    )
    np.testing.assert_array_equal(read_activations(tmp_path / "explanations.npz").weight_rms, extreme)


def test_there_may_be_no_mosaics_and_no_deletions(tmp_path):
    none = {"tiles": np.empty((0, 4), np.int64), "mosaic_maps": half(0, 4, 2, 8, 10)}
    none |= {"deleted": np.empty(0, np.int64), "deletion": half(3, 2, 10, 0)}
    write_activations(Activations(**{**vars(ACTIVATIONS), **none}), tmp_path / "explanations.npz")
    found = read_activations(tmp_path / "explanations.npz")
    assert found.tiles.shape == (0, 4)
    assert found.mosaic_maps.shape == (0, 4, 2, 8, 10)
    assert found.deletion.shape == (3, 2, 10, 0)


def without_an_array(whole, path):
    """The archive but for the last of its arrays."""
    with zipfile.ZipFile(path) as archive:
        arrays = {name: archive.read(name) for name in archive.namelist()[:-1]}
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in arrays.items():
            archive.writestr(name, content)
    return path.read_bytes()


@pytest.mark.parametrize(
    "damage",
    [
        lambda whole, _: b"",
        lambda whole, _: whole[: len(whole) // 2],
        lambda whole, _: b"no archive at all",
        without_an_array,
    ],
    ids=["empty", "half", "text", "an array less"],
)
def test_a_damaged_file_of_maps_is_one_sentence(path, damage):
    path.write_bytes(damage(path.read_bytes(), path))
    with pytest.raises(
        UnusableFileError,
        match=rf"^{path} is not a usable archive of explanations \(.*\); delete it and run again$",
    ):
        read_activations(path)


def test_a_missing_file_of_maps_is_no_damaged_one(tmp_path):
    with pytest.raises(FileNotFoundError):
        read_activations(tmp_path / "explanations.npz")
