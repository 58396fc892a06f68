"""What the workflow would do, from dry runs of the paper's configuration with no data present."""

import os
import shutil
import subprocess
import sys

import pytest
import yaml
from checkout import ROOT


def test_the_paper_s_dag(checkout):
    assert checkout.jobs() == {
        "all": 1,
        "download_dataset": 4,
        "train": 101,
        "evaluate": 101,
        "collect": 1,
        "table1": 1,
        "table1_differences": 1,
        "table2": 1,
        "clustering": 1,
        "protocol": 1,
        "configuration": 1,
        "run_times": 1,
        "summary": 1,
        "gradcam": 2,
        "tsne": 1,
        **{f"figure{n}": 1 for n in range(1, 8)},
        "training_curves": 4,
        "confusion_matrices": 4,
        "explain": 30,
        "measure_explanations": 2,
        "explainability_table": 1,
        "explainability_figure": 1,
        "measure_features": 6,
        "claims_table": 1,
        "claims_figure": 1,
        "report": 1,
    }


@pytest.mark.parametrize(
    ("target", "jobs"),
    [
        ("table1", {"download_dataset": 4, "train": 60, "evaluate": 60}),
        ("table1_differences", {"download_dataset": 4, "train": 60, "evaluate": 60}),
        ("table2", {"download_dataset": 2}),
        ("protocol", {}),
        ("configuration", {}),
        ("run_times", {"download_dataset": 4, "train": 101}),
        (
            "summary",
            {
                **{"download_dataset": 4, "train": 101, "evaluate": 101, "explain": 30},
                **{"measure_explanations": 2, "measure_features": 6, "claims_table": 1},
            },
        ),
        (
            "explainability",
            {
                **{"download_dataset": 2, "train": 30, "evaluate": 30, "explain": 30},
                **{"measure_explanations": 2, "explainability_table": 1, "explainability_figure": 1},
            },
        ),
        (
            "claims",
            {
                **{"download_dataset": 4, "train": 101, "evaluate": 101, "explain": 30},
                **{"measure_explanations": 2, "measure_features": 6, "claims_table": 1, "claims_figure": 1},
            },
        ),
        ("clustering", {"download_dataset": 4, "train": 60, "evaluate": 60}),
        ("figure1", {"download_dataset": 1, "train": 1, "evaluate": 1}),
        ("figure2", {"download_dataset": 1, "train": 3, "evaluate": 3, "gradcam": 1}),
        ("figure3", {"download_dataset": 1}),
        ("figure4", {"download_dataset": 1, "train": 3, "evaluate": 3}),
        ("figure5", {"download_dataset": 1, "train": 3, "evaluate": 3, "tsne": 1}),
        ("figure6", {"download_dataset": 1, "train": 3, "evaluate": 3, "gradcam": 1}),
        ("figure7", {"download_dataset": 1, "train": 27, "evaluate": 27}),
        ("curves", {"download_dataset": 4, "train": 60, "training_curves": 4}),
        ("confusion", {"download_dataset": 4, "train": 60, "evaluate": 60, "confusion_matrices": 4}),
    ],
)
def test_a_target_alone_pulls_in_what_it_needs(checkout, target, jobs):
    assert checkout.jobs(target) == {**jobs, target: 1}


def test_a_ledger_without_the_networks_of_figures_1_and_4(checkout):
    jobs = checkout.jobs("--config", "claims={seeds: 0}", "--", "claims")
    assert (jobs["train"], jobs["measure_features"]) == (60 + 27 - 6, 4)


def test_groups_of_targets(checkout):
    assert checkout.jobs("download") == {"download_dataset": 4, "download": 1}
    figures = checkout.jobs("figures")
    assert figures["figures"] == 1
    # Curves and confusion matrices have Table 1's runs, with which Figures 2, 5 and 6 share all of theirs and
    # Figure 7 six of 27; 3 for Figure 4, 1 for Figure 1.
    assert figures["train"] == 60 + (27 - 6) + 3 + 1


def test_lint(checkout):
    assert "in a good condition" in checkout.snakemake("--lint")


def test_lists_of_an_overlay_replace_those_of_config_yaml(checkout):
    figures = {f"figure{n}": {"dataset": "cifar10"} for n in (4, 5)}
    figures["figure1"] = {"dataset": "cifar10", "classes": ["cat"]}
    overlay = {
        "study": {"datasets": ["cifar10"], "seeds": [0]},
        "figures": {**figures, "figure7": {"seeds": [0]}},
    }
    (checkout.path / "overlay.yaml").write_text(yaml.safe_dump(overlay))
    assert checkout.jobs("table1", "--configfile", "overlay.yaml")["train"] == 3


def test_every_profile_repeats_what_the_default_profile_says_of_failures():
    keys = ("rerun-triggers", "keep-going", "show-failed-logs", "rerun-incomplete")
    profiles = {path: yaml.safe_load(path.read_text()) for path in ROOT.glob("profiles/*/config.yaml")}
    default = profiles[ROOT / "profiles/default/config.yaml"]
    assert len(profiles) >= 5
    for path, profile in profiles.items():
        assert {key: profile.get(key) for key in keys} == {key: default[key] for key in keys}, path


def test_parsing_the_workflow_imports_nothing_heavy(checkout):
    program = """
import sys
from snakemake.cli import main
before = set(sys.modules)
try:
    main(["--dry-run", "--quiet", "all"])
except SystemExit as end:
    assert not end.code
print({name.partition(".")[0] for name in set(sys.modules) - before} & set(sys.argv[1:]))
"""
    # Snakemake's own imports have numpy and pandas already.
    heavy = ["captum", "matplotlib", "scipy", "seaborn", "sklearn", "torch"]
    done = subprocess.run(
        [sys.executable, "-c", program, *heavy], cwd=checkout.path, capture_output=True, text=True, check=True
    )
    assert done.stdout.splitlines()[-1] == "set()"


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


@pytest.mark.parametrize("argument", [["--workflow-profile", "profiles/demos"], ["--workflow-profile=demos"]])
def test_a_misspelt_profile_does_not_start_the_paper_s_study(checkout, argument):
    output = checkout.snakemake("--cores", "1", *argument, "protocol", check=False)
    assert (
        f"there is no profile {argument[-1].rpartition('=')[2]}; there are ablation, default, demo, desktop, gpu, laptop, rivals, slurm"
        in output
    )
    assert "Traceback" not in output
    assert not (checkout.path / "results").exists()
    for known in ("profiles/demo", "demo", "none"):
        checkout.snakemake("-n", "--workflow-profile", known, "protocol")


def test_a_changed_setting_is_a_changed_parameter(checkout):
    """A parameter that Snakemake cannot represent would be dropped without a word."""
    from snakemake.persistence import UNREPRESENTABLE, PersistenceBase

    from amc_loss.study.study import Study

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
        output = checkout.snakemake("download", "--forceall", "--cores", "1", "--configfile", "study.yaml")
        assert ("This machine shows no GPU" in output) == warned


def test_an_unknown_run_is_named(checkout):
    output = checkout.snakemake("-n", "results/paper/runs/nope/metrics.json", check=False)
    assert "no run 'nope' in study 'paper'" in output


def test_names_depend_on_nothing_but_the_configuration():
    """No time, host or salted hash in the names of runs, and the same seeds in every process."""
    code = (
        "import yaml; from amc_loss.study.study import Study;"
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
