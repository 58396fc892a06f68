"""What the workflow would do, from dry runs of the paper's configuration with no data present."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]
RULES = sorted((ROOT / "workflow/rules").glob("*.smk"))


def test_the_paper_s_dag(checkout):
    assert checkout.jobs() == {
        "all": 1,
        "download_dataset": 4,
        "train": 85,
        "evaluate": 85,
        "collect": 1,
        "table1": 1,
        "table2": 1,
        "clustering": 1,
        "protocol": 1,
        "gradcam": 2,
        "tsne": 1,
        **{f"figure{n}": 1 for n in range(1, 8)},
        "report": 1,
    }


@pytest.mark.parametrize(
    ("target", "jobs"),
    [
        ("table1", {"download_dataset": 4, "train": 60, "evaluate": 60}),
        ("table2", {"download_dataset": 2}),
        ("protocol", {}),
        ("clustering", {"download_dataset": 4, "train": 60, "evaluate": 60}),
        ("figure1", {"download_dataset": 1, "train": 1, "evaluate": 1}),
        ("figure2", {"download_dataset": 1, "train": 3, "evaluate": 3, "gradcam": 1}),
        ("figure3", {"download_dataset": 1}),
        ("figure4", {"download_dataset": 1, "train": 3, "evaluate": 3}),
        ("figure5", {"download_dataset": 1, "train": 3, "evaluate": 3, "tsne": 1}),
        ("figure6", {"download_dataset": 1, "train": 3, "evaluate": 3, "gradcam": 1}),
        ("figure7", {"download_dataset": 1, "train": 27, "evaluate": 27}),
    ],
)
def test_a_target_alone_pulls_in_what_it_needs(checkout, target, jobs):
    assert checkout.jobs(target) == {**jobs, target: 1}


def test_groups_of_targets(checkout):
    assert checkout.jobs("download") == {"download_dataset": 4, "download": 1}
    figures = checkout.jobs("figures")
    assert figures["figures"] == 1
    # Figures 2, 6 and 7 share runs: 27 for Figure 7, a + Euclid run for 2 and 6, 3 for each of 4 and 5, 1 for 1.
    assert figures["train"] == 27 + 1 + 3 + 3 + 1


def test_lint(checkout):
    assert "in a good condition" in checkout.snakemake("--lint")


def test_trap_13_every_rule_that_runs_has_log_conda_and_message():
    blocks = [
        block
        for path in RULES
        for block in re.split(r"^(?=rule )", path.read_text(), flags=re.M)
        if "script:" in block
    ]
    assert len(blocks) == 19
    for block in blocks:
        for directive in ("log", "conda", "message", "params"):
            assert f"\n    {directive}:" in block, block
    for rule in ("train", "evaluate", "gradcam", "tsne"):
        assert any(f"rule {rule}:" in block and "\n    benchmark:" in block for block in blocks), rule
    # A download tries again itself, when it may help.
    assert any("rule train:" in block and "\n    retries:" in block for block in blocks)
    assert any("rule train:" in block and "\n        gpu=1," in block for block in blocks)


def test_every_profile_reruns_for_the_same_reasons():
    profiles = [yaml.safe_load(path.read_text()) for path in ROOT.glob("profiles/*/config.yaml")]
    assert len(profiles) >= 2
    for profile in profiles:
        assert profile["rerun-triggers"] == ["input", "mtime", "params"]


@pytest.mark.parametrize(
    ("study", "sentence"),
    [
        (
            "training: {batchsize: 64}",
            "unknown key 'training.batchsize' in the configuration: did you mean 'batch_size'?",
        ),
        ("training: {learning_rate: fast}", "'training.learning_rate' must be a number, not \"fast\""),
        ("study: {seeds: []}", "'study.seeds' has 0 entries; it needs at least 1"),
        (
            "figures: {figure5: {dataset: digits}}",
            "'figures.figure5.dataset' is 'digits', which is not in the study; allowed are mnist, cifar10, svhn, "
            "cifar100_coarse",
        ),
    ],
)
def test_a_wrong_configuration_stops_before_anything_runs(checkout, study, sentence):
    (checkout.path / "wrong.yaml").write_text(study)
    output = checkout.snakemake("--configfile", "wrong.yaml", "--cores", "1", check=False)
    assert sentence in output
    assert "Traceback" not in output
    assert not (checkout.path / "results").exists()


def test_trap_5_a_changed_setting_is_a_changed_parameter(checkout):
    """A parameter that Snakemake cannot represent would be dropped without a word."""
    from snakemake.persistence import UNREPRESENTABLE, PersistenceBase

    from amc_loss.config import Study

    config = yaml.safe_load((ROOT / "config.yaml").read_text())
    study = Study(config, yaml.safe_load((ROOT / "workflow/schemas/config.schema.yaml").read_text()))
    for run in study.runs.values():
        settings = study.settings(run)
        assert PersistenceBase._serialize_param_builtin(None, settings) is not UNREPRESENTABLE
        assert repr(settings) == PersistenceBase._serialize_param_builtin(None, settings)


@pytest.mark.skipif(shutil.which("nvidia-smi") is not None, reason="this machine has a GPU")
def test_a_long_study_without_a_gpu_is_warned_of(checkout):
    """And a short one is not."""
    figures = {f"figure{n}": {"dataset": "digits"} for n in range(1, 8)}
    for epochs, warned in ((300, True), (2, False)):
        study = {
            "study": {"name": "long", "datasets": ["digits"]},
            "training": {"schedule": {"top": {"epochs": epochs, "ramp_up": 1, "ramp_down": 1}}},
            "figures": figures,
        }
        (checkout.path / "study.yaml").write_text(yaml.safe_dump(study))
        data = "resources/datasets/digits.npz"
        output = checkout.snakemake(data, "--force", "--cores", "1", "--configfile", "study.yaml")
        assert ("This machine shows no GPU" in output) == warned


def test_an_unknown_run_is_named(checkout):
    output = checkout.snakemake("-n", "results/paper/runs/nope/metrics.json", check=False)
    assert "no run 'nope' in study 'paper'" in output


def test_trap_11_names_depend_on_nothing_but_the_configuration():
    """No time, host or salted hash in the names of runs, and the same seeds in every process."""
    code = (
        "import yaml; from amc_loss.config import Study;"
        "study = Study(yaml.safe_load(open('config.yaml')), yaml.safe_load(open('workflow/schemas/config.schema.yaml')));"
        "print([(name, study.settings(run)) for name, run in study.runs.items()])"
    )
    printed = {
        subprocess.run(
            [sys.executable, "-c", code],
            cwd=ROOT,
            env={**os.environ, "PYTHONHASHSEED": salt, "HOSTNAME": salt},
            check=True,
            capture_output=True,
            text=True,
        ).stdout
        for salt in ("1", "2")
    }
    assert len(printed) == 1
    assert "'seed': 0" in printed.pop()
