"""Small inputs as users bring them, each made by the function that is named for what it is.

A function fills a folder and gives the dataset's entry of the configuration.
"""

import unicodedata
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

SPLITS = ("train", "test")
CLASSES = ("rose", "tulip")
Entry = dict[str, Any]
INPUTS: dict[str, Callable[[Path], Entry]] = {}


def an_input(make: Callable[[Path], Entry]) -> Callable[[Path], Entry]:
    INPUTS[make.__name__] = make
    return make


def picture(value: int, mode: str = "RGB", size: tuple[int, int] = (16, 16)) -> Image.Image:
    """Its left half dark; different for each value."""
    width, height = size
    pixels = np.full((height, width), 200 - value % 40, dtype=np.uint8)
    pixels[:, : width // 2] = 20 + value % 40
    pixels[0, :2] = divmod(value, 256)
    return Image.fromarray(pixels).convert(mode)


def folders(folder: Path, names: tuple[str, ...] = CLASSES, ending: str = "png", **how: Any) -> Entry:
    """Two images of each class in each split."""
    for number, split in enumerate(SPLITS):
        for label, name in enumerate(names):
            place = folder / split / name
            place.mkdir(parents=True)
            for image in range(2):
                picture(7 * label + 3 * image + number, **how).save(place / f"{image}.{ending}")
    return {"source": "imagefolder", "path": str(folder)}


def arrays(folder: Path, name: str = "mine.npz", **changes: Any) -> Entry:
    """An archive of numpy.savez with four images of each split; a change that is a function takes what it changes."""
    content: dict[str, Any] = {"class_names": np.array(CLASSES)}
    for number, split in enumerate(SPLITS):
        images = [np.asarray(picture(10 * number + image)) for image in range(4)]
        content |= {f"x_{split}": np.stack(images), f"y_{split}": np.arange(4) % 2}
    for key, change in changes.items():
        content[key] = change(content[key]) if callable(change) else change
    np.savez(folder / name, **content)
    return {"source": "npz", "path": str(folder / name)}


@an_input
def photographs_of_a_camera_held_upright(folder):
    entry = folders(folder, ending="jpg")
    for path in folder.rglob("*.jpg"):
        exif = Image.Exif()
        exif[0x0112] = 6  # stored on its side
        Image.open(path).rotate(90, expand=True).resize((40, 30)).save(path, exif=exif)
    return {**entry, "size": 16}


@an_input
def black_icons_on_transparent(folder):
    entry = folders(folder)
    for path, mode in zip(sorted(folder.rglob("*.png")), ["RGBA", "LA"] * 4, strict=True):
        alpha = np.zeros((16, 16), dtype=np.uint8)
        alpha[4:8, 4:12] = 255
        icon = Image.new(mode, (16, 16))
        icon.putalpha(Image.fromarray(alpha))
        icon.save(path)
    return entry


@an_input
def icons_on_a_colour_of_the_user_s(folder):
    return {**black_icons_on_transparent(folder), "background": "#ff0000"}


@an_input
def leftovers_of_notebooks_and_systems(folder):
    entry = folders(folder)
    for place in (".ipynb_checkpoints", "__MACOSX", "@eaDir"):
        (folder / "train" / "rose" / place).mkdir()
        picture(1).save(folder / "train" / "rose" / place / "0.png")
        (folder / "test" / place).mkdir()
    (folder / "train/rose/.DS_Store").touch()
    (folder / "train/rose/labels.csv").touch()
    (folder / "test/tulip/README").touch()
    return entry


@an_input
def images_of_many_formats(folder):
    entry = folders(folder)
    for ending in ("gif", "jfif", "webp", "bmp", "tif", "avif", "jp2"):
        picture(5).save(folder / f"train/rose/more.{ending}")
    return entry


@an_input
def grey_images(folder):
    return folders(folder, mode="L")


@an_input
def classes_named_by_numbers(folder):
    return folders(folder, tuple(str(number) for number in range(1, 13)))


@an_input
def names_that_look_like_markup(folder):
    return folders(folder, ("$5 - $10", "A$$AP", "C#", "_private_", "{x}", "<b>*bold*", r"\alpha", "100%"))


@an_input
def names_in_other_scripts(folder):
    return folders(folder, ("漢字", "한국어", "🌷", "rosé"))


@an_input
def accents_encoded_otherwise_in_each_split(folder):
    entry = folders(folder, ("rosé", "tulip"))
    accent = folder / "test" / "rosé"
    accent.rename(accent.with_name(unicodedata.normalize("NFD", accent.name)))
    return entry


@an_input
def a_class_folder_that_links_to_itself(folder):
    entry = folders(folder)
    (folder / "train/rose/again").symlink_to(folder / "train/rose")
    return entry


@an_input
def the_same_images_in_train_and_test(folder):
    entry = folders(folder)
    for name in CLASSES:
        (folder / "test" / name / "0.png").write_bytes((folder / "train" / name / "1.png").read_bytes())
    return entry


@an_input
def hundreds_of_classes(folder):
    return folders(folder, tuple(f"class {number}" for number in range(150)))


@an_input
def arrays_as_they_should_be(folder):
    return arrays(folder)


@an_input
def arrays_of_grey_images_with_small_labels_in_a_column(folder):
    changes = {f"x_{split}": lambda x: x[..., 0] for split in SPLITS}
    changes |= {f"y_{split}": lambda y: y[:, None].astype(np.uint8) for split in SPLITS}
    return arrays(folder, **changes)


@an_input
def arrays_with_an_image_that_is_black(folder):
    return arrays(folder, x_train=lambda x: x * np.array([0, 1, 1, 1], dtype=np.uint8)[:, None, None, None])


@an_input
def arrays_of_which_one_runs_to_1_and_one_to_255(folder):
    return arrays(folder, x_test=lambda x: (x / 255).round().astype(np.uint8))


@an_input
def arrays_divided_by_255(folder):
    return arrays(folder, **{f"x_{split}": lambda x: (x / 255.0).astype(np.uint8) for split in SPLITS})


@an_input
def arrays_that_are_still_divided_by_255(folder):
    return arrays(folder, **{f"x_{split}": lambda x: x / 255.0 for split in SPLITS})


@an_input
def labels_that_start_at_1(folder):
    return arrays(folder, y_train=lambda y: y + 1)


@an_input
def class_names_that_would_run_as_code(folder):
    return arrays(folder, class_names=np.array([{"a": 1}, {"b": 2}], dtype=object))


@an_input
def a_single_array_named_npz(folder):
    with (folder / "mine.npz").open("wb") as file:
        np.save(file, np.zeros(3))
    return {"source": "npz", "path": str(folder / "mine.npz")}


@an_input
def a_text_named_npz(folder):
    (folder / "mine.npz").write_text("x_train,y_train\n")
    return {"source": "npz", "path": str(folder / "mine.npz")}


@an_input
def a_folder_where_a_file_is_expected(folder):
    return {"source": "npz", "path": str(folder)}


@an_input
def a_file_where_a_folder_is_expected(folder):
    return {**arrays(folder), "source": "imagefolder"}


@an_input
def a_single_class(folder):
    return folders(folder, ("rose",))


@an_input
def two_class_folders_that_look_the_same(folder):
    return folders(folder, ("rosé", unicodedata.normalize("NFD", "rosé"), "tulip"))


@an_input
def a_class_of_one_split_alone(folder):
    entry = folders(folder)
    (folder / "test/tulip").rename(folder / "test/tulips")
    return entry


@an_input
def images_of_two_sizes(folder):
    entry = folders(folder)
    picture(1, size=(20, 16)).save(folder / "test/rose/0.png")
    return entry


@an_input
def images_too_small_for_the_networks(folder):
    return folders(folder, size=(8, 8))


@an_input
def an_image_that_was_cut_off(folder):
    entry = folders(folder)
    path = folder / "train/tulip/1.png"
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    return entry


@an_input
def an_image_of_16_bits(folder):
    entry = folders(folder)
    Image.fromarray(np.full((16, 16), 40_000, dtype=np.uint16)).save(folder / "train/tulip/1.png")
    return entry
