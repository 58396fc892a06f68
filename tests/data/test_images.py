"""Folders of images as people have them."""

import numpy as np
import pytest
from PIL import Image

from amc_loss.data import images
from amc_loss.data.dataset import DatasetError
from amc_loss.data.images import natural_order, read_folder

WHITE, BLACK = 255, 0


@pytest.fixture
def folder(tmp_path):
    """One grey image of 16×12 pixels, its left half darker, in each of two classes of each split."""
    for split in ("train", "test"):
        for name in ("rose", "tulip"):
            place = tmp_path / split / name
            place.mkdir(parents=True)
            half().save(place / "a.png")
    return tmp_path


def half(mode="L"):
    pixels = np.full((12, 16), 200, dtype=np.uint8)
    pixels[:, :8] = 50
    return Image.fromarray(pixels).convert(mode)


def icon(mode):
    """A black square in the middle of what is transparent."""
    alpha = np.zeros((12, 16), dtype=np.uint8)
    alpha[4:8, 4:12] = 255
    return Image.merge("LA", (Image.new("L", (16, 12)), Image.fromarray(alpha))).convert(mode)


@pytest.mark.parametrize("mode", ["LA", "RGBA"])
def test_what_is_transparent_becomes_white(folder, mode, capsys):
    icon(mode).save(folder / "train/rose/a.png")
    data = read_folder(folder)
    expected = np.full((12, 16), WHITE)
    expected[4:8, 4:12] = BLACK
    assert data.image_shape[0] == {"LA": 1, "RGBA": 3}[mode]
    np.testing.assert_array_equal(data.x_train[0, ..., 0], expected)
    assert "transparent parts are white now: 1 of 4 images" in capsys.readouterr().out


def test_a_palette_with_a_transparent_colour_becomes_white(folder):
    picture = half("P")
    picture.info["transparency"] = picture.getpixel((0, 0))
    picture.save(folder / "train/rose/a.png", transparency=picture.getpixel((0, 0)))
    assert (read_folder(folder).x_train[0, 0, :, 0] == [WHITE] * 8 + [200] * 8).all()


def test_the_colour_under_transparent_images_is_the_user_s(folder):
    icon("LA").save(folder / "train/rose/a.png")
    assert read_folder(folder, background="#ff0000").x_train[0, 0, 0].tolist() == [255, 0, 0]
    assert read_folder(folder, background="gray").x_train[0, 0, 0].tolist() == [128]
    with pytest.raises(DatasetError, match="'background' is 'gary', which is no colour of CSS"):
        read_folder(folder, background="gary")


def test_an_alpha_channel_that_hides_nothing_is_not_spoken_of(folder, capsys):
    half("RGBA").save(folder / "train/rose/a.png")
    assert read_folder(folder).x_train[0, 0, :, 0].tolist() == [50] * 8 + [200] * 8
    assert "transparent" not in capsys.readouterr().out


def test_a_camera_held_upright_gives_upright_images(folder):
    """Orientation 6: what is stored has to be turned by 90 degrees; then its size is that of the others."""
    exif = Image.Exif()
    exif[0x0112] = 6
    half().rotate(90, expand=True).save(folder / "train/rose/a.png", exif=exif)
    data = read_folder(folder)
    assert data.x_train.shape == (2, 12, 16, 1)
    np.testing.assert_array_equal(data.x_train[0], data.x_train[1])


def test_what_is_no_data_is_left_out_and_the_rest_is_counted(folder, capsys):
    for path in ("train/rose/.ipynb_checkpoints/a.png", "train/__MACOSX/a.png", "train/.hidden/a.png"):
        (folder / path).parent.mkdir(exist_ok=True)
        half().save(folder / path)
    half().save(folder / "train/rose/._a.png", format="png")
    for name in ("notes.txt", "more.TXT", "b.xcf", "LICENSE"):
        (folder / "train/rose" / name).touch()
    data = read_folder(folder)
    assert (data.class_names, len(data.x_train)) == (["rose", "tulip"], 2)
    printed = capsys.readouterr().out
    assert "read 4 files (4 .png)\n" in printed
    assert "not read, since no image: 4 files (2 .txt, 1 .xcf, 1 without an ending)\n" in printed


@pytest.mark.parametrize("ending", ["gif", "jfif", "jp2", "avif", "tga", "JPEG", "webp"])
def test_formats_that_people_have_are_read(folder, ending):
    picture = half("RGB" if ending in ("jp2", "avif", "jfif") else "L")
    picture.save(folder / f"train/rose/b.{ending}")
    assert len(read_folder(folder).x_train) == 3


def test_a_link_that_leads_back_multiplies_no_image(folder):
    (folder / "train/rose/again").symlink_to(folder / "train/rose")
    (folder / "train/rose/up").symlink_to(folder / "train")
    (folder / "train/rose/more").mkdir()
    half().save(folder / "train/rose/more/b.png")
    assert read_folder(folder).y_train.tolist() == [0, 1, 0]


def test_numbers_in_names_are_sorted_by_value(folder):
    assert natural_order(["10", "9", "1", "12", "2"]) == ["1", "2", "9", "10", "12"]
    assert natural_order(["b2", "B10", "a", "b1", "2a", "02"]) == ["02", "2a", "a", "b1", "b2", "B10"]
    for split in ("train", "test"):
        (folder / split / "rose").rename(folder / split / "10")
        (folder / split / "tulip").rename(folder / split / "9")
    assert read_folder(folder).class_names == ["9", "10"]


def test_a_mode_that_is_not_read_is_named(folder, monkeypatch):
    monkeypatch.setattr(images, "COLOUR", ("RGB",))
    half("CMYK").save(folder / "train/rose/b.tif")
    with pytest.raises(
        DatasetError, match=r"b.tif is not a usable image \(its mode CMYK is none of 1, L, LA, RGB\)"
    ):
        read_folder(folder)
