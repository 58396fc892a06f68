"""A tiny study through every rule, and what a change makes run again."""

import json
import os
import re
import shutil
import tarfile
import threading
import time
import zipfile

import numpy as np
import pandas as pd
import psutil
import pytest
import torch
import yaml
from browser import Reader, chromium
from checkout import ARGUMENTS, CONDA, ROOT, STUDY, Checkout
from crates import NOT_RECORDED, unmet
from filelock import FileLock
from PIL import Image
from rocrate.rocrate import ROCrate
from rules import rules as workflow_rules
from settings import LOSSES
from sklearn.metrics import homogeneity_score

from amc_loss.data.dataset import checksum

RUNS = 6 + 2 * (1 + 3) + 2
FIGURES = {f"figure{n}": 1 for n in range(1, 8)} | {"training_curves": 1, "confusion_matrices": 1}
LEDGER = {"explainability_figure": 1, "claims_figure": 1}
PICTURES = [*(f"figure{n}" for n in range(1, 8)), "curves-digits", "confusion-digits"]
PICTURES += ["explainability", "claims"]
SINGLE_LOSS = {
    "4: unit sphere": "figure4",
    "5: t-SNE": "figure5",
    "6: every class": "figure6",
    "confusion matrices, digits": "confusion-digits",
}
TABLES = ["table1", "table1_differences", "table2", "clustering", "run_times", "explainability", "claims"]


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """The tiny study, finished."""
    checkout = Checkout(tmp_path_factory.mktemp("tiny"))
    (checkout.path / "tiny.yaml").write_text(yaml.safe_dump(STUDY))
    checkout.output = checkout.snakemake(*ARGUMENTS, "--cores", "2")
    checkout.results = checkout.path / "results" / "tiny"
    return checkout


@pytest.fixture
def changed(finished):
    """The finished study; what a test changes in the workflow is put back."""
    before = {
        path: path.read_text()
        for folder in ("src", "workflow")
        for path in (finished.path / folder).rglob("*.*")
        if path.suffix in (".py", ".rst")
    }
    yield finished
    for path, text in before.items():
        if path.read_text() != text:
            path.write_text(text)


def test_results_are_where_others_rely_on_them(finished):
    files = ["metrics.csv", "report.zip", "report.html", "tables/summary.md", "tables/configuration.yaml"]
    files += [f"tables/{t}.{end}" for t in TABLES for end in ("csv", "md", "tex", "html")]
    files += [f"tables/protocol.{end}" for end in ("csv", "md", "html")]
    files += [f"figures/{name}.{end}" for name in PICTURES for end in ("pdf", "png")]
    kept = list((finished.results / "runs").glob("*-top-*/explanations.npz"))
    assert len(kept) == 6
    run_files = ("model.pt", "history.csv", "metrics.json", "features.npz", "provenance.json")
    runs = list((finished.results / "runs").iterdir())
    assert len(runs) == RUNS
    files += [f"runs/{run.name}/{file}" for run in runs for file in run_files]
    assert [file for file in files if not (finished.results / file).stat().st_size] == []
    for path in ("tables/table1.md", "figures", "report.html"):
        assert f"results/tiny/{path}" in finished.output
    for path in ("tables/summary.md", "tables/table1.md"):
        assert (finished.results / path).read_text() in finished.output
    quiet = finished.snakemake(
        "--forcerun", "protocol", "--cores", "1", "--quiet", "all", *ARGUMENTS, "--", "protocol"
    )
    assert "results/tiny" not in quiet


def test_metrics_and_tables(finished):
    metrics = pd.read_csv(finished.results / "metrics.csv")
    assert list(metrics.columns) == [
        "run",
        "dataset",
        "network",
        "loss",
        "weight",
        "margin",
        "seed",
        "accuracy",
        "homogeneity",
        "completeness",
        "v_measure",
        "seconds_per_epoch",
    ]
    assert len(metrics) == RUNS
    assert (metrics["seconds_per_epoch"] > 0).all()
    table1 = pd.read_csv(finished.results / "tables/table1.csv")
    assert list(table1.columns) == [
        "dataset",
        "loss",
        "n",
        "mean",
        "sd",
        "p_value",
        "paper_mean",
        "paper_sd",
        "paper_p_value",
    ]
    in_table1 = metrics[
        (metrics["network"] == "top") & (metrics["loss"].ne("amc") | metrics["margin"].eq(0.5))
    ]
    expected = in_table1.groupby("loss")["accuracy"].mean().to_dict()
    assert table1.set_index("loss")["mean"].to_dict() == pytest.approx(expected)
    assert table1["n"].tolist() == [2, 2, 2]


def test_every_table_has_the_columns_that_are_described(finished):
    described = yaml.safe_load((ROOT / "workflow/schemas/tables.yaml").read_text())
    names = {"<run>": "digits-top-amc-lambda0.1-margin0.5-seed0", "<dataset>": "digits", "<runs>": "figure4"}
    for path, table in described.items():
        if path == "tables/tuning.csv":  # not of this study
            continue
        for name, value in names.items():
            path = path.replace(name, value)
        assert list(pd.read_csv(finished.results / path)) == list(table["columns"]), path
    found = {path.name for path in (finished.results / "tables").glob("*.csv")} - {"protocol.csv"}
    assert {f"tables/{name}" for name in found} <= set(described)
    measures = yaml.safe_load((ROOT / "resources/paper/claims.yaml").read_text())["measures"]
    for path in ("explanations/digits.csv", "values/figure1.csv", "values/table1-digits.csv"):
        assert set(pd.read_csv(finished.results / path)["measure"]) - {"dose", "dose_loss"} <= set(measures)


def test_a_run_s_files_agree_with_each_other(finished):
    run = finished.results / "runs" / "digits-top-amc-lambda0.1-margin0.5-seed1"
    provenance = json.loads((run / "provenance.json").read_text())
    assert provenance["settings"]["seed"] == 1
    assert provenance["settings"]["epochs"] == 2
    assert (provenance["protocol"], provenance["settings"]["beta2"]) == ("tiny", 0.99)
    assert provenance["device_type"] == "cpu"
    # The library was this copy's, which is in no repository, and not that of the environment's installed checkout.
    assert provenance["commit"] == "unknown"
    assert len(provenance["data_sha256"]) == 64
    assert {"torch", "numpy"} <= set(provenance["versions"])
    assert len(pd.read_csv(run / "history.csv")) == 2
    with np.load(run / "features.npz", allow_pickle=False) as arrays:
        features, logits, labels = (arrays[f"{name}_test"] for name in ("features", "logits", "labels"))
        assert "features_train" not in arrays
    metrics = json.loads((run / "metrics.json").read_text())
    assert metrics["accuracy"] == pytest.approx(100 * np.mean(logits.argmax(1) == labels))
    state = torch.load(run / "model.pt", weights_only=True)["state"]
    np.testing.assert_allclose(
        features @ state["classifier.weight"].numpy().T + state["classifier.bias"].numpy(),
        logits,
        rtol=1e-4,
        atol=1e-5,
    )
    with np.load(finished.results / "runs/digits-bottom2d-cross_entropy-seed0/features.npz") as arrays:
        assert arrays["features_train"].shape == (1437, 2)


def test_figure_3_and_table_2_show_the_network_of_the_dataset(finished):
    other = {**STUDY, "study": {"name": "bottom", "seeds": [0, 1], "networks": {"digits": "bottom"}}}
    (finished.path / "other.yaml").write_text(yaml.safe_dump(other))
    finished.snakemake("figure3", "table2", "--cores", "1", *ARGUMENTS, "other.yaml")
    results = finished.path / "results/bottom"
    table = pd.read_csv(results / "tables/table2.csv").set_index(["network", "layer"])
    assert table.index.unique("network").tolist() == ["bottom", "bottom3d"]
    assert table.loc[("bottom", "pool"), "output_shape"] == "6"
    drawn = [path.joinpath("figures/figure3.png").read_bytes() for path in (results, finished.results)]
    assert drawn[0] != drawn[1]


def test_logs_show_progress(finished):
    log = (finished.results / "logs/train/digits-top-cross_entropy-seed0.log").read_text()
    assert "epoch 1/2  cross-entropy" in log
    assert "images/s" in log
    assert "0:00:00 left" in log


def test_report_holds_every_figure_and_table(finished):
    with zipfile.ZipFile(finished.results / "report.zip") as report:
        names = [name.rsplit("/", 1)[1] for name in report.namelist()]
        html = report.read("report/report.html").decode()
    assert "<strong>Study:</strong> tiny, of Digits under 3 losses with 2 seeds each" in html
    expected = {f"{name}.png" for name in PICTURES}
    expected |= {f"{name}.html" for name in [*TABLES, "protocol", "configuration"]}
    assert expected <= set(names)
    assert "Welch" in html


def test_the_configuration_makes_the_same_study(finished):
    written = finished.results / "tables/configuration.yaml"
    assert yaml.safe_load(written.read_text())["training"]["beta2"] == 0.99
    shutil.copy(written, finished.path / "again.yaml")
    assert finished.jobs("--workflow-profile", "profiles/demo", "--configfile", "again.yaml") == {}


def test_run_times_are_those_of_the_runs(finished):
    table = pd.read_csv(finished.results / "tables/run_times.csv").set_index(["network", "loss"])
    histories = [
        pd.read_csv(finished.results / f"runs/digits-top-cross_entropy-seed{seed}/history.csv")["seconds"]
        for seed in (0, 1)
    ]
    row = table.loc[("top", "cross_entropy")]
    assert (row["n"], row["epochs"]) == (2, 2)
    assert row["hours"] == pytest.approx(pd.concat(histories).sum() / 3600)
    assert row["seconds_per_epoch"] == pytest.approx(np.median([each.median() for each in histories]))
    assert table["n"].sum() == RUNS


@pytest.mark.parametrize("kind", ["zip", "html"])
def test_the_report_in_a_browser(finished, tmp_path, kind):
    report = finished.results / f"report.{kind}"
    if kind == "zip":
        shutil.unpack_archive(report, tmp_path)
        report = tmp_path / "report/report.html"
    with chromium(tmp_path / "profile") as driver:
        reader = Reader(driver, report)
        front = reader.wait("//h1[normalize-space()='AMC-Loss, replicated']/parent::*").text
        for line in (finished.results / "tables/summary.md").read_text().splitlines():
            assert line.removeprefix("- ").replace("**", "") in front
        # The ledger is the first page after the front page.
        categories = reader.menu()
        assert categories.index("Claims") < min(map(categories.index, ("Deep features", "Runs", "Tables")))
        reader.open("Claims")
        reader.show("Claims")
        assert reader.rows()[0][:3] == ["Section", "Claim", "Verdict"]
        reader.open("Deep features")
        reader.show("5: t-SNE")
        assert reader.picture() == (finished.results / "figures/figure5.png").read_bytes()
        reader.open("Tables")
        reader.show("1: accuracy")
        rows = reader.rows()
        assert rows[0][:4] == ["Dataset", "Loss", "Runs", "Mean ± SD"]
        assert [row[1] for row in rows[1:]] == ["Cross-entropy", "+ Euclid", "+ AMC-Loss"]
        # A loss is a toggle, which puts one figure into another's place.
        for other in ("cross_entropy", "euclidean"):
            reader.open("One loss at a time", f"{LOSSES[other]} or + AMC-Loss")
            for label, figure in SINGLE_LOSS.items():
                reader.show(label)
                for loss in ("amc", other):
                    reader.toggle(LOSSES[loss])
                    file = finished.results / f"figures/single_loss/{other}/{figure}-{loss}.png"
                    assert reader.picture() == file.read_bytes()
        assert reader.errors() == []


def test_nothing_to_do_when_finished(finished):
    assert finished.jobs(*ARGUMENTS) == {}


@pytest.mark.parametrize(
    ("target", "jobs"),
    [
        *((f"figure{n}", {f"figure{n}": 1}) for n in range(1, 8)),
        ("curves", {"training_curves": 1, "curves": 1}),
        ("confusion", {"confusion_matrices": 1, "confusion": 1}),
        ("figures", {**FIGURES, "figures": 1}),
        ("explainability", {"explainability_figure": 1, "explainability": 1}),
        ("claims", {"claims_figure": 1, "claims": 1}),
        ("report", {**FIGURES, **LEDGER, "report": 1}),
        ("table1", {}),
        ("table1_differences", {}),
        ("table2", {}),
        ("clustering", {}),
        ("protocol", {}),
        ("configuration", {}),
        ("run_times", {}),
        ("summary", {}),
        ("archive", {"archive": 1}),
    ],
)
def test_a_target_of_finished_runs_is_nothing_but_itself(changed, target, jobs):
    """With nothing changed there is nothing to do, but for the archive; with a new style the drawing alone."""
    assert changed.jobs(*ARGUMENTS, "--", target) == ({"archive": 1} if target == "archive" else {})
    changed.replace("src/amc_loss/views/style.py", 'CAM_COLOURS = "jet"', 'CAM_COLOURS = "viridis"')
    assert changed.jobs(*ARGUMENTS, "--", target) == jobs


def test_a_time_stamp_of_what_is_small_makes_nothing_again(finished):
    """Snakemake compares files of up to 1 MB by their checksum, larger ones by their time stamp."""
    run = finished.results / "runs" / "digits-top-cross_entropy-seed0"
    (run / "metrics.json").touch()
    assert finished.jobs(*ARGUMENTS) == {}
    # Nothing that follows from a model writes to it or to the data: no time stamp of theirs is newer.
    times = {path.name: path.stat().st_mtime_ns for path in run.iterdir()}
    data = finished.dataset("digits").stat().st_mtime_ns
    assert data < times["model.pt"] < times["features.npz"]


def test_a_moved_folder_makes_nothing_again(finished, tmp_path):
    assert copy_of(finished, tmp_path / "moved").jobs(*ARGUMENTS) == {}


def copy_of(finished, path):
    """The finished study in another folder, in which a test may make what it likes."""
    copy = Checkout(path)
    copy.path.joinpath("tiny.yaml").write_text(yaml.safe_dump(STUDY))
    for name in ("results", "resources", ".snakemake"):
        shutil.copytree(finished.path / name, copy.path / name, dirs_exist_ok=True)
    return copy


def test_data_made_anew_with_the_same_content_trains_nothing_again(finished, tmp_path):
    """Also where it is too large for Snakemake to compare checksums; and whoever wants it trained anew has it so."""
    copy = copy_of(finished, tmp_path / "copy")
    run = "digits-top-amc-lambda0.1-margin0.5-seed1"
    model = copy.path / f"results/tiny/runs/{run}/model.pt"
    log = copy.path / f"results/tiny/logs/train/{run}.log"
    assert copy.dataset("digits").stat().st_size > 1_000_000
    before = model.read_bytes()
    target = [str(model.relative_to(copy.path)), "--cores", "1", *ARGUMENTS]
    copy.snakemake(*target, "--forcerun", "download_dataset")
    assert "taken over: trained before with the same settings, data and code" in log.read_text()
    assert "epoch" not in log.read_text()
    assert model.read_bytes() == before
    assert copy.jobs(*ARGUMENTS, "--", str(model.relative_to(copy.path))) == {}
    copy.snakemake(*target, "--forcerun", "train")
    assert "epoch 2/2" in log.read_text()


def test_the_readme_s_folder_of_photographs(tmp_path):
    """Its configuration and its command as they are printed, but for fewer trainings, to the report."""
    section = (ROOT / "README.md").read_text().split("## Images of your own\n")[1].split("\n## ")[0]
    (configuration,) = re.findall(r"```yaml\n(.*?)```", section, re.DOTALL)
    command = re.findall(r"```sh\nsnakemake (.*?)\n```", section, re.DOTALL)[0].split()
    assert len(configuration.splitlines()) == 3
    checkout = Checkout(tmp_path)
    generator = np.random.default_rng(0)
    for split, count in (("train", 32), ("test", 20)):
        for name in ("rose", "tulip"):
            folder = tmp_path / "data/flowers" / split / name
            folder.mkdir(parents=True)
            for number in range(count):
                size = (*generator.integers(50, 90, 2), 3)
                photograph = generator.integers(0, 256, size, dtype=np.uint8)
                Image.fromarray(photograph).save(folder / f"{number}.jpg")
    (tmp_path / "flowers.yaml").write_text(configuration)
    # A fifth of the trainings are enough here.
    (tmp_path / "fewer.yaml").write_text(
        "{study: {seeds: [0]}, claims: {seeds: 1},"
        " figures: {figure7: {seeds: [0], vary: {weight: [1], margin: [0.5]}}}}"
    )
    command.insert(command.index("flowers.yaml") + 1, "fewer.yaml")
    checkout.snakemake(*command)
    results = tmp_path / "results/flowers"
    assert (results / "report.html").stat().st_size > 1_000_000
    pictures = [*PICTURES[:7], "curves-flowers", "confusion-flowers"]
    assert [name for name in pictures if not (results / f"figures/{name}.png").exists()] == []


def test_an_archive_gives_every_table_and_figure_elsewhere_without_training(finished, tmp_path):
    finished.snakemake("archive", "--cores", "1", *ARGUMENTS)
    elsewhere = Checkout(tmp_path / "elsewhere")
    with tarfile.open(finished.results / "archive.tar") as archive:
        archive.extractall(elsewhere.path, filter="data")
    results = elsewhere.path / "results/tiny"
    files = ["Snakefile", "configuration.yaml", "metrics.csv", "runs"]
    assert sorted(path.name for path in results.iterdir()) == files
    study = ["--workflow-profile", "profiles/demo", "--configfile", "results/tiny/configuration.yaml", "--"]
    elsewhere.snakemake("--cores", "1", *study, "download")
    # The data is newer than the models now.
    assert elsewhere.jobs(*study, "all")["train"] == RUNS
    elsewhere.snakemake("--cores", "1", "--touch", *study, "results/tiny/metrics.csv", "explanations")
    jobs = elsewhere.jobs(*study, "all")
    assert not {"train", "evaluate", "explain", "download_dataset", "collect"} & set(jobs)
    assert {*FIGURES, "table1", "table2", "clustering", "protocol", "report"} <= set(jobs)
    elsewhere.snakemake("--cores", "2", *study, "table1", "clustering", "figure2", "figure5", "confusion")
    for path in (
        "tables/table1.csv",
        "tables/clustering.md",
        "figures/figure5.png",
        "figures/confusion-digits.png",
    ):
        assert (results / path).read_bytes() == (finished.results / path).read_bytes(), path


def test_an_archive_is_a_workflow_run_ro_crate(finished, tmp_path):
    finished.snakemake("archive", "--cores", "1", *ARGUMENTS)
    with tarfile.open(finished.results / "archive.tar") as archive:
        archive.extractall(tmp_path, filter="data")
        names = set(archive.getnames()) - {"ro-crate-metadata.json"}
        # Nothing of whoever made it.
        assert {(file.uid, file.gid, file.uname, file.gname) for file in archive} == {(0, 0, "", "")}
    assert unmet(tmp_path) == NOT_RECORDED
    crate = ROCrate(tmp_path)
    assert (tmp_path / crate.mainEntity.id).read_text() == (ROOT / "Snakefile").read_text()
    assert {part.id for part in crate.root_dataset["hasPart"]} == names
    for name in names:
        assert crate.dereference(name)["sha256"] == checksum(tmp_path / name), name
    for folder in (tmp_path / "results/tiny/runs").iterdir():
        record = json.loads((folder / "provenance.json").read_text())
        action = crate.dereference(f"#train-{folder.name}")
        described = {entity["name"]: entity for entity in action["object"]}
        for name in ("loss", "seed", "learning_rate"):
            assert described[name]["value"] == record["settings"][name]
        assert described["digits"]["sha256"] == record["data_sha256"]
    assert str(finished.path) not in (tmp_path / "ro-crate-metadata.json").read_text()


def test_with_conda_nothing_runs_again(finished, monkeypatch):
    monkeypatch.setenv("PATH", f"{CONDA}:{os.environ['PATH']}")
    assert finished.jobs("--use-conda", *ARGUMENTS) == {}


def test_a_deleted_figure_is_drawn_again_and_nothing_else(finished):
    figure = finished.results / "figures/figure5.png"
    kept = figure.rename(figure.with_suffix(".kept"))
    try:
        assert finished.jobs("figures", *ARGUMENTS) == {"figure5": 1, "figures": 1}
        assert finished.jobs(*ARGUMENTS) == {"figure5": 1, "report": 1, "all": 1}
    finally:
        kept.rename(figure)


# What follows from evaluations, from the data alone, and from nothing.
EVALUATED = {"collect", "gradcam", "tsne", "table1", "table1_differences", "clustering", "summary"}
EVALUATED |= {*FIGURES} - {"figure3", "training_curves"}
CLAIMED = {"claims_table", "claims_figure", "summary"}
EXPLAINED = {"measure_explanations", "explainability_table", "explainability_figure", *CLAIMED}
EVALUATED |= {"explain", "measure_features", *EXPLAINED}
TRAINED = {"train", "evaluate", "training_curves", "run_times", *EVALUATED}
FROM_DATA = {"table2", "figure3"}
WRITTEN = {"table1", "table1_differences", "table2", "clustering", "run_times", "protocol"}
WRITTEN |= {"explainability_table", "claims_table", "summary"}


@pytest.mark.parametrize(
    ("module", "rules"),
    [
        ("losses", TRAINED),
        ("study/network_names", {*TRAINED, *FROM_DATA}),
        ("data/sources", {"download_dataset", *TRAINED, *FROM_DATA}),
        ("training/schedules", TRAINED),
        ("training/inference", TRAINED),
        ("training/cost", set()),
        ("runs/model", TRAINED),
        ("runs/features", {"evaluate", *EVALUATED}),
        ("runs/explanations", {"gradcam", "figure2", "figure6", *EXPLAINED}),
        ("runs/activations", {"explain", *EXPLAINED}),
        ("measures/scores", {"evaluate", *EVALUATED}),
        ("measures/geometry", {"tsne", "figure1", "figure4", "figure5", "measure_features", *CLAIMED}),
        ("measures/gradcam", {"gradcam", "figure2", "figure6", *EXPLAINED}),
        ("measures/interventions", {"explain", *EXPLAINED}),
        ("measures/claims", CLAIMED),
        ("views/heatmaps", {"figure2", "figure6"}),
        ("views/summary", {"summary"}),
        ("views/text", {*WRITTEN, *LEDGER, "figure7"}),
        ("views/curves", {"training_curves"}),
        ("jobs/gpus", TRAINED),
        ("jobs/logs", set()),
    ],
)
def test_a_line_in_a_room_makes_what_uses_it_again_and_nothing_else(changed, module, rules):
    path = changed.path / f"src/amc_loss/{module}.py"
    path.write_text(f"{path.read_text()}LINE = 1\n")
    assert set(changed.jobs(*ARGUMENTS)) == ({*rules, "report", "all"} if rules else set())


def test_a_colour_redraws_figures_and_retrains_nothing(changed):
    changed.replace("src/amc_loss/views/style.py", 'CAM_COLOURS = "jet"', 'CAM_COLOURS = "viridis"')
    assert changed.jobs(*ARGUMENTS) == {**FIGURES, **LEDGER, "report": 1, "all": 1}


@pytest.mark.parametrize(
    ("file", "before", "after"),
    [
        ("workflow/report/figure5.rst", "t-SNE", "The t-SNE"),
        ("src/amc_loss/views/captions.py", "Spearman", "by Spearman"),
    ],
)
def test_a_caption_makes_the_report_again_and_nothing_else(changed, file, before, after):
    changed.replace(file, before, after)
    assert changed.jobs(*ARGUMENTS) == {"report": 1, "all": 1}


def test_a_change_in_the_loss_trains_every_run_again(changed):
    changed.replace("src/amc_loss/losses.py", "-1 + self.guard", "-1 + 2 * self.guard")
    jobs = changed.jobs(*ARGUMENTS)
    assert jobs["train"] == jobs["evaluate"] == RUNS
    assert "download_dataset" not in jobs


def test_a_comment_or_a_time_stamp_changes_nothing(changed):
    for script in (changed.path / "workflow/scripts").rglob("*.py"):
        script.touch()
    script = changed.path / "workflow/scripts/train/train.py"
    script.write_text(script.read_text() + "\n# a comment\n")
    changed.replace("src/amc_loss/losses.py", "# acos has an", "# The arc cosine has an")
    assert changed.jobs(*ARGUMENTS) == {}


def test_a_change_in_the_statistics_makes_tables_and_their_figures(changed):
    changed.replace(
        "src/amc_loss/measures/significance.py", "ttest_ind(first, second", "ttest_ind(second, first"
    )
    jobs = changed.jobs(*ARGUMENTS)
    assert not set(jobs) & {"train", "evaluate", "gradcam", "tsne"}
    assert jobs["table1"] == jobs["table1_differences"] == jobs["clustering"] == jobs["figure7"] == 1


def test_a_changed_setting_trains_again(finished):
    other = {**STUDY, "training": {**STUDY["training"], "learning_rate": 0.001}}
    (finished.path / "other.yaml").write_text(yaml.safe_dump(other))
    jobs = finished.jobs(*ARGUMENTS, "other.yaml")
    assert jobs["train"] == RUNS


def test_every_parameter_was_recorded(finished):
    """Snakemake drops those that it cannot represent, and then does not see them change."""
    finished.snakemake("archive", "--cores", "1", *ARGUMENTS)
    expected = {rule.name: len(rule.params) for rule in workflow_rules() if rule.output}
    del expected["check_loss"], expected["tuning"]  # what this study has not
    recorded = [
        json.loads(path.read_text())
        for path in (finished.path / ".snakemake/metadata").iterdir()
        if path.is_file()
    ]
    assert {record["rule"] for record in recorded} >= set(expected)
    for record in recorded:
        if record["rule"] in expected:
            assert len(record["params"]) == expected[record["rule"]], record["rule"]


def test_one_more_seed_trains_that_seed_alone(finished):
    other = {**STUDY, "study": {"name": "tiny", "seeds": [0, 1, 2]}}
    (finished.path / "other.yaml").write_text(yaml.safe_dump(other))
    jobs = finished.jobs("table1", *ARGUMENTS, "other.yaml")
    assert jobs == {"train": 3, "evaluate": 3, "table1": 1}


def test_a_failing_job_says_why_on_the_terminal_and_in_its_log(finished):
    data = finished.dataset("digits")
    whole = data.read_bytes()
    stamp = data.stat()
    try:
        data.write_bytes(whole[:1000])
        output = finished.snakemake(
            *ARGUMENTS, "--cores", "1", "--forcerun", "figure3", "--", "figure3", check=False
        )
    finally:
        data.write_bytes(whole)
        os.utime(data, ns=(stamp.st_atime_ns, stamp.st_mtime_ns))
    log = (finished.results / "logs/figure3.log").read_text()
    for text in (output, log):
        assert f"resources/datasets/{data.name} is not a usable dataset" in text
        assert "Traceback" in text
    assert "results/tiny/logs/figure3.log" in output


def test_the_protocol_of_the_released_code(finished):
    study = {
        **STUDY,
        "protocol": "released_code",
        "study": {"name": "released", "seeds": [0]},
        "evaluation": {"clusters": "k_means"},
        "figures": {"figure7": {"seeds": [0]}},
    }
    (finished.path / "released.yaml").write_text(yaml.safe_dump(study))
    finished.snakemake("table1", "figure2", "protocol", "--cores", "2", *ARGUMENTS, "released.yaml")
    results = finished.path / "results/released"
    run = results / "runs/digits-top-amc-lambda0.1-margin0.5-seed0"
    settings = json.loads((run / "provenance.json").read_text())["settings"]
    assert (settings["ema_decay"], settings["translation"]) == (0.999, 2)
    assert settings["auxiliary_schedule"] == {"first_epoch": "zero", "maximum": 100, "ramps_down": False}
    assert pd.read_csv(run / "history.csv")["w"].tolist()[0] == 0
    convolutions = [
        value
        for value in torch.load(run / "model.pt", weights_only=True)["state"].values()
        if value.ndim == 4
    ]
    assert len(convolutions) == 8
    metrics = json.loads((run / "metrics.json").read_text())
    with np.load(run / "features.npz", allow_pickle=False) as arrays:
        by_prediction = homogeneity_score(arrays["labels_test"], arrays["logits_test"].argmax(1))
    assert metrics["homogeneity"] != pytest.approx(by_prediction)
    protocol = pd.read_csv(results / "tables/protocol.csv", dtype=str).set_index("setting")
    assert protocol.loc["training.ema_decay", ["paper", "released_code", "this study"]].tolist() == [
        "0",
        "0.999",
        "0.999",
    ]
    assert protocol.loc["training.schedule.top.epochs", "this study"] == "2"


def test_a_training_that_is_terminated_continues_when_snakemake_retries_it(finished):
    long = {"schedule": {"top": {"epochs": 40, "ramp_up": 1, "ramp_down": 1}}, "checkpoint_every": 1000}
    (finished.path / "long.yaml").write_text(
        yaml.safe_dump({"study": {"name": "long", "seeds": [0, 1]}, "training": long})
    )
    run = "digits-top-cross_entropy-seed0"
    log = finished.path / "results/long/logs/train" / f"{run}.log"

    def terminate():
        while not log.exists() or "epoch 2/40" not in log.read_text():
            time.sleep(0.05)
        for process in psutil.process_iter(["cmdline"]):
            command = process.info["cmdline"] or [""]
            if command[-1].startswith(f"{finished.path}/.snakemake/scripts/") and "python" in command[0]:
                process.terminate()

    killer = threading.Thread(target=terminate, daemon=True)
    killer.start()
    model = f"results/long/runs/{run}/model.pt"
    output = finished.snakemake(model, "--cores", "1", *ARGUMENTS, "long.yaml")
    assert "Trying to restart job" in output
    text = log.read_text()
    stopped = re.search(r"stopped by SIGTERM after (epoch \d+, step \d+)", output)
    assert f"continuing after {stopped[1]}" in text
    assert "epoch 2/40 " not in text
    assert "epoch 40/40 " in text
    assert sorted(path.name for path in (finished.path / model).parent.iterdir()) == [
        ".lock",
        ".model.pt",
        "history.csv",
        "model.pt",
        "provenance.json",
    ]


def test_a_run_that_is_being_trained_is_not_trained_twice(finished):
    folder = finished.path / "results/tiny/runs/digits-top-cross_entropy-seed2"
    folder.mkdir()
    (finished.path / "other.yaml").write_text(
        yaml.safe_dump({**STUDY, "study": {"name": "tiny", "seeds": [0, 1, 2]}})
    )
    target = f"results/tiny/runs/{folder.name}/model.pt"
    with FileLock(folder / ".lock"):
        output = finished.snakemake(target, "--cores", "1", *ARGUMENTS, "other.yaml", check=False)
    # Three attempts in all, not three for each process between Snakemake and the script.
    assert output.count("Trying to restart job") == 2
    assert f"another process trains in results/tiny/runs/{folder.name}; let it end or stop it" in output
    finished.snakemake(target, "--cores", "1", *ARGUMENTS, "other.yaml")
