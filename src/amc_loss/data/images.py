"""Folders of image files, ``train/<class>/`` and ``test/<class>/``, as one dataset."""

import os
import re
import unicodedata
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image, ImageColor, ImageOps

from amc_loss.data.dataset import Dataset, DatasetError, look_alike
from amc_loss.study.listing import data_files, is_data

FORMATS = ("AVIF", "BMP", "DIB", "GIF", "JPEG", "JPEG2000", "PNG", "PPM", "TGA", "TIFF", "WEBP")
# 8 bits a channel or less.
GREY, COLOUR = ("1", "L", "LA"), ("P", "PA", "RGB", "RGBA", "CMYK", "YCbCr")


def read_folder(folder: Path, size: int | None = None, background: str = "white") -> Dataset:
    """Images in ``train/<class>/`` and ``test/<class>/`` and their subfolders, upright.

    Classes are in the order in which people count, 2 before 10. Images come from each class in turn, so that
    the first of a split are of all classes, and have one channel if all are grey, else three. What is hidden,
    or a system's, is left out; links are followed once. What was read, and what was not, goes to the log.

    Args:
        folder: The folder.
        size: Pixels a side that images are resized to; None for images that are all of one size.
        background: Colour under transparent images, a name of CSS or ``#rrggbb``.

    Returns:
        The dataset; its details are how many files were ``read`` and ``not_read``, by their ending, and how
        many images were ``transparent``.

    Raises:
        DatasetError: If a folder or class is missing or empty, an image cannot be read, sizes differ, or
            the background is no colour.
    """
    try:
        ImageColor.getrgb(background)
    except ValueError:
        raise DatasetError(
            f"'background' is {background!r}, which is no colour of CSS; write white, black or #rrggbb"
        ) from None
    if not folder.is_dir():
        raise DatasetError(
            f"{folder} is no folder; put the images into {folder}/train/<class>/ and {folder}/test/<class>/, "
            "or correct its 'path'"
        )
    classes = {split: _classes(folder / split) for split in ("train", "test")}
    if odd := set(classes["train"]) ^ set(classes["test"]):
        raise DatasetError(
            f"{folder} has class {min(odd)!r} in one of train and test only; give both the same class folders"
        )
    names = list(classes["train"])
    paths: dict[str, list[Path]] = {}
    labels = {}
    others: Counter[str] = Counter()
    for split, folders in classes.items():
        found = []
        for label, name in enumerate(names):
            files = _files(folders[name], others)
            if not files:
                raise DatasetError(
                    f"{folders[name]} has no image; put some there, or remove the class from train and test"
                )
            found += [(number, label, path) for number, path in enumerate(files)]
        found.sort(key=lambda item: item[:2])
        paths[split] = [path for *_, path in found]
        labels[split] = np.array([label for _, label, _ in found], dtype=np.int64)
    images: list[Image.Image] = []
    transparent = 0
    everything = [*paths["train"], *paths["test"]]
    for path in everything:
        image, seen_through = _read(path, size, background)
        if size is None and images and image.size != images[0].size:
            raise DatasetError(
                f"{path} has {image.height}×{image.width} pixels, {everything[0]} has "
                f"{images[0].height}×{images[0].width}; give a 'size' to which all are resized"
            )
        images.append(image)
        transparent += seen_through
    read = Counter(path.suffix.lower() for path in everything)
    print(f"read {_by_ending(read)}")
    if others:
        print(f"not read, since no image: {_by_ending(others)}")
    if transparent:
        print(f"transparent parts are {background} now: {transparent:,} of {len(images):,} images")
    mode = "RGB" if any(image.mode == "RGB" for image in images) else "L"
    x = np.stack([np.asarray(image.convert(mode)) for image in images])
    x = x.reshape(*x.shape[:3], -1)
    n = len(paths["train"])
    details = {"read": dict(read), "not_read": dict(others), "transparent": transparent}
    return Dataset(x[:n], labels["train"], x[n:], labels["test"], names, details)


def natural_order(names: Sequence[str]) -> list[str]:
    """Names sorted as people count: numbers within them by their value."""

    def key(name: str) -> tuple[list[str | int], str]:
        parts = re.split(r"(\d+)", name, flags=re.ASCII)
        return [int(part) if index % 2 else part.casefold() for index, part in enumerate(parts)], name

    return sorted(names, key=key)


def _classes(folder: Path) -> dict[str, Path]:
    """Class folders by their names, at least one, in order. Systems write an accent in one way or another."""
    found = []
    if folder.is_dir():
        found = sorted(entry.name for entry in os.scandir(folder) if entry.is_dir() and is_data(entry.name))
    if not found:
        raise DatasetError(
            f"{folder} has no class folders; put images into {folder}/<class>/ or correct its 'path'"
        )
    if alike := look_alike(found):
        raise DatasetError(
            f"{folder} has two class folders that look the same, {alike[0]!a} and {alike[1]!a}; "
            "move the images of one into the other"
        )
    classes = {unicodedata.normalize("NFC", name): folder / name for name in found}
    return {name: classes[name] for name in natural_order(list(classes))}


def _files(folder: Path, others: Counter[str]) -> list[Path]:
    """Image files in a folder and below, sorted; other files are counted by their ending."""
    Image.init()
    endings = {ending for ending, name in Image.registered_extensions().items() if name in FORMATS}
    found = []
    for path in (Path(entry.path) for entry in data_files(folder)):
        if path.suffix.lower() in endings:
            found.append(path)
        else:
            others[path.suffix.lower() or "without an ending"] += 1
    return sorted(found, key=lambda path: (path.parent, path.name))


def _read(path: Path, size: int | None, background: str) -> tuple[Image.Image, bool]:
    """An image file, upright, grey or RGB, and whether some of it was transparent."""
    try:
        with Image.open(path) as file:
            if file.mode not in GREY + COLOUR:
                raise ValueError(f"its mode {file.mode} is none of {', '.join(GREY + COLOUR)}")
            image = ImageOps.exif_transpose(file)
            mode = "L" if image.mode in GREY else "RGB"
            transparent = False
            if image.has_transparency_data:
                image = image.convert("RGBA")
                transparent = bool(np.asarray(image)[..., 3].min() < 255)
            if transparent:
                under = Image.new("RGBA", image.size, colour := ImageColor.getrgb(background))
                image = Image.alpha_composite(under, image)
                mode = mode if len(set(colour[:3])) == 1 else "RGB"
            image = image.convert(mode)
    except (OSError, RuntimeError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise DatasetError(f"{path} is not a usable image ({error}); replace or remove it") from error
    return image if size is None else image.resize((size, size), Image.Resampling.BICUBIC), transparent


def _by_ending(counts: Counter[str]) -> str:
    """``12 files (10 .png, 2 .jpg)``, the most frequent first."""
    files = counts.total()
    ordered = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    kinds = ", ".join(f"{count:,} {ending}" for ending, count in ordered)
    return f"{files:,} file{'s' if files > 1 else ''} ({kinds})"
