"""What every rule has to have, read off Snakemake's own rules."""

import pytest
import yaml
from checkout import ROOT
from rules import is_local, rules, script

from amc_loss.study.digests import code_digest

LONG = {"train", "evaluate", "explain", "gradcam", "tsne", "measure_explanations", "measure_features"}
SCRIPTS = ROOT / "workflow/scripts"


@pytest.mark.parametrize("rule", rules(), ids=lambda rule: rule.name)
def test_a_rule_follows_the_script_that_it_runs(rule):
    if rule.name != "estimate":  # makes no file, and so always runs
        assert rule.params.code == code_digest(script(rule))
    # A rule lies in the file, and its script in the folder, of one name.
    assert (
        script(rule) == SCRIPTS / rule.snakefile.rpartition("/")[2].removesuffix(".smk") / f"{rule.name}.py"
    )
    for directive in ("log", "conda_env", "message", "params"):
        assert getattr(rule, directive), directive
    assert bool(rule.benchmark) == (rule.name in LONG)


def test_every_script_is_run_by_a_rule():
    assert sorted(map(script, rules())) == sorted(SCRIPTS.rglob("*.py"))


def test_trainings_alone_are_tried_again():
    """A download tries again itself, when it may help."""
    assert {rule.name for rule in rules() if rule.ruleinfo.retries} == {"train"}


def test_a_profile_without_a_gpu_asks_for_one_nowhere():
    """Nor does it estimate what trainings would take on one."""
    on_a_gpu = {rule.name for rule in rules() if "gpu" in rule.resources}
    assert on_a_gpu == {"train", "evaluate", "explain", "estimate"}
    for name in ("demo", "laptop", "desktop"):
        profile = yaml.safe_load((ROOT / f"profiles/{name}/config.yaml").read_text())
        assert profile["set-resources"] == {rule: {"gpu": 0} for rule in on_a_gpu}, name
        assert profile["set-threads"] == dict.fromkeys(on_a_gpu, 1), name


def test_on_slurm_every_short_job_shares_a_job_and_no_training_does():
    groups = yaml.safe_load((ROOT / "profiles/slurm/config.yaml").read_text())["groups"]
    assert set(groups) == {rule.name for rule in rules() if not is_local(rule)} - {
        "train",
        "estimate",
        "check_loss",
    }
