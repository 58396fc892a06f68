"""The workflow used from elsewhere: as a module, from a server, through snakedeploy, from another folder.

A repository on this machine stands at the address of the one on the server; git is told so, and Snakemake clones it
as it would clone that.
"""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml
from checkout import ONE_TABLE, ROOT, STUDY, Checkout

SERVED = "Digits from the server"
ADDRESS = "https://github.com/"
REPOSITORY = "owner/amc-loss"
# What a dry run says of the paper's study.
PAPER = re.compile(r"^train +101$", re.MULTILINE)
OTHER = """
configfile: "demo.yaml"
configfile: "tiny.yaml"


rule compare:
    input:
        "replication/results/tiny/tables/table1.csv",
        "replication/results/tiny/figures/figure5.png",
    output:
        "comparison.csv",
    shell:
        "cp {{input[0]}} {{output}}"


module amc_loss:
    snakefile:
        {snakefile}
    config:
        config
    prefix:
        "replication"


use rule * from amc_loss as amc_loss_*
"""


def run(folder, *command, check=True, **environment):
    done = subprocess.run(
        [str(part) for part in command],
        cwd=folder,
        env={**os.environ, **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert (done.returncode == 0) == check, done.stdout
    return done.stdout


def snakemake(folder, *arguments, **keywords):
    return run(folder, sys.executable, "-m", "snakemake", *arguments, **keywords)


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """What a process needs in its environment to find the repository, tag v1, at the address of the server."""
    folder = tmp_path_factory.mktemp("server")
    repository = Checkout(folder / REPOSITORY).path
    shutil.copy2(ROOT / "LICENSE", repository)
    # Another library than that of this checkout, so that it is seen which one was used.
    names = repository / "src/amc_loss/study/names.py"
    names.write_text(names.read_text().replace('"Digits"', f'"{SERVED}"'))
    identity = ["-c", "user.name=n", "-c", "user.email=e"]
    for command in (["init", "-q"], ["add", "."], [*identity, "commit", "-qm", "m"], ["tag", "v1"]):
        run(repository, "git", *command)
    return {
        "GIT_CONFIG_COUNT": "2",
        "GIT_CONFIG_KEY_0": f"url.file://{folder}/.insteadOf",
        "GIT_CONFIG_VALUE_0": ADDRESS,
        "GIT_CONFIG_KEY_1": "safe.directory",
        "GIT_CONFIG_VALUE_1": "*",
        "XDG_CACHE_HOME": str(folder / "cache"),
    }


@pytest.mark.parametrize("place", ["folder", "server"])
def test_another_workflow_uses_it_under_a_prefix(tmp_path, request, place):
    if place == "server":
        snakefile = f'github("{REPOSITORY}", path="workflow/Snakefile", tag="v1")'
        environment = request.getfixturevalue("server")
    else:
        snakefile, environment = f'"{Checkout(tmp_path / "amc-loss").path}/workflow/Snakefile"', {}
    here = tmp_path / "project"
    here.mkdir()
    (here / "Snakefile").write_text(OTHER.format(snakefile=snakefile))
    shutil.copy(ROOT / "profiles/demo/study.yaml", here / "demo.yaml")
    (here / "tiny.yaml").write_text(yaml.safe_dump(ONE_TABLE))
    arguments = ["--set-threads", "amc_loss_train=1"]
    snakemake(here, "--cores", "2", *arguments, **environment)
    table = pd.read_csv(here / "comparison.csv")
    assert table["loss"].tolist() == ["cross_entropy", "euclidean", "amc"]
    assert table["paper_mean"].isna().all()
    text = (here / "replication/results/tiny/tables/table1.md").read_text()
    assert (SERVED in text) == (place == "server")
    # Everything lies under the prefix; nothing was trained that table and figure do not need.
    assert sorted(path.name for path in here.iterdir() if path.is_dir()) == [".snakemake", "replication"]
    assert len(list((here / "replication/results/tiny/runs").iterdir())) == 3
    assert (here / "replication/results/tiny/figures/figure5.png").stat().st_size
    assert "Nothing to be done" in snakemake(here, "-n", *arguments, **environment)


def test_a_project_that_snakedeploy_makes(tmp_path, server):
    here = tmp_path / "project"
    source = f"{ADDRESS}{REPOSITORY}"
    deploy = [Path(sys.executable).with_name("snakedeploy"), "deploy-workflow", source, here, "--tag", "v1"]
    run(tmp_path, *deploy, **server)
    # With the configuration that comes with it the project is the paper's study.
    jobs = snakemake(here, "-n", "--quiet", "rules", **server)
    assert PAPER.search(jobs)
    (here / "config/config.yaml").write_text(yaml.safe_dump({"study": {"name": "mine"}}))
    few = {"figures": {"figure7": {**STUDY["figures"]["figure7"], "seeds": [0]}}, "claims": {"seeds": 1}}
    (here / "tiny.yaml").write_text(yaml.safe_dump({**STUDY, **few, "study": {"name": "mine", "seeds": [0]}}))
    arguments = [
        "--workflow-profile",
        "profiles/demo",
        "--configfile",
        "profiles/demo/study.yaml",
        "tiny.yaml",
    ]
    snakemake(here, "--cores", "2", *arguments, **server)
    results = here / "results/mine"
    for file in ("report.html", "figures/figure7.png", "tables/summary.md"):
        assert (results / file).stat().st_size
    assert SERVED in (results / "tables/table1.md").read_text()
    assert f"mine, of {SERVED} under 3 losses with 1 seed each" in (results / "report.html").read_text()
    assert "Nothing to be done" in snakemake(here, "-n", *arguments, **server)
    assert "there is no profile dmeo" in snakemake(
        here, "-n", "--workflow-profile", "dmeo", check=False, **server
    )


@pytest.fixture
def own(tmp_path):
    """A study of the user's own data, in a folder of the user's own; the dataset is in the home folder."""
    labels = np.arange(300) % 10
    images = np.random.default_rng(0).integers(0, 256, (300, 16, 16, 1), dtype=np.uint8)
    arrays = {"x_train": images, "y_train": labels, "x_test": images, "y_test": labels}
    names = list("0123456789")
    figures = {f"figure{number}": {"dataset": "mine"} for number in range(1, 8)}
    figures["figure2"] |= {"class": "0", "image": None}
    study = {
        **ONE_TABLE,
        "study": {"name": "tiny", "seeds": [0], "datasets": ["mine"]},
        "figures": {**figures, "figure7": {"dataset": "mine", "seeds": [0]}},
        "training": {
            "schedule": {column: {"epochs": 1, "ramp_up": 0, "ramp_down": 0} for column in ("top", "bottom")}
        },
    }

    def write(folder, data, path):
        data.parent.mkdir(exist_ok=True, parents=True)
        np.savez(data, **arrays, class_names=names)
        study["datasets"] = {"mine": {"source": "npz", "path": path}}
        folder.mkdir(exist_ok=True)
        (folder / "own.yaml").write_text(yaml.safe_dump(study))

    return write


TWO = """
configfile: "demo.yaml"


module first:
    snakefile:
        "{workflow}/workflow/Snakefile"
    config:
        config["first"]


module second:
    snakefile:
        "{second}/workflow/Snakefile"
    config:
        {{**config["first"], "protocol": "released_code", "study": {{"name": "released", "datasets": ["digits"]}}}}


use rule * from first as first_*
use rule * from second as second_*
"""


def test_two_studies_in_one_workflow_do_not_mix(tmp_path):
    workflow, here = Checkout(tmp_path / "amc-loss").path, tmp_path / "project"
    here.mkdir()
    demo = yaml.safe_load((ROOT / "profiles/demo/study.yaml").read_text())
    del demo["network"], demo["training"]
    (here / "demo.yaml").write_text(yaml.safe_dump({"first": demo, "its own": "key"}))
    (here / "Snakefile").write_text(TWO.format(workflow=workflow, second=workflow))
    targets = [f"results/{study}/tables/configuration.yaml" for study in ("demo", "released")]
    snakemake(here, "--cores", "1", *targets)
    paper, released = (yaml.safe_load((here / target).read_text()) for target in targets)
    assert (paper["training"]["ema_decay"], released["training"]["ema_decay"]) == (0, 0.999)
    assert (paper["contrastive"]["w_maximum"], released["contrastive"]["w_maximum"]) == (1, 100)
    # Of two copies one would run the other's code.
    second = Checkout(tmp_path / "copy").path
    (here / "Snakefile").write_text(TWO.format(workflow=workflow, second=second))
    output = snakemake(here, "-n", check=False)
    assert f"this workflow is used twice, from {workflow}/src and from {second}/src" in output


def test_into_another_directory(tmp_path, own):
    """Paths in the configuration are relative to the folder in which Snakemake works."""
    workflow, there = Checkout(tmp_path / "amc-loss").path, tmp_path / "there"
    own(there, there / "data/mine.npz", "data/mine.npz")
    arguments = ["-s", workflow / "Snakefile", "--directory", there, "--configfile", there / "own.yaml"]
    arguments += ["--workflow-profile", "none", "--", "figure1"]
    snakemake(tmp_path, "--cores", "1", *arguments)
    assert (there / "results/tiny/figures/figure1.png").stat().st_size
    assert "Nothing to be done" in snakemake(tmp_path, "-n", *arguments)
    assert not (workflow / "results").exists()
    # A profile is looked for where Snakemake was started, the default one beside the Snakefile.
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine/config.yaml").write_text("quiet: [rules]\n")
    started = ["-n", "-s", workflow / "Snakefile", "--directory", there, "--configfile", there / "own.yaml"]
    assert "workflow specific profile mine" in snakemake(tmp_path, *started, "--workflow-profile", "mine")
    assert f"profile {workflow}/profiles/default" in snakemake(tmp_path, *started)


def test_from_another_folder(tmp_path, own):
    """With a configuration of that folder's own beside it, which nobody named and nobody reads."""
    workflow, here, home = Checkout(tmp_path / "amc-loss").path, tmp_path / "here", tmp_path / "home"
    own(here, home / "data/mine.npz", "~/data/mine.npz")
    (here / "config.yaml").write_text("of: another program\n")
    arguments = ["-s", workflow / "Snakefile", "--configfile", "own.yaml", "--workflow-profile", "none"]
    snakemake(here, "--cores", "1", *arguments, "--", "figure4", HOME=str(home))
    assert (here / "results/tiny/figures/figure4.png").stat().st_size
    assert not (workflow / "results").exists()
    paper = ["-s", workflow / "Snakefile", "--workflow-profile", "none"]
    assert PAPER.search(snakemake(here, "-n", "--quiet", "rules", *paper))


def test_own_data_under_a_prefix_lies_where_the_user_says(tmp_path, own):
    workflow = Checkout(tmp_path / "amc-loss").path
    own(tmp_path, tmp_path / "data/mine.npz", "data/mine.npz")
    text = OTHER.format(snakefile=f'"{workflow}/workflow/Snakefile"')
    (tmp_path / "Snakefile").write_text(
        text.replace('configfile: "demo.yaml"\n', "").replace("tiny", "own", 1)
    )
    snakemake(tmp_path, "--cores", "1", "amc_loss_download")
    assert list(tmp_path.glob("replication/resources/datasets/mine-*.npz"))
    assert "Nothing to be done" in snakemake(tmp_path, "-n", "amc_loss_download")
