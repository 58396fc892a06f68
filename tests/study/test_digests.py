"""A rule follows the modules that its script imports, no more and no fewer."""

import pytest
from checkout import ROOT

from amc_loss.study import digests

SCRIPTS = ROOT / "workflow/scripts"

# A small library: what the script imports leads to every file but `unused`, each in another way.
LIBRARY = {
    "script.py": "from os import path\nfrom amc_loss import entry\n",
    "amc_loss/__init__.py": "VERSION = 1\n",
    "amc_loss/entry.py": "def f():\n    from amc_loss.room.first import g\n    return g\n",
    "amc_loss/unused.py": "import amc_loss.entry\n",
    "amc_loss/room/__init__.py": "from amc_loss.room.second import THIS\nHERE = THIS\n",
    "amc_loss/room/first.py": (
        '"""Says first."""\nimport amc_loss.room.inner.deep as deep\n'
        'X = "# no comment"  # a comment\nTEXT = """\n\nlines\n"""\n\n\n'
        'def g():\n    """Say."""\n    return X, deep\n\n\ndef h():\n    "Say."; return 1\n'
    ),
    "amc_loss/room/second.py": "from .third import THIS\n",
    "amc_loss/room/third.py": "from . import fourth\nTHIS = fourth.__name__\n",
    "amc_loss/room/fourth.py": "from .. import entry, VERSION\n",
    "amc_loss/room/inner/__init__.py": "",
    "amc_loss/room/inner/deep.py": "from .. import HERE, THIS\nfrom ...top import T\n",
    "amc_loss/top.py": "T = 1\n",
}


@pytest.fixture
def package(tmp_path, monkeypatch):
    for name, text in LIBRARY.items():
        (tmp_path / name).parent.mkdir(exist_ok=True, parents=True)
        (tmp_path / name).write_text(text)
    monkeypatch.setattr(digests, "PACKAGE", tmp_path / "amc_loss")
    return tmp_path


def forget():
    for function in (digests.direct_imports, digests._names, digests._code):
        function.cache_clear()


def digest_after(package, name, old, new):
    path = package / name
    assert old in path.read_text()
    path.write_text(path.read_text().replace(old, new))
    forget()
    return digests.code_digest(package / "script.py")


def test_the_script_counts_and_its_time_stamp_does_not(package):
    script = package / "script.py"
    before = digests.code_digest(script)
    script.touch()
    forget()
    assert digests.code_digest(script) == before
    assert digest_after(package, "script.py", "import entry\n", "import entry\nentry.f()\n") != before


def test_follows_every_kind_of_import_through_packages(package):
    files = digests.imported_modules(package / "script.py")
    followed = {file.relative_to(package).as_posix() for file in files}
    assert followed == set(LIBRARY) - {"script.py", "amc_loss/unused.py"}


@pytest.mark.parametrize("name", [name for name in LIBRARY if name != "amc_loss/unused.py"])
def test_a_line_more_in_any_file_that_is_followed_counts(package, name):
    before = digests.code_digest(package / "script.py")
    (package / name).write_text(f"{LIBRARY[name]}LINE = 1\n")
    forget()
    assert digests.code_digest(package / "script.py") != before


FIRST = "amc_loss/room/first.py"


@pytest.mark.parametrize(
    ("name", "old", "new", "changes"),
    [
        ("amc_loss/entry.py", "return g", "return g()", True),
        (FIRST, "return X", "return X * 2", True),
        (FIRST, '"# no comment"', '"# another"', True),
        (FIRST, "\n\nlines", "\nlines", True),
        (FIRST, "lines\n", "lines \n", True),
        (FIRST, "return 1", "return 2", True),
        (FIRST, '"""Say."""', '"""Say it\n    twice."""', False),
        (FIRST, '"Say."', '"Say it."', False),
        (FIRST, '"""Says first."""', '"""Says 1."""', False),
        (FIRST, "  # a comment", "", False),
        (FIRST, "\n\n\ndef g", "\n\n\n# above\n\n\ndef g", False),
        ("amc_loss/unused.py", "import amc_loss.entry", "import amc_loss.top", False),
    ],
)
def test_digest_changes_with_code_that_runs(package, name, old, new, changes):
    before = digests.code_digest(package / "script.py")
    assert (digest_after(package, name, old, new) != before) == changes


def test_a_module_that_moves_is_another(package):
    before = digests.code_digest(package / "script.py")
    (package / "amc_loss/top.py").rename(package / "amc_loss/room/top.py")
    assert digest_after(package, "amc_loss/room/inner/deep.py", "...top", "..top") != before


def test_a_script_may_have_the_name_of_a_module(package):
    """Of neither is a change missed."""
    (package / "script.py").rename(package / "top.py")
    path = package / "top.py"
    before = digests.code_digest(path)
    path.write_text(f"{path.read_text()}entry.f()\n")
    forget()
    assert digests.code_digest(path) != before


def test_a_folder_that_a_module_left_behind_is_no_package(package):
    (package / "amc_loss/top/__pycache__").mkdir(parents=True)
    assert package / "amc_loss/top.py" in digests.imported_modules(package / "script.py")


@pytest.mark.parametrize(
    ("text", "submodule"),
    [
        ("if True:\n    fourth = 1\n", False),
        ("async def fourth():\n    pass\n", False),
        ("try:\n    import json as fourth\nexcept ImportError:\n    fourth = None\n", False),
        ("with open(__file__) as fourth:\n    pass\n", False),
        ("THING = [fourth for fourth in ()]\n", True),
        ("OTHER = fourth\n", True),
        ("def f():\n    fourth = 1\n", True),
    ],
)
def test_a_name_that_a_package_binds_is_no_module_of_it(package, text, submodule):
    (package / "amc_loss/room/__init__.py").write_text(text)
    (package / "amc_loss/entry.py").write_text("from amc_loss.room import fourth, __doc__\n")
    (package / "amc_loss/room/fourth.py").write_text("")
    files = digests.imported_modules(package / "script.py")
    assert (package / "amc_loss/room/fourth.py" in files) == submodule


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        ("from importlib import import_module as load", "cannot be followed"),
        ("import importlib; importlib.__import__('amc_loss.top')", "cannot be followed"),
        ("import amc_loss.romm.first", "there is no module 'amc_loss.romm.first'"),
        ("from amc_loss.room import frist", "there is no module 'amc_loss.room.frist'"),
        ("from amc_loss.entri import f", "there is no module 'amc_loss.entri'"),
        ("from .room import frist", "there is no module 'amc_loss.room.frist'"),
        ("from amc_loss.room import *", "does not say what it imports"),
        ("import importlib; importlib.import_module('amc_loss.top')", "cannot be followed"),
        ("__import__('amc_loss.top')", "cannot be followed"),
    ],
)
def test_an_import_that_leads_nowhere_is_an_error(package, line, sentence):
    path = package / "amc_loss/entry.py"
    path.write_text(f"import os\n{line}\n")
    with pytest.raises(ImportError, match=sentence) as error:
        digests.code_digest(package / "script.py")
    assert str(error.value).startswith(f"{path}, line 2: ")


@pytest.mark.parametrize(
    ("script", "uses", "does_not_use"),
    [
        (
            "train/train.py",
            {"losses", "training/networks", "training/schedules", "training/loop", "data/dataset"},
            {"views/style", "views/tables", "measures/aggregates", "data/sources"},
        ),
        (
            "train/evaluate.py",
            {"measures/scores", "training/networks", "runs/model"},
            {"losses", "training/loop", "views/style"},
        ),
        (
            "figures/figure1.py",
            {"views/style", "views/scatter", "measures/geometry"},
            {"training/loop", "losses", "measures/scores", "measures/gradcam", "views/diagram"},
        ),
        (
            "figures/training_curves.py",
            {"views/style", "views/curves", "training/schedules"},
            {"training/loop", "losses", "training/networks", "views/charts"},
        ),
        (
            "tables/table1.py",
            {"measures/significance", "measures/aggregates", "views/tables"},
            {"views/style", "training/loop", "losses"},
        ),
        ("figures/figure6.py", {"views/heatmaps", "runs/explanations"}, {"measures/gradcam", "runs/model"}),
        ("figures/tsne.py", {"measures/geometry"}, {"views/style", "measures/gradcam", "training/networks"}),
    ],
)
def test_scripts_follow_what_they_need(script, uses, does_not_use):
    files = digests.imported_modules(SCRIPTS / script)
    modules = {path.relative_to(digests.PACKAGE).with_suffix("").as_posix() for path in files}
    assert uses <= modules
    assert not does_not_use & modules


def test_every_module_is_followed_by_a_rule():
    followed = {path for script in SCRIPTS.rglob("*.py") for path in digests.imported_modules(script)}
    # These run while Snakemake parses the workflow and reach a rule through its parameters, or only watch it.
    parsed = {
        f"study/{name}.py"
        for name in ("study", "digests", "progress", "documented_settings", "configuration", "references")
    }
    # Captions, and what trains without Snakemake.
    parsed |= {"views/captions.py", "__main__.py"}
    parsed |= {f"{name.replace('.', '/')}.py" for name in digests.WITHOUT_EFFECT}
    unfollowed = set(digests.PACKAGE.rglob("*.py")) - followed
    assert {path.relative_to(digests.PACKAGE).as_posix() for path in unfollowed} == parsed
