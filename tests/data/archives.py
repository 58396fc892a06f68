"""Small archives in the layout of torchvision's datasets, whose checksums torchvision is told to expect."""

import gzip
import hashlib
import io
import pickle
import struct
import tarfile

import numpy as np
import scipy.io
from torchvision import datasets as vision

NOWHERE = "http://127.0.0.1:9/"


def pixels(n, *shape):
    return np.random.default_rng(n).integers(0, 256, (n, *shape), dtype=np.uint8)


def md5(data):
    return hashlib.md5(data).hexdigest()


def mnist(folder, monkeypatch, address=NOWHERE):
    """Twenty training and ten test images; gives them."""
    folder.mkdir(exist_ok=True)
    images = {"train": pixels(20, 28, 28), "t10k": pixels(10, 28, 28)}
    resources = []
    for stem, x in images.items():
        labels = np.arange(len(x), dtype=np.uint8) % 10
        for name, data in (
            (f"{stem}-images-idx3-ubyte.gz", struct.pack(">4i", 2051, *x.shape) + x.tobytes()),
            (f"{stem}-labels-idx1-ubyte.gz", struct.pack(">2i", 2049, len(x)) + labels.tobytes()),
        ):
            (folder / name).write_bytes(gzip.compress(data))
            resources.append((name, md5((folder / name).read_bytes())))
    monkeypatch.setattr(vision.MNIST, "resources", resources)
    monkeypatch.setattr(vision.MNIST, "mirrors", [address])
    return images["train"], images["t10k"]


def cifar(folder, cls, monkeypatch, entries, meta):
    """An archive of these pickles."""
    folder.mkdir(exist_ok=True)
    sums = {}
    with tarfile.open(folder / cls.filename, "w:gz") as archive:
        for name, content in {**entries, cls.meta["filename"]: meta}.items():
            data = pickle.dumps(content)
            sums[name] = md5(data)
            member = tarfile.TarInfo(f"{cls.base_folder}/{name}")
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
    for split in ("train_list", "test_list"):
        monkeypatch.setattr(cls, split, [[name, sums[name]] for name, _ in getattr(cls, split)])
    monkeypatch.setattr(cls, "meta", {**cls.meta, "md5": sums[cls.meta["filename"]]})
    monkeypatch.setattr(cls, "tgz_md5", md5((folder / cls.filename).read_bytes()))
    monkeypatch.setattr(cls, "url", NOWHERE + cls.filename)


def svhn(folder, monkeypatch):
    """Twenty training and ten test images, labelled 1 to 10 in turn."""
    folder.mkdir(exist_ok=True)
    splits = {}
    for name, n in (("train", 20), ("test", 10)):
        path = folder / f"{name}_32x32.mat"
        x = pixels(n, 32, 32, 3)
        scipy.io.savemat(path, {"X": x.transpose(1, 2, 3, 0), "y": (np.arange(n) % 10 + 1).reshape(-1, 1)})
        splits[name] = [NOWHERE + path.name, path.name, md5(path.read_bytes())]
    monkeypatch.setattr(vision.SVHN, "split_list", splits)
