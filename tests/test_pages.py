"""Pages that are made from configuration and code, and the rooms that the page on architecture shows."""

import json
import re
import runpy

import numpy as np
import pandas as pd
import pytest
import yaml
from checkout import ROOT
from PIL import Image, ImageChops

from amc_loss.__main__ import read_study
from amc_loss.measures import aggregates
from amc_loss.measures.explainability import explainability
from amc_loss.runs.values import read_values

MADE = runpy.run_path(str(ROOT / "docs/pages.py"))
PAGES = MADE["pages"]()
IMPORTS = MADE["imports"]()
ROOMS = MADE["ROOMS"]
# Published studies that have Table 1.
STUDIES = sorted(path.parent for path in (ROOT / "docs/results").glob("*/table1.csv"))


@pytest.mark.parametrize(("path", "page"), PAGES.items())
def test_pages_are_as_they_would_be_made(path, page):
    assert (ROOT / path).read_text() == page, "run `make docs`"
    for table in re.findall(r"(?:^\|.*\n)+", page, re.MULTILINE):
        assert len({len(re.findall(r"(?<!\\)\|", row)) for row in table.splitlines()}) == 1


RESULTS = {path: page for path, page in PAGES.items() if path.startswith("docs/results/")}
TABLE = r"(?s)<!-- [\w,]+: \w+ -->.*?<!-- end -->"


@pytest.mark.parametrize("path", RESULTS)
def test_numbers_in_a_text_on_studies_are_in_its_tables(path):
    tables = "".join(re.findall(TABLE, "".join(RESULTS.values())))
    text = re.sub(rf"{TABLE}|```.*?```|`[^`]*`|\]\([^)]*\)", "", RESULTS[path])
    for number in re.findall(r"\d+\.\d+", text):
        assert re.search(rf"(?<![\d.]){re.escape(number)}(?!\d)", tables), number


def test_pictures_and_pages_that_a_page_names_are_there():
    for page in [ROOT / "README.md", *(ROOT / "docs").rglob("*.md")]:
        for target in re.findall(r"\]\(([^)#\s]+)", page.read_text()):
            assert "://" in target or (page.parent / target).exists(), (page, target)


def test_no_line_begins_with_the_plus_of_a_loss():
    # Markdown would take it for a list's.
    for page in [ROOT / "README.md", *(ROOT / "docs").rglob("*.md")]:
        assert not re.search(r"^ *\+ ", page.read_text(), re.MULTILINE), page


def test_what_a_study_found_is_copied_to_its_page(tmp_path):
    study, page = tmp_path / "results/mine", tmp_path / "page"
    tables = ("claims", "clustering", "explainability", "run_times", "table1_differences")
    for folder in ("tables", "figures", "values", "explanations", "runs/one"):
        (study / folder).mkdir(parents=True)
    for name in (
        "metrics.csv",
        "tables/table1.csv",
        "tables/table1.md",
        "tables/summary.md",
        "tables/configuration.yaml",
        *(f"tables/{name}.csv" for name in tables),
        "values/table1-cifar10.csv",
        "explanations/cifar10-agreement.json",
        "explanations/cifar10.csv",
        "explanations/cifar10-pairs.csv",
        "runs/one/model.pt",
    ):
        (study / name).write_text(name)
    photograph = Image.effect_mandelbrot((200, 200), (-2, -1.5, 1, 1.5), 90).convert("RGB")
    for name in ("figure5", "figure6"):
        photograph.save(study / f"figures/{name}.png")
    # Which no compression makes small.
    noise = np.random.default_rng(0).integers(0, 256, (400, 500, 1), np.uint8).repeat(3, axis=2)
    noise[..., 2] //= 2
    Image.fromarray(noise).save(study / "figures/figure4.png")
    runpy.run_path(str(ROOT / "docs/publish.py"))["publish"](study, page)
    names = [
        "cifar10-agreement.json",
        "configuration.yaml",
        "explanations_cifar10.csv",
        "explanations_cifar10_pairs.csv",
        "figure4.png",
        "figure5.png",
        "figure6.webp",
        "metrics.csv",
        "summary.md",
        "table1.csv",
        "values_table1_cifar10.csv",
    ]
    found = {path.name for path in page.iterdir()}
    assert found == {*names, *(f"{name}.csv" for name in tables)}
    assert (page / "table1.csv").read_text() == "tables/table1.csv"
    assert (page / "values_table1_cifar10.csv").read_text() == "values/table1-cifar10.csv"
    with Image.open(page / "figure4.png") as picture:
        few = picture.convert("RGB")
    assert 64 < len(few.getcolors(1 << 20)) <= 128
    assert np.abs(np.asarray(few).astype(int) - noise).max() < 16
    for name in ("figure5.png", "figure6.webp"):
        with Image.open(page / name) as picture:
            difference = ImageChops.difference(picture.convert("RGB"), photograph)
        assert max(high for _, high in difference.getextrema()) < 40


def test_runs_at_the_scale_of_the_paper_are_added_to_those_of_before(tmp_path):
    add_runs = runpy.run_path(str(ROOT / "docs/publish.py"))["add_runs"]
    table = tmp_path / "runs.csv"
    for seed, device, commit, accuracy in (
        (3, "H100", "a", 80.5),
        (3, "H100", "b", 81.25),
        (3, "H200", "a", 82.5),
        (4, "H100", "a", 81.5),
        (3, "H100", "a", 82.0),
    ):
        folder = tmp_path / "results/mine/runs/one"
        folder.mkdir(parents=True, exist_ok=True)
        run = {"run": "one", "dataset": "cifar10", "loss": "amc", "seed": seed}
        scores = {"accuracy": accuracy, "homogeneity": 0.5, "completeness": 0.25}
        (folder / "metrics.json").write_text(json.dumps(run | scores))
        (folder / "history.csv").write_text("epoch,seconds\n0,1.75\n1,2.5\n")
        origin = {"device": device, "precision": "bfloat16", "engine": "graph", "commit": commit}
        origin |= {"threads": 2, "settings": {"dataset": "cifar10", "network": "top", "loss": "amc"}}
        software = {"python": "3.12", "versions": {"torch": "2.11.0"}, "cuda": None}
        (folder / "provenance.json").write_text(json.dumps(origin | software))
        add_runs(tmp_path / "results/mine", table)
    same = ', bfloat16, graph","python 3.12, torch 2.11.0"'
    assert table.read_text().splitlines() == [
        "dataset,loss,seed,accuracy,homogeneity,completeness,seconds,device,versions,commit",
        f'cifar10,amc,3,81.25,0.5,0.25,4,"H100{same},b',
        f'cifar10,amc,3,82.5,0.5,0.25,4,"H200{same},a',
        f'cifar10,amc,4,81.5,0.5,0.25,4,"H100{same},a',
        f'cifar10,amc,3,82.0,0.5,0.25,4,"H100{same},a',
    ]


def test_runs_of_a_smaller_study_are_not_added(tmp_path, monkeypatch):
    configuration = tmp_path / "smaller/tables/configuration.yaml"
    configuration.parent.mkdir(parents=True)
    configuration.write_text("{study: {name: smaller}, network: {width_multiplier: {top: 0.25}}}")
    monkeypatch.setattr("sys.argv", ["publish.py", "--runs", str(tmp_path / "smaller")])
    pages = ROOT / "docs/results"
    before = (pages / "paper-runs.csv").read_text()
    with pytest.raises(SystemExit, match=r"networks are narrower .* or data less; leave out --runs"):
        runpy.run_path(str(ROOT / "docs/publish.py"), run_name="__main__")
    assert not (pages / "smaller").exists()
    assert (pages / "paper-runs.csv").read_text() == before


@pytest.mark.parametrize("page", STUDIES, ids=lambda page: page.name)
def test_tables_of_a_published_study_follow_from_the_values_of_its_runs(page):
    study = read_study([page / "configuration.yaml"])
    files = [page / f"values_table1_{dataset}.csv" for dataset in study.config["study"]["datasets"]]
    runs = pd.concat(map(read_values, files)).pivot_table(
        "value", ["dataset", "loss", "seed"], "measure", sort=False
    )
    metrics = runs.reset_index().assign(
        v_measure=2 / (1 / runs["homogeneity"] + 1 / runs["completeness"]).to_numpy()
    )
    paper = pd.read_csv(ROOT / "resources/paper/table1.csv")
    equal_variances = study.config["evaluation"]["equal_variances"]
    made = {
        "table1": aggregates.table1(metrics, paper, study.losses, equal_variances),
        "table1_differences": aggregates.table1_differences(metrics, paper, study.losses, equal_variances),
        "clustering": aggregates.clustering(metrics),
    }
    explained = [(name, page / f"explanations_{name}.csv") for name in study.explained]
    if all(path.exists() for _, path in explained):
        values = pd.concat([read_values(path).assign(dataset=name) for name, path in explained])
        measures = yaml.safe_load((ROOT / "resources/paper/claims.yaml").read_text())["measures"]
        of_all = values[values["class"].isna()]
        made["explainability"] = explainability(of_all, measures, study.losses, equal_variances)
    for name, table in made.items():
        pd.testing.assert_frame_equal(pd.read_csv(page / f"{name}.csv"), table, rtol=1e-9, check_dtype=False)


@pytest.mark.parametrize("page", STUDIES, ids=lambda page: page.name)
def test_differences_of_a_published_study_are_those_of_its_table(page):
    expected = (
        pd.read_csv(page / "table1_differences.csv").query("dataset == 'cifar10'").dropna(subset="difference")
    )
    found = MADE["differences"](page, "cifar10", "amc").query("measure == 'accuracy'").set_index("loss")
    columns = {"difference": "difference", "low": "difference_low", "high": "difference_high", "n": "n"}
    for column, of_table in columns.items():
        assert found[column][expected["loss"]].tolist() == pytest.approx(
            expected[of_table].tolist(), nan_ok=True
        )
    assert len(found) == len(expected) > 0


def test_published_pictures_are_small():
    for picture in [path for kind in ("png", "webp") for path in (ROOT / "docs").rglob(f"*.{kind}")]:
        assert picture.stat().st_size < 300_000, picture


@pytest.mark.parametrize("module", IMPORTS)
def test_a_module_imports_rooms_before_its_own(module):
    room = MADE["room"]
    allowed = {*ROOMS[: ROOMS.index(room(module)) + 1], "jobs", "losses"} if room(module) in ROOMS else set()
    if room(module) == "__main__":
        allowed = {*ROOMS, "jobs"}
    assert {room(used) for used in IMPORTS[module]} - {room(module)} <= allowed


def test_no_module_is_reached_from_itself():
    def reached(module, path=()):
        assert module not in path, path
        for used in IMPORTS[module]:
            reached(used, (*path, module))

    for module in IMPORTS:
        reached(module)


def test_every_file_of_the_library_is_in_a_room_that_is_shown():
    assert {MADE["room"](module) for module in IMPORTS} == {*ROOMS, "jobs", "losses", "__init__", "__main__"}
    page = (ROOT / "docs/architecture.md").read_text()
    # What the page names is there.
    for name in re.findall(r"`(tests/\S+?)`", page):
        assert (ROOT / name).exists(), name
    for name in re.findall(r"(?<!tests/)\b((?:study|data|training|runs|measures|views|jobs)/\w+)", page):
        assert name in IMPORTS or name == "runs/RUN", name
