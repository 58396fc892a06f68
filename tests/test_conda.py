"""A tiny study with each rule in its own conda environment, which a test double for conda builds."""

import json
import os
import shutil
import subprocess

import pytest
import yaml
from checkout import ARGUMENTS, CONDA, ROOT, STUDY, Checkout, imports
from rules import environment, rules, script

SMALL = {
    **STUDY,
    "study": {
        "name": "tiny",
        "seeds": [0],
        "losses": ["cross_entropy", "euclidean", "amc", "supcon"],
        "validation": 200,
        "tune": {"supcon": {"weight": [0.1]}},
    },
    "losses": {
        "supcon": {
            "title": "+ SupCon",
            "library": "pytorch-metric-learning",
            "class": "SupConLoss",
            "weight": 0.1,
        }
    },
    "figures": {"figure7": {"seeds": [0], "vary": {"weight": [0.1], "margin": [0.5]}}},
}
ENVIRONMENTS = {script(rule).name: environment(rule) for rule in rules()}


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """The study, finished; Snakemake runs in an environment that has nothing for the rules."""
    folder = tmp_path_factory.mktemp("conda")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PATH", f"{CONDA}:{os.environ['PATH']}")
        # Where no .pyc files are kept, each job would compile torch anew.
        patch.delenv("PYTHONDONTWRITEBYTECODE", raising=False)
        patch.setenv("INTERPRETER_RECORD", str(folder / "record.jsonl"))
        own = folder / "snakemake"
        subprocess.run(
            ["conda", "env", "create", "--file", ROOT / "envs/report.yaml", "--prefix", own], check=True
        )
        checkout = Checkout(folder / "checkout", own / "bin/python")
        (checkout.path / "tiny.yaml").write_text(yaml.safe_dump(SMALL))
        checkout.snakemake("--use-conda", "--conda-create-envs-only", "--cores", "1", *ARGUMENTS)
        checkout.prefixes = {}
        for flag in (checkout.path / ".snakemake/conda").glob("*.env_setup_done"):
            prefix = flag.with_suffix("")
            text = prefix.with_suffix(".yaml").read_text()
            [name] = [path.stem for path in ROOT.glob("envs/*.yaml") if path.read_text() == text]
            checkout.prefixes[name] = prefix
            [packages] = prefix.glob("lib/python3*/site-packages")
            shutil.copy(ROOT / "tests/conda_double/interpreter_record.py", packages)
            (packages / "interpreter_record.pth").write_text("import interpreter_record\n")
        checkout.snakemake(
            "--use-conda", "--cores", "2", *ARGUMENTS, "--", "all", "estimate", "tuning", "archive"
        )
        checkout.records = [json.loads(line) for line in (folder / "record.jsonl").read_text().splitlines()]
        yield checkout


def test_every_rule_ran_in_its_own_environment(finished):
    ran = {record["script"]: record["prefix"] for record in finished.records}
    assert ran == {script: str(finished.prefixes[name]) for script, name in ENVIRONMENTS.items()}
    assert len(set(finished.prefixes.values())) == 4


def test_nothing_but_the_library_comes_from_elsewhere(finished):
    """What a file in `envs/` lacks must not be found in the environment of Snakemake, nor the library in any."""
    ours = set().union(*(imports(path) for path in (ROOT / "src").rglob("*.py")))
    assert {"torch", "captum", "jsonschema"} <= ours
    for record in finished.records:
        modules = record["modules"]
        assert modules["amc_loss"] == str(finished.path / "src/amc_loss/__init__.py")
        assert record["pythonpath"] is None
        elsewhere = {name for name in ours & set(modules) if not modules[name].startswith(record["prefix"])}
        assert elsewhere == set(), record["script"]
    for prefix in finished.prefixes.values():
        assert list(prefix.glob("lib/python3*/site-packages/*amc_loss*")) == []


def test_results_are_there(finished):
    results = finished.path / "results/tiny"
    files = ["metrics.csv", "tables/table1.md", "report.zip", "logs/estimate.log"]
    files += [f"figures/figure{n}.pdf" for n in range(1, 8)]
    assert [file for file in files if not (results / file).stat().st_size] == []


def test_without_conda_nothing_runs_again(finished):
    assert finished.jobs(*ARGUMENTS) == {}
    assert finished.jobs("--use-conda", *ARGUMENTS) == {}
