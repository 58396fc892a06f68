"""The conda files in `envs/`, against the code, uv.lock and conda's own syntax. The test double for conda as well."""

import runpy
import subprocess
import tomllib

import pytest
import yaml
from checkout import CONDA, ROOT, imports
from rattler import MatchSpec, Version, VersionSpec
from rules import environment, rules, script

from amc_loss.study import digests

ENVIRONMENTS = {path.stem: yaml.safe_load(path.read_text()) for path in sorted(ROOT.glob("envs/*.yaml"))}
SPECS = [(name, spec) for name, environment in ENVIRONMENTS.items() for spec in environment["dependencies"]]
IN_CONDA = {"torch": "pytorch", "sklearn": "scikit-learn", "PIL": "pillow", "matplotlib": "matplotlib-base"}
IN_CONDA |= {
    "snakemake": "snakemake-minimal",
    "seaborn": "seaborn-base",
    "yaml": "pyyaml",
    "markdown_it": "markdown-it-py",
    "pytorch_metric_learning": "pytorch-metric-learning",
}
# What is used without an import of ours: torchvision reads SVHN with scipy, pandas writes LaTeX and Markdown with
# jinja2 and tabulate.
NOT_IMPORTED = {
    "download": {"scipy"},
    "train": set(),
    "analyse": {"jinja2", "tabulate"},
    "report": set(),
}


def packages(path):
    """What a file and the library code behind it import, under the names of conda."""
    files = [path, *digests.imported_modules(path)]
    # A record of what happened is not followed, but it is made.
    if digests.PACKAGE / "runs/training.py" in files:
        files.append(digests.PACKAGE / "jobs/provenance.py")
    return {IN_CONDA.get(module, module) for file in files for module in imports(file)}


def test_an_environment_has_what_its_scripts_import_and_no_more():
    needs = {name: {"python"} | extra for name, extra in NOT_IMPORTED.items()}
    for rule in rules():
        needs[environment(rule)] |= packages(script(rule))
    # The report's Snakemake reads the Snakefile.
    needs["report"] |= packages(ROOT / "workflow/rules/common.smk")
    assert {
        name: {spec.split()[0] for spec in environment["dependencies"]}
        for name, environment in ENVIRONMENTS.items()
    } == needs


@pytest.mark.parametrize("name", ENVIRONMENTS)
def test_channels(name):
    """conda-forge first; bioconda, which Snakemake comes from, builds on it."""
    bioconda = ["bioconda"] if name == "report" else []
    assert ENVIRONMENTS[name]["channels"] == ["conda-forge", *bioconda, "nodefaults"]


@pytest.mark.parametrize(("name", "spec"), SPECS)
def test_a_range_is_conda_s_and_admits_what_is_locked(name, spec):
    match = MatchSpec(spec, strict=True)
    lock = tomllib.loads((ROOT / "uv.lock").read_text())
    if match.name.normalized == "python":
        versions = [lock["requires-python"].removeprefix(">=")]
    else:
        index_name = in_index(match.name.normalized)
        versions = [package["version"] for package in lock["package"] if package["name"] == index_name]
    assert versions
    for version in versions:
        assert VersionSpec(match.version).matches(Version(version))


def in_index(name):
    """The double's name for a conda package."""
    channels = runpy.run_path(str(CONDA / "conda"))["CHANNELS"]
    [found] = [packages[name] for packages in channels.values() if name in packages]
    return found


@pytest.mark.parametrize(
    ("environment", "sentence"),
    [
        (
            {"channels": ["conda-forge"], "dependencies": ["python >=3.11", "snakemake-minimal >=9"]},
            "no package 'snakemake-minimal' in the channels conda-forge; "
            "if conda has it, give its name on the package index",
        ),
        (
            {"channels": ["conda-forge"], "dependencies": ["python >=3.11", "torch >=2"]},
            "no package 'torch' in the channels conda-forge",
        ),
        (
            {"channels": ["pytorch"], "dependencies": ["python >=3.11"]},
            "no channel 'pytorch'; known are conda-forge",
        ),
        ({"channels": ["conda-forge"], "dependencies": ["numpy >=2"]}, "the environment has no python"),
        ({"channels": ["conda-forge"], "dependencies": ["numpy >=>2"]}, "cannot read the spec 'numpy >=>2'"),
    ],
)
def test_the_double_refuses_what_conda_would(tmp_path, environment, sentence):
    file = tmp_path / "environment.yaml"
    file.write_text(yaml.safe_dump(environment))
    command = [CONDA / "conda", "env", "create", "--file", file, "--prefix", tmp_path / "prefix"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode != 0
    assert f"conda double: {sentence}" in done.stderr
    assert not (tmp_path / "prefix").exists()


def test_the_double_answers_nothing_that_snakemake_does_not_ask():
    done = subprocess.run([CONDA / "conda", "install", "numpy"], capture_output=True, text=True)
    assert done.returncode != 0
    assert "'conda install numpy' is not among the calls that it answers" in done.stderr
