"""Files that are there whole or not at all, and that are named when they cannot be read."""

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO


class UnusableFileError(ValueError):
    """A file that is not what it should be; the message names it, what is wrong and the remedy."""


@contextmanager
def replacing(path: str | os.PathLike[str]) -> Iterator[BinaryIO]:
    """A file to write to, which takes the place of ``path`` when the context ends without an error.

    Until then, and after an error, an older file at ``path`` stays as it was.
    """
    target = Path(path)
    target.parent.mkdir(parents=True, exist_ok=True)
    unfinished = target.with_name(f".{target.name}.unfinished")
    try:
        with unfinished.open("wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        unfinished.replace(target)
    finally:
        unfinished.unlink(missing_ok=True)


@contextmanager
def reading(
    path: str | os.PathLike[str], kind: str, remedy: str = "delete it and run again"
) -> Iterator[None]:
    """Any error inside, but for a file that is missing or may not be read, becomes one sentence.

    Args:
        path: The file that is read.
        kind: What it should be, with its article.
        remedy: What the sentence tells the user to do.

    Raises:
        UnusableFileError: In place of the error.
    """
    try:
        yield
    except (FileNotFoundError, PermissionError):
        raise
    except Exception as error:  # A damaged file raises nearly anything.
        raise UnusableFileError(f"{path} is not {kind} ({error}); {remedy}") from error


def write_json(content: dict[str, Any], path: str | os.PathLike[str]) -> None:
    """Write plain objects as JSON, indented."""
    Path(path).write_text(json.dumps(content, indent=2) + "\n")


def read_json(path: str | os.PathLike[str]) -> dict[str, Any]:
    """What `write_json` wrote.

    Raises:
        UnusableFileError: If the file is damaged or empty.
    """
    with reading(path, "a usable JSON file"):
        return json.loads(Path(path).read_text())
