"""What the user's own data consists of, told by names, sizes and time stamps, without reading it."""

import hashlib
import os
from collections.abc import Iterator
from pathlib import Path

# Folders that a system or a program makes beside the user's; like those that are hidden they hold no data.
SYSTEM_FOLDERS = frozenset(
    {"__MACOSX", "@eaDir", "$RECYCLE.BIN", "System Volume Information", "lost+found", "__pycache__"}
)


def is_data(name: str) -> bool:
    """Whether a file or folder of this name is the user's data, neither hidden nor a system's."""
    return not name.startswith(".") and name not in SYSTEM_FOLDERS


def data_files(folder: str | os.PathLike[str]) -> Iterator[os.DirEntry[str]]:
    """Files in a folder and below that are data; links are followed, each folder once and none above.

    Args:
        folder: The folder.
    """
    real = Path(folder).resolve()
    # A link to a folder above would lead to what is not in this one.
    yield from _walk(os.fspath(folder), {os.fspath(parent) for parent in real.parents})


def _walk(folder: str, seen: set[str]) -> Iterator[os.DirEntry[str]]:
    real = os.path.realpath(folder)
    if real in seen:
        return
    seen.add(real)
    with os.scandir(folder) as entries:
        for entry in entries:
            if not is_data(entry.name):
                continue
            if entry.is_dir():
                yield from _walk(entry.path, seen)
            else:
                yield entry


def listing_digest(path: str | os.PathLike[str]) -> str:
    """Digest of the names, sizes and time stamps of a file, or of the data in a folder.

    It changes with what lies there, however old the time stamps of what takes its place, and not with what is
    hidden.

    Args:
        path: A file or a folder.

    Raises:
        OSError: If a folder cannot be read.
    """
    files = [entry.path for entry in data_files(path)] if os.path.isdir(path) else [os.fspath(path)]
    lines = sorted(f"{os.path.relpath(file, path)}\0{_state(file)}" for file in files)
    return hashlib.sha256("\n".join(lines).encode("utf-8", "surrogateescape")).hexdigest()


def _state(file: str) -> str:
    try:
        stat = os.stat(file)
    except OSError:
        return "unreadable"  # a link that leads nowhere, which reading the data will name
    return f"{stat.st_size}\0{stat.st_mtime_ns}"
