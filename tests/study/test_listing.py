"""What the user's own data consists of, by names, sizes and time stamps."""

import os

import pytest

from amc_loss.study.listing import listing_digest


@pytest.fixture
def folder(tmp_path):
    for name in ("a/1.png", "a/2.png", "b/1.png"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"123")
    return tmp_path


def rewrite(path, content, mtime=None):
    before = path.stat().st_mtime_ns
    path.write_bytes(content)
    os.utime(path, ns=(before, before if mtime is None else mtime))


@pytest.mark.parametrize(
    ("change", "noticed"),
    [
        (lambda f: (f / "a/3.png").touch(), True),
        (lambda f: (f / "a/1.png").unlink(), True),
        (lambda f: (f / "a/1.png").rename(f / "a/0.png"), True),
        (lambda f: (f / "b/1.png").rename(f / "b/2.png"), True),
        (lambda f: rewrite(f / "a/1.png", b"1234"), True),
        (lambda f: rewrite(f / "a/1.png", b"321", 10**18), True),
        (lambda f: (f / "c").symlink_to("nowhere"), True),
        (lambda f: (f / "a/.DS_Store").touch(), False),
        (lambda f: (f / "__MACOSX").mkdir(), False),
        (lambda f: (f / "a/again").symlink_to(f / "a"), False),
        (lambda f: (f / "a/up").symlink_to(f.parent), False),
        (lambda f: os.utime(f / "a", (0, 0)), False),
    ],
)
def test_what_is_noticed(folder, change, noticed):
    before = listing_digest(folder)
    change(folder)
    assert (listing_digest(folder) != before) == noticed


def test_a_file_alone(folder):
    before = listing_digest(folder / "a/1.png")
    assert listing_digest(folder / "a/1.png") == before
    rewrite(folder / "a/1.png", b"12")
    assert listing_digest(folder / "a/1.png") != before
