"""Archives from the network or a folder: whole and verified, or not there at all."""

import os
import shutil
from collections.abc import Sequence
from pathlib import Path
from time import sleep
from urllib.parse import urlsplit
from urllib.request import url2pathname

import pooch
import requests
from torchvision.datasets.utils import check_integrity

from amc_loss.data.dataset import DatasetError, cannot_write

ATTEMPTS = 4
FIRST_WAIT = 1.0  # seconds; doubled after each attempt
TIMEOUT = 30  # seconds without a byte


class _UnavailableError(Exception):
    """Why a place does not give an archive."""


def download(urls: Sequence[str], target: Path, md5: str, scratch: Path) -> None:
    """Get an archive from the first place that has it, unless ``target`` is already that archive.

    A connection that fails or breaks and an overloaded server are tried again after a while.

    Args:
        urls: Places in the order in which they are tried; ``http``, ``https`` or ``file``.
        target: Where the archive goes, once it is whole and verified.
        md5: Its checksum.
        scratch: Folder on the same file system for what is unfinished.

    Raises:
        DatasetError: If no place gives the archive, or it cannot be written.
    """
    if check_integrity(target, md5):
        return
    failures = []
    for url in urls:
        try:
            _download_with_retries(url, scratch / target.name, md5)
            target.parent.mkdir(parents=True, exist_ok=True)
            (scratch / target.name).replace(target)
            return
        except _UnavailableError as error:
            failures.append(f"{url}: {error}")
        except OSError as error:
            raise cannot_write(target, error) from error
    raise DatasetError(
        f"{target} cannot be downloaded ({'; '.join(failures)}); run again later, give a server that "
        "has it under 'mirrors', or put the archive into a folder and give that under 'archives'"
    )


def prepared(folder: Path, name: str, md5: str, urls: Sequence[str]) -> Path:
    """Path of an archive that was put into a folder by hand.

    Args:
        folder: The folder.
        name: Name of the archive.
        md5: Its checksum.
        urls: Where it can be had, for the error.

    Raises:
        DatasetError: If it is not there, or is another one.
    """
    path = folder / name
    if not check_integrity(path, md5):
        wrong = f"does not have the MD5 checksum {md5}" if path.exists() else "is missing"
        raise DatasetError(f"{path} {wrong}; put the whole archive there, as from {' or '.join(urls)}")
    return path


def _download_with_retries(url: str, path: Path, md5: str) -> None:
    # Some servers would compress an archive once more.
    http = pooch.HTTPDownloader(chunk_size=2**16, timeout=TIMEOUT, headers={"Accept-Encoding": "identity"})
    downloader = _copy if urlsplit(url).scheme == "file" else http
    for attempt in range(ATTEMPTS):
        try:
            pooch.retrieve(url, f"md5:{md5}", path.name, path.parent, downloader=downloader)
            return
        except requests.RequestException as error:
            response = error.response
            reason = _root(error) if response is None else f"{response.status_code} {response.reason}"
            if response is not None and response.status_code < 500 and response.status_code not in (408, 429):
                break
        except ValueError:  # from pooch, which has deleted it
            reason = f"what it gives does not have the MD5 checksum {md5}"
            break
        if attempt + 1 < ATTEMPTS:
            print(f"{url}: {reason}; trying again", flush=True)
            sleep(FIRST_WAIT * 2**attempt)
    raise _UnavailableError(reason)


def _copy(url: str, path: str, _pooch: object) -> None:
    source = Path(url2pathname(urlsplit(url).path))
    if not (source.is_file() and os.access(source, os.R_OK)):
        raise _UnavailableError("no such file, or none that can be read")
    shutil.copyfile(source, path)


def _root(error: BaseException) -> str:
    """What lies under an exception that others wrapped."""
    while inner := error.__cause__ or error.__context__:
        error = inner
    return str(getattr(error, "strerror", None) or error)
