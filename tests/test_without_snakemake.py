"""Runs on a machine that has torch and little else, and their way into the workflow."""

import json
import shutil
import subprocess
import sys
from importlib.metadata import distribution

import pytest
import yaml
from checkout import ONE_TABLE, ROOT, Checkout
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

RUN = "digits-top-amc-lambda0.1-margin0.5-seed0"
NEEDED = ("torch", "numpy", "PyYAML", "scikit-learn")


def link_packages(folder):
    """Give a folder the packages that are needed, and those that they need themselves, and no others."""
    waiting, seen = list(NEEDED), set()
    while waiting:
        name = canonicalize_name(waiting.pop())
        if name in seen:
            continue
        seen.add(name)
        package = distribution(name)
        requirements = map(Requirement, package.requires or ())
        waiting += [one.name for one in requirements if not one.marker or one.marker.evaluate({"extra": ""})]
        for entry in {file.parts[0] for file in package.files} - {"..", "__pycache__"}:
            if not (folder / entry).exists():
                (folder / entry).symlink_to(package.locate_file(entry))
    return seen


@pytest.fixture(scope="module")
def packages(tmp_path_factory):
    folder = tmp_path_factory.mktemp("packages")
    assert not {"snakemake", "jsonschema", "pandas", "pooch", "matplotlib"} & link_packages(folder)
    return folder


@pytest.fixture(scope="module")
def checkout(tmp_path_factory, packages):
    """A workflow whose data is made and whose runs are not trained."""
    checkout = Checkout(tmp_path_factory.mktemp("workflow"))
    checkout.packages = packages
    (checkout.path / "tiny.yaml").write_text(yaml.safe_dump(ONE_TABLE))
    checkout.study = ["--configfile", "profiles/demo/study.yaml", "tiny.yaml"]
    checkout.snakemake("download", "--cores", "1", *checkout.study)
    return checkout


def alone(checkout, *arguments, check=True):
    """Run the command in the checkout's folder, without the packages of this environment."""
    done = subprocess.run(
        [sys.executable, "-S", "-W", "ignore", "-m", "amc_loss", *arguments],
        cwd=checkout.path,
        env={"PYTHONPATH": f"{checkout.path / 'src'}:{checkout.packages}", "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
    )
    assert (done.returncode == 0) == check, done.stdout + done.stderr
    return done.stdout + done.stderr


CONFIG = ["--config", "profiles/demo/study.yaml", "tiny.yaml"]


def test_it_lists_runs_as_the_workflow_names_them(checkout):
    listed = alone(checkout, "runs", *CONFIG).split()
    assert RUN in listed
    assert len(listed) == checkout.jobs(*checkout.study)["train"]
    assert "train" in alone(checkout, "--help")


def test_what_it_trains_the_workflow_takes_up(checkout, tmp_path):
    options = [
        "--run",
        RUN,
        "--data",
        str(checkout.dataset("digits")),
        "--out",
        str(tmp_path),
        "--threads",
        "1",
    ]
    output = alone(checkout, "train", *CONFIG, *options)
    assert "epoch 2/2" in output
    alone(checkout, "evaluate", *CONFIG, *options)
    metrics = json.loads((tmp_path / RUN / "metrics.json").read_text())
    assert 0 < metrics["accuracy"] <= 100
    assert "taken over" in alone(checkout, "train", *CONFIG, *options)
    runs = checkout.path / "results/tiny/runs"
    shutil.copytree(tmp_path / RUN, runs / RUN)
    # Made before the data, as far as time stamps tell.
    for path in (checkout.dataset("digits"), checkout.dataset("digits").with_suffix(".json")):
        path.touch()
    checkout.snakemake(f"results/tiny/runs/{RUN}/metrics.json", "--cores", "1", *checkout.study)
    log = (checkout.path / f"results/tiny/logs/train/{RUN}.log").read_text()
    assert "taken over: trained before with the same settings, data and code" in log
    evaluated = json.loads((runs / RUN / "metrics.json").read_text())
    assert evaluated["accuracy"] == metrics["accuracy"]


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["train", *CONFIG, "--run", "nope", "--data", "x", "--out", "y"], "no run 'nope' in study 'tiny'"),
        (["runs", "--config", "nowhere.yaml"], "No such file or directory: 'nowhere.yaml'"),
        (
            ["train", *CONFIG, "--run", RUN, "--data", "Snakefile", "--out", "y"],
            "Snakefile is not a usable dataset",
        ),
    ],
)
def test_what_cannot_be_done_is_one_sentence(checkout, arguments, sentence):
    output = alone(checkout, *arguments, check=False)
    assert sentence in output
    assert "Traceback" not in output


def test_with_jsonschema_the_configuration_is_checked(checkout):
    (checkout.path / "wrong.yaml").write_text("training: {batchsize: 64}")
    done = subprocess.run(
        [sys.executable, "-m", "amc_loss", "runs", "--config", str(checkout.path / "wrong.yaml")],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert "unknown key 'training.batchsize' in the configuration: did you mean 'batch_size'?" in done.stderr
    assert done.returncode == 1
