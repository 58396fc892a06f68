"""Folders of image files, ``train/<class>/`` and ``test/<class>/``, as one dataset."""

import os
import re
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image, ImageColor, ImageOps

from amc_loss.data.dataset import Dataset, DatasetError
from amc_loss.study.listing import data_files, is_data

FORMATS = ("AVIF", "BMP", "DIB", "GIF", "JPEG", "JPEG2000", "PNG", "PPM", "TGA", "TIFF", "WEBP")
# 8 bits a channel or less.
GREY, COLOUR = ("1", "L", "LA"), ("P", "PA", "RGB", "RGBA", "CMYK", "YCbCr")


def read_folder(folder: Path, size: int | None = None, background: str = "white") -> Dataset:
    """Images in ``train/<class>/`` and ``test/<class>/`` and their subfolders, upright.

    Classes are in the order in which people count, 2 before 10. Images have one channel if all are grey, else
    three. What is hidden, or a system's, is left out; links are followed once. What was read, and what was
    not, goes to the log.

    Args:
        folder: The folder.
        size: Pixels a side that images are resized to; None for images that are all of one size.
        background: Colour under transparent images, a name of CSS or ``#rrggbb``.

    Raises:
        DatasetError: If a folder or class is missing or empty, an image cannot be read, or sizes differ.
    """
    classes = {split: _classes(folder / split) for split in ("train", "test")}
    if odd := sorted(set(classes["train"]) ^ set(classes["test"])):
        raise DatasetError(
            f"{folder} has class {odd[0]!r} in one of train and test only; give both the same class folders"
        )
    names = classes["train"]
    paths: list[Path] = []
    labels: list[int] = []
    others: Counter[str] = Counter()
    for split in classes:
        for label, name in enumerate(names):
            found = _files(folder / split / name, others)
            if not found:
                raise DatasetError(
                    f"{folder / split / name} has no image; put some there, or remove the class from "
                    "train and test"
                )
            paths += found
            labels += [label] * len(found)
        if split == "train":
            n = len(paths)
    images: list[Image.Image] = []
    transparent = 0
    for path in paths:
        image, seen_through = _read(path, size, background)
        if size is None and images and image.size != images[0].size:
            raise DatasetError(
                f"{path} has {image.height}×{image.width} pixels, {paths[0]} has "
                f"{images[0].height}×{images[0].width}; give a 'size' to which all are resized"
            )
        images.append(image)
        transparent += seen_through
    print(f"read {_by_ending(Counter(path.suffix.lower() for path in paths))}")
    if others:
        print(f"not read, since no image: {_by_ending(others)}")
    if transparent:
        print(f"transparent parts are {background} now: {transparent:,} of {len(images):,} images")
    mode = "RGB" if any(image.mode == "RGB" for image in images) else "L"
    x = np.stack([np.asarray(image.convert(mode)) for image in images])
    x = x.reshape(*x.shape[:3], -1)
    y = np.array(labels, dtype=np.int64)
    return Dataset(x[:n], y[:n], x[n:], y[n:], names)


def natural_order(names: Sequence[str]) -> list[str]:
    """Names sorted as people count: numbers within them by their value."""

    def key(name: str) -> tuple[list[str | int], str]:
        parts = re.split(r"(\d+)", name, flags=re.ASCII)
        return [int(part) if index % 2 else part.casefold() for index, part in enumerate(parts)], name

    return sorted(names, key=key)


def _classes(folder: Path) -> list[str]:
    """Names of the class folders, at least one."""
    found = []
    if folder.is_dir():
        found = [entry.name for entry in os.scandir(folder) if entry.is_dir() and is_data(entry.name)]
    if not found:
        raise DatasetError(
            f"{folder} has no class folders; put images into {folder}/<class>/ or correct its 'path'"
        )
    return natural_order(found)


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
                transparent = np.asarray(image)[..., 3].min() < 255
            if transparent:
                under = Image.new("RGBA", image.size, colour := ImageColor.getrgb(background))
                image = Image.alpha_composite(under, image)
                mode = mode if len(set(colour[:3])) == 1 else "RGB"
            image = image.convert(mode)
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise DatasetError(f"{path} is not a usable image ({error}); replace or remove it") from error
    return image if size is None else image.resize((size, size), Image.Resampling.BICUBIC), transparent


def _by_ending(counts: Counter[str]) -> str:
    """``12 files (10 .png, 2 .jpg)``, the most frequent first."""
    files = counts.total()
    ordered = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    kinds = ", ".join(f"{count:,} {ending}" for ending, count in ordered)
    return f"{files:,} file{'s' if files > 1 else ''} ({kinds})"
