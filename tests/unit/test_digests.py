"""Trap 1: a rule follows the modules that its script imports, no more and no fewer."""

from pathlib import Path

import pytest

from amc_loss import digests

SCRIPTS = Path(digests.__file__).parents[1]


@pytest.fixture
def package(tmp_path, monkeypatch):
    """A small package: the script imports a, a imports b inside a function, nothing imports c."""
    folder = tmp_path / "amc_loss"
    folder.mkdir()
    (tmp_path / "script.py").write_text("from amc_loss import a\nfrom os import path\n")
    (folder / "a.py").write_text("def f():\n    from amc_loss.b import g\n    return g\n")
    (folder / "b.py").write_text(
        '"""Says b."""\nX = "# no comment"  # a comment\n\n\ndef g():\n    """Say."""\n    return X\n'
    )
    (folder / "c.py").write_text("import amc_loss.b\n")
    monkeypatch.setattr(digests, "PACKAGE", folder)
    return tmp_path


def digest_after(package, name, old, new):
    path = package / "amc_loss" / name
    assert old in path.read_text()
    path.write_text(path.read_text().replace(old, new))
    digests._imports.cache_clear()
    digests._code.cache_clear()
    return digests.code_digest(package / "script.py")


def test_the_script_counts_and_its_time_stamp_does_not(package):
    script = package / "script.py"
    before = digests.code_digest(script)
    script.touch()
    digests._code.cache_clear()
    assert digests.code_digest(script) == before
    script.write_text(script.read_text() + "a.f()\n")
    digests._code.cache_clear()
    assert digests.code_digest(script) != before


def test_follows_imports_through_modules(package):
    assert [path.name for path in digests.modules_of(package / "script.py")] == ["a.py", "b.py"]


@pytest.mark.parametrize(
    ("name", "old", "new", "changes"),
    [
        ("a.py", "return g", "return g()", True),
        ("b.py", "return X", "return X * 2", True),
        ("b.py", '"# no comment"', '"# another"', True),
        ("b.py", '"""Say."""', '"""Say it\n    twice."""', False),
        ("b.py", '"""Says b."""', '"""Says bee."""', False),
        ("b.py", "# a comment", "# a better comment", False),
        ("b.py", "\n\n\ndef", "\n\n\n# above\n\n\ndef", False),
        ("c.py", "import amc_loss.b", "import amc_loss.a", False),
    ],
)
def test_digest_changes_with_code_that_runs(package, name, old, new, changes):
    before = digests.code_digest(package / "script.py")
    assert (digest_after(package, name, old, new) != before) == changes


@pytest.mark.parametrize(
    ("script", "uses", "does_not_use"),
    [
        (
            "train.py",
            {"losses", "networks", "schedules", "training", "datasets"},
            {"style", "tables", "statistics"},
        ),
        ("evaluate.py", {"evaluation", "networks", "checkpoints"}, {"losses", "training", "style"}),
        (
            "figure1.py",
            {"style", "scatter", "embedding"},
            {"training", "losses", "evaluation", "explain", "diagram"},
        ),
        ("curves.py", {"style", "charts"}, {"training", "losses", "networks"}),
        ("table1.py", {"statistics", "tables"}, {"style", "training", "losses"}),
        ("tsne.py", {"embedding"}, {"style", "explain", "networks"}),
    ],
)
def test_scripts_follow_what_they_need(script, uses, does_not_use):
    modules = {path.stem for path in digests.modules_of(SCRIPTS / script)}
    assert uses <= modules
    assert not does_not_use & modules


def test_every_module_is_followed_by_a_rule():
    followed = {path for script in SCRIPTS.glob("*.py") for path in digests.modules_of(script)}
    # These run while Snakemake parses the workflow and reach a rule through its parameters, or only watch it.
    parsed = {
        f"{name}.py" for name in ("config", "digests", "progress", "protocol", "validation", "__init__")
    }
    parsed |= {f"{name}.py" for name in digests.WITHOUT_EFFECT}
    assert {path.name for path in digests.PACKAGE.glob("*.py")} - {path.name for path in followed} == parsed
