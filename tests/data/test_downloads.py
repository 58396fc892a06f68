"""Downloads from a server on this machine that fails in every way a server, a disk or a process can."""

import socket
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import archives
import numpy as np
import pytest
from torchvision import datasets as vision

from amc_loss.data import downloads, sources
from amc_loss.data.dataset import DatasetError, load_dataset, save_dataset

CONTENT = np.random.default_rng(0).bytes(3_000_000)
MD5 = archives.md5(CONTENT)


class Server(ThreadingHTTPServer):
    """Serves a folder. ``faults[name]`` are what happens to the next requests of a file, in order."""

    daemon_threads = True
    block_on_close = False

    def __init__(self, folder):
        super().__init__(("127.0.0.1", 0), Handler)
        self.folder = folder
        self.faults = {}
        self.requests = []
        self.stopped = threading.Event()
        self.address = f"http://127.0.0.1:{self.server_port}/"


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        name = self.path.strip("/")
        self.server.requests.append(name)
        path = self.server.folder / name
        fault = self.server.faults[name].pop(0) if self.server.faults.get(name) else None
        if isinstance(fault, int) or not path.exists():
            self.send_error(fault or 404)
            return
        body = path.read_bytes()
        self.send_response(200)
        if fault != "cut and no length":
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if fault == "flipped":
            body = bytes([body[0] ^ 1]) + body[1:]
        try:
            self.wfile.write(body if fault in (None, "flipped") else body[: len(body) // 2])
            if fault == "stalls":
                self.server.stopped.wait()
        except OSError:  # the client was killed
            pass

    def log_message(self, *_args):
        pass


@pytest.fixture
def server(tmp_path, monkeypatch):
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    folder = tmp_path / "served"
    folder.mkdir()
    (folder / "a.gz").write_bytes(CONTENT)
    with Server(folder) as server:
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        yield server
        server.stopped.set()
        server.shutdown()


@pytest.fixture
def refusing():
    """An address at which nothing listens."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{taken.getsockname()[1]}/"


@pytest.fixture(autouse=True)
def waits(monkeypatch):
    """Seconds that were waited, or would have been."""
    waits = []
    monkeypatch.setattr(downloads, "sleep", waits.append)
    return waits


@pytest.fixture
def folder(tmp_path):
    folder = tmp_path / "downloads"
    (folder / "unfinished").mkdir(parents=True)
    return folder


def download(folder, *addresses):
    urls = [f"{address}a.gz" for address in addresses]
    downloads.download(urls, folder / "a.gz", MD5, folder / "unfinished")


def files(folder):
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def assert_fails_and_then_succeeds(server, folder, sentence, *addresses):
    with pytest.raises(DatasetError, match=sentence) as error:
        download(folder, *addresses)
    assert "\n" not in str(error.value)
    assert str(folder / "a.gz") in str(error.value)
    assert files(folder) == []
    server.faults.clear()
    download(folder, server.address)
    assert (folder / "a.gz").read_bytes() == CONTENT
    assert files(folder) == ["a.gz"]


def test_a_good_download_happens_once(server, folder):
    for _ in range(2):
        download(folder, server.address)
    assert (folder / "a.gz").read_bytes() == CONTENT
    assert server.requests == ["a.gz"]


def test_connection_refused(server, folder, refusing, waits):
    assert_fails_and_then_succeeds(
        server,
        folder,
        rf"a.gz cannot be downloaded \({refusing}a.gz: Connection refused\); run again later, give a server that "
        "has it under 'mirrors', or put the archive into a folder and give that under 'archives'$",
        refusing,
    )
    assert waits == [1, 2, 4]


def test_503_then_success(server, folder, waits):
    server.faults["a.gz"] = [503, 503]
    download(folder, server.address)
    assert (folder / "a.gz").read_bytes() == CONTENT
    assert waits == [1, 2]


def test_503_for_good(server, folder):
    server.faults["a.gz"] = [503] * 4
    assert_fails_and_then_succeeds(
        server, folder, r"a.gz: 503 Service Unavailable\); run again", server.address
    )
    assert len(server.requests) == 5


def test_404_is_not_tried_again(server, folder, waits):
    server.faults["a.gz"] = [404]
    assert_fails_and_then_succeeds(server, folder, r"a.gz: 404 Not Found\); run again", server.address)
    assert waits == []


def test_a_body_that_is_cut_once(server, folder):
    server.faults["a.gz"] = ["cut"]
    download(folder, server.address)
    assert (folder / "a.gz").read_bytes() == CONTENT


def test_a_server_that_stalls(server, folder, monkeypatch):
    monkeypatch.setattr(downloads, "TIMEOUT", 0.2)
    server.faults["a.gz"] = ["stalls"] * downloads.ATTEMPTS
    start = time.monotonic()
    assert_fails_and_then_succeeds(server, folder, r"a.gz: .*timed out.*; run again", server.address)
    assert time.monotonic() - start < 20


@pytest.mark.parametrize(
    ("fault", "sentence"),
    [
        ("cut", r"IncompleteRead\(1500000 bytes read, 1500000 more expected\)"),
        ("cut and no length", f"what it gives does not have the MD5 checksum {MD5}"),
        ("flipped", f"what it gives does not have the MD5 checksum {MD5}"),
    ],
)
def test_a_body_that_is_wrong(server, folder, fault, sentence):
    server.faults["a.gz"] = [fault] * downloads.ATTEMPTS
    assert_fails_and_then_succeeds(server, folder, rf"a.gz: {sentence}\); run again", server.address)


def test_every_place_is_tried_in_order_and_named(server, folder, refusing):
    missing = (server.folder / "elsewhere").as_uri() + "/"
    server.faults["a.gz"] = [404]
    assert_fails_and_then_succeeds(
        server,
        folder,
        rf"\({missing}a.gz: no such file, or none that can be read; {refusing}a.gz: Connection refused; {server.address}a.gz: 404 Not Found\)",
        missing,
        refusing,
        server.address,
    )
    (folder / "a.gz").unlink()
    download(folder, missing, server.address, refusing)
    assert files(folder) == ["a.gz"]


def test_a_folder_is_a_mirror(server, folder, refusing):
    download(folder, server.folder.as_uri() + "/", refusing)
    assert (folder / "a.gz").read_bytes() == CONTENT
    assert server.requests == []


def test_a_file_that_is_not_the_archive_is_fetched_anew(server, folder):
    for wrong in (b"", CONTENT[:1000], b"x" + CONTENT[1:]):
        (folder / "a.gz").write_bytes(wrong)
        download(folder, server.address)
        assert (folder / "a.gz").read_bytes() == CONTENT


@contextmanager
def small_disk(path, size):
    path.mkdir(exist_ok=True)
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", path], capture_output=True, text=True
    )
    if mounted.returncode:
        pytest.skip(f"no small disk can be mounted here: {mounted.stderr.strip()}")
    try:
        yield path
    finally:
        subprocess.run(["umount", path], check=True)


def enlarge(disk):
    subprocess.run(["mount", "-o", "remount,size=20m", disk], check=True)


def test_disk_full_while_downloading(server, tmp_path):
    with small_disk(tmp_path / "disk", "1m") as disk:
        (disk / "unfinished").mkdir()
        with pytest.raises(
            DatasetError,
            match=f"^{disk}/a.gz cannot be written \\(No space left on device\\); make room for it and run again$",
        ):
            download(disk, server.address, server.address)
        assert files(disk) == []
        assert len(server.requests) == 1
        enlarge(disk)
        download(disk, server.address)
        assert (disk / "a.gz").read_bytes() == CONTENT


def test_disk_full_while_unpacking(tmp_path, monkeypatch):
    """The archives are small, what is in them is not."""
    folder = tmp_path / "archives"
    images = np.zeros((2000, 28, 28), dtype=np.uint8)
    monkeypatch.setattr(archives, "pixels", lambda n, *shape: images[: 100 * n])
    archives.mnist(folder, monkeypatch, folder.as_uri() + "/")
    entry = {"source": "torchvision", "class": "MNIST"}
    with small_disk(tmp_path / "disk", "500k") as disk:
        with pytest.raises(
            DatasetError,
            match=rf"^{disk}/mnist cannot be written \(No space left on device\); make room for it and run again$",
        ):
            sources.fetch(entry, disk / "mnist")
        assert files(disk / "mnist") == sorted(path.name for path in folder.iterdir())
        enlarge(disk)
        assert len(sources.fetch(entry, disk / "mnist").x_train) == 2000


def test_disk_full_while_the_dataset_is_written(tmp_path, dataset):
    with small_disk(tmp_path / "disk", "16k") as disk:
        with pytest.raises(
            DatasetError,
            match=rf"^{disk}/x.npz cannot be written \(No space left on device\); make room for it and run again$",
        ):
            save_dataset(dataset, disk / "x.npz")
        assert files(disk) == []
        enlarge(disk)
        save_dataset(dataset, disk / "x.npz")
        load_dataset(disk / "x.npz")


def test_file_too_large_for_the_quota(server, folder):
    """The same without a disk of one's own: a limit on the size of files."""
    code = (
        "import resource, signal, sys; from pathlib import Path; from amc_loss.data import downloads\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, 1_000_000))\n"
        "url, folder, md5 = sys.argv[1:]\n"
        "downloads.download([url], Path(folder, 'a.gz'), md5, Path(folder, 'unfinished'))\n"
    )
    arguments = [f"{server.address}a.gz", str(folder), MD5]
    limited = subprocess.run([sys.executable, "-c", code, *arguments], capture_output=True, text=True)
    assert f"DatasetError: {folder}/a.gz cannot be written (File too large)" in limited.stderr
    assert files(folder) == []
    download(folder, server.address)
    assert files(folder) == ["a.gz"]


KILLED = """
import sys
from pathlib import Path
from torchvision.datasets import MNIST
from amc_loss.data import sources
MNIST.mirrors = [sys.argv[1]]
MNIST.resources = [pair.split("=") for pair in sys.argv[3:]]
sources.fetch({"source": "torchvision", "class": "MNIST"}, Path(sys.argv[2]))
"""


def test_a_download_that_is_killed(server, tmp_path, monkeypatch):
    images = np.random.default_rng(0).integers(0, 256, (4000, 28, 28), dtype=np.uint8)
    monkeypatch.setattr(archives, "pixels", lambda n, *_shape: images[: 200 * n])
    archives.mnist(server.folder, monkeypatch, server.address)
    names = [name for name, _ in vision.MNIST.resources]
    server.faults[names[2]] = ["stalls"]
    root = tmp_path / "downloads"
    resources = [f"{name}={md5}" for name, md5 in vision.MNIST.resources]
    process = subprocess.Popen([sys.executable, "-c", KILLED, server.address, str(root), *resources])
    while not [
        path
        for path in (root / "unfinished").glob("tmp*")
        if names[2] in server.requests and path.stat().st_size
    ]:
        assert process.poll() is None
        time.sleep(0.02)
    process.kill()
    process.wait()
    assert len(files(root / "unfinished")) == 3
    assert sorted(path.name for path in root.iterdir()) == sorted([*names[:2], "unfinished"])
    data = sources.fetch({"source": "torchvision", "class": "MNIST"}, root)
    np.testing.assert_array_equal(data.x_test[..., 0], images[:2000])
    assert files(root) == sorted(names)
    assert server.requests == [*names[:3], *names[2:]]


def test_what_a_killed_process_had_unpacked_is_not_read(tmp_path, monkeypatch):
    """torchvision takes any file of the right name for MNIST's."""
    folder = tmp_path / "archives"
    train, _ = archives.mnist(folder, monkeypatch, folder.as_uri() + "/")
    root = tmp_path / "downloads"
    for place in ("unfinished/MNIST/raw", "MNIST/raw"):
        (root / place).mkdir(parents=True)
        for name, _ in vision.MNIST.resources:
            (root / place / name.removesuffix(".gz")).write_bytes(b"half")
    data = sources.fetch({"source": "torchvision", "class": "MNIST"}, root)
    np.testing.assert_array_equal(data.x_train[..., 0], train)


def test_archives_by_hand_ask_no_server(server, tmp_path, monkeypatch):
    folder = tmp_path / "archives"
    train, _ = archives.mnist(folder, monkeypatch, server.address)
    entry = {"source": "torchvision", "class": "MNIST", "archives": str(folder), "mirrors": [server.address]}
    name, md5 = vision.MNIST.resources[0]
    whole = (folder / name).read_bytes()
    for wrong, reason in ((None, "is missing"), (whole[:-1], f"does not have the MD5 checksum {md5}")):
        (folder / name).unlink() if wrong is None else (folder / name).write_bytes(wrong)
        with pytest.raises(
            DatasetError,
            match=f"^{folder}/{name} {reason}; put the whole archive there, as from {server.address}{name}$",
        ):
            sources.fetch(entry, tmp_path / "downloads")
    (folder / name).write_bytes(whole)
    np.testing.assert_array_equal(sources.fetch(entry, tmp_path / "downloads").x_train[..., 0], train)
    assert server.requests == []
    assert files(tmp_path / "downloads") == []


def test_a_mirror_comes_before_the_official_server(server, tmp_path, monkeypatch):
    folder = tmp_path / "mirror"
    archives.mnist(folder, monkeypatch, server.address)
    name = vision.MNIST.resources[3][0]
    (folder / name).rename(server.folder / name)
    entry = {"source": "torchvision", "class": "MNIST", "mirrors": [folder.as_uri()]}
    sources.fetch(entry, tmp_path / "downloads")
    assert server.requests == [name]


def test_torchvision_is_not_left_to_download(server, tmp_path, monkeypatch):
    """Its own download writes to the file's final name and tries once."""
    monkeypatch.setattr("torchvision.datasets.utils._urlretrieve", lambda *_args: pytest.fail("downloads"))
    archives.mnist(server.folder, monkeypatch, server.address)
    sources.fetch({"source": "torchvision", "class": "MNIST"}, tmp_path / "downloads")
