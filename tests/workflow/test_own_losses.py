"""Losses that are not the workflow's own, through the workflow."""

import json
import re
import tarfile

import pandas as pd
import pytest
import yaml
from checkout import ROOT, Checkout

SECTION = (ROOT / "README.md").read_text().split("## A loss of your own\n")[1].split("\n## ")[0]
CODE, MINE, COMMAND, RIVALS = re.findall(r"```\w+\n(.*?)```", SECTION, re.DOTALL)
SMALL = {
    "study": {"seeds": [0]},
    "network": {"width_multiplier": {"top": 0.03, "bottom": 0.1}},
    "training": {
        "schedule": {column: {"epochs": 2, "ramp_up": 1, "ramp_down": 1} for column in ("top", "bottom")},
        "batch_size": 256,
    },
}


@pytest.fixture
def own(checkout):
    """A workflow with README's loss in it, and a study that is small."""
    (checkout.path / "my_losses.py").write_text(CODE)
    (checkout.path / "mine.yaml").write_text(MINE)
    (checkout.path / "small.yaml").write_text(yaml.safe_dump(SMALL))
    return checkout


FILES = ["--workflow-profile", "profiles/demo"]
FILES += ["--configfile", "profiles/demo/study.yaml", "mine.yaml", "small.yaml"]


def test_the_readme_s_loss_comes_through_to_the_report(own, tmp_path):
    # In the report's labels Snakemake takes braces for wildcards.
    given = ["figures={figure7: {vary: {power: [1, 2]}}}", 'losses={amc: {title: "+ $L_{AMC}$"}}']
    output = own.snakemake("report", "collect", "--cores", "2", *FILES, "--config", *given)
    assert output.count("Trying the loss spread") == 2
    results = own.path / "results/mine"
    runs = {path.name for path in (results / "runs").iterdir()}
    assert "digits-top-spread-lambda0.1-seed0" in runs
    assert "digits-top-spread-lambda0.1-power1-seed0" in runs
    metrics = pd.read_csv(results / "metrics.csv")
    assert metrics.set_index("run")["power"].dropna().to_dict() == {
        "digits-top-spread-lambda0.1-power1-seed0": 1
    }
    table = pd.read_csv(results / "tables/table1.csv")
    assert table["loss"].tolist() == ["cross_entropy", "euclidean", "amc", "spread"]
    assert "+ Spread against + Euclid" in (results / "tables/summary.md").read_text()
    report = (results / "report.html").read_text()
    assert "(d) + Spread" in report
    assert r"+ $L_{\u2060AMC}$" in report  # a word joiner
    # What is published has all that a checkout elsewhere needs.
    own.snakemake("archive", "--cores", "1", *FILES, "--config", *given)
    with tarfile.open(results / "archive.tar") as archive:
        archive.extractall(tmp_path / "elsewhere", filter="data")
    elsewhere = Checkout(tmp_path / "elsewhere")
    study = ["--workflow-profile", "profiles/demo", "--configfile", "results/mine/configuration.yaml", "--"]
    elsewhere.snakemake("--cores", "1", *study, "download")
    elsewhere.snakemake("--cores", "1", "--touch", *study, "results/mine/metrics.csv", "explanations")
    assert not {"check_loss", "train", "evaluate", "explain"} & set(elsewhere.jobs(*study, "all"))
    # A change in the file trains its runs again and no others.
    (own.path / "my_losses.py").write_text(CODE.replace("power=2.0", "power=1.5"))
    jobs = own.jobs("report", *FILES, "--config", *given)
    assert (jobs["check_loss"], jobs["train"]) == (2, sum("spread" in run for run in runs))


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ("file: my_loss.py", "'losses.spread.file' is my_loss.py, which cannot be read"),
        ("class: Spred", "'losses.spread.class' is 'Spred'; the classes in my_losses.py are Spread"),
        ("arguments: {pwer: 2}", "losses.spread.arguments do not suit Spread"),
    ],
)
def test_a_wrong_loss_stops_before_a_training(own, change, sentence):
    key = change.partition(":")[0]
    text = (
        re.sub(rf"{key}: (\{{.*?\}}|\w+(\.py)?)", change, MINE)
        if key in MINE
        else MINE.replace("weight:", f"{change}, weight:")
    )
    (own.path / "mine.yaml").write_text(text)
    output = own.snakemake("table1", "--cores", "1", *FILES, check=False)
    assert sentence in output
    assert "epoch 1/2" not in output
    assert not list((own.path / "results").glob("mine/runs/*spread*/model.pt"))


def test_the_readme_s_rivals_are_runs(own):
    (own.path / "mine.yaml").write_text(RIVALS)
    output = own.snakemake(
        "results/rivals/runs/digits-top-cosface_amc-lambda0.1-margin0.5-seed0/metrics.json",
        "results/rivals/runs/digits-top-triplet-lambda0.1-margin0.2-seed0/metrics.json",
        "--cores",
        "2",
        *FILES,
    )
    assert "Trying the loss triplet" in output
    assert "Trying the loss cosface_amc" in output


@pytest.mark.parametrize("study", ["ablation/study", "rivals/auxiliary", "rivals/replacement"])
def test_the_studies_of_the_profiles_run_on_the_demo_s_data(checkout, study):
    given = yaml.safe_load((ROOT / f"profiles/{study}.yaml").read_text())["study"]
    small = {**SMALL, "study": {"seeds": [0], "datasets": ["digits"], "name": "small"}}
    (checkout.path / "small.yaml").write_text(yaml.safe_dump(small))
    files = ["profiles/demo/study.yaml", f"profiles/{study}.yaml", "small.yaml"]
    demo = ["--workflow-profile", "profiles/demo", "--configfile", *files]
    checkout.snakemake("table1_differences", "--cores", "2", *demo)
    table = pd.read_csv(checkout.path / "results/small/tables/table1_differences.csv")
    assert table["loss"].tolist() == given["losses"]
    proposed = given.get("compare", {"proposed": "amc"})["proposed"]
    assert table.loc[table["difference"].isna(), "loss"].tolist() == [proposed]


def test_losses_are_tuned_on_validation_images_and_compared_on_the_test_split(checkout):
    """As profiles/rivals says, with another grid."""
    tune = {"euclidean": {"weight": [0.1, 1]}, "amc": {"weight": [0.1, 1]}}
    study = {"name": "tuning", "datasets": ["digits"], "seeds": [100], "validation": 200, "tune": tune}
    (checkout.path / "tuning.yaml").write_text(yaml.safe_dump({**SMALL, "study": study}))
    demo = ["--workflow-profile", "profiles/demo", "--configfile", "profiles/demo/study.yaml"]
    checkout.snakemake("tuning", "--cores", "2", *demo, "tuning.yaml")
    table = pd.read_csv(checkout.path / "results/tuning/tables/tuning.csv")
    assert table.groupby("loss")["chosen"].sum().to_dict() == {"euclidean": 1, "amc": 1}
    (record,) = checkout.path.glob("resources/datasets/digits-*.json")
    assert sum(json.loads(record.read_text())["images"]["test"].values()) == 200
    final = yaml.safe_dump({**SMALL, "study": {"name": "final", "seeds": [0], "datasets": ["digits"]}})
    (checkout.path / "final.yaml").write_text(final)
    files = [*demo, "results/tuning/tables/tuned.yaml", "final.yaml"]
    assert checkout.jobs("table1", *files)["train"] == 5
    output = checkout.snakemake("--dry-run", "table1", *files)
    best = table[table["chosen"]].set_index("loss")["settings"]["amc"].removeprefix("weight=")
    assert f"digits-top-amc_tuned-lambda{best}-margin0.5-seed0" in output
