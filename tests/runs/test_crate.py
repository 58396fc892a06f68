"""The archive's description, of made-up trainings: two of one study, on two machines, with a loss of the user's."""

import copy
import hashlib
import json
import os
import time

import pytest
import yaml
from checkout import ROOT
from crates import NOT_RECORDED, unmet
from rocrate.rocrate import ROCrate

from amc_loss.jobs.files import UnusableFileError
from amc_loss.runs.crate import METADATA, describe_archive

SNAKEFILE = ("results/own/Snakefile", "rule all:\n")
DATASETS = {"mnist": {"source": "torchvision", "class": "MNIST"}}
CITATION = yaml.safe_load((ROOT / "CITATION.cff").read_text())
NEWEST = 1_700_000_000  # 2023-11-14 22:13:20 UTC
RECORD = {
    "settings": {
        "dataset": "mnist",
        "auxiliary_loss": {"class": "Mine", "file": "/home/me/my losses.py", "arguments": {"margin": 1}},
        "classification_loss": None,
        "architecture": {"widths": [[8], [8, 16]]},
        "deterministic": False,
        "seed": 0,
    },
    "data_sha256": "ab" * 32,
    "device": "Intel Xeon, AVX512 BF16",
    "device_type": "cpu",
    "threads": 2,
    "python": "3.11.7",
    "versions": {"torch": "2.15.0", "numpy": "2.4.6"},
    "cuda": None,
    "commit": "1" * 40,
    "protocol": "paper",
    "precision": "bfloat16",
    "engine": "eager",
}
ON_GPU = copy.deepcopy(RECORD) | {
    "device": "NVIDIA H100",
    "device_type": "cuda",
    "cuda": "12.8",
    "commit": "2" * 40,
}
ON_GPU["settings"] |= {"seed": 1}
ON_GPU["settings"]["auxiliary_loss"]["arguments"]["margin"] = 0.5


@pytest.fixture
def files(tmp_path):
    """A study's files by their names in the archive, all as old as each other but for one."""
    names = ["configuration.yaml", "my losses.py", "metrics.csv"]
    for run, record in (("a-seed0", RECORD), ("b-seed1", ON_GPU)):
        folder = tmp_path / f"results/own/runs/{run}"
        folder.mkdir(parents=True)
        (folder / "provenance.json").write_text(json.dumps(record))
        names += [
            f"runs/{run}/{name}" for name in ("model.pt", "history.csv", "features.npz", "provenance.json")
        ]
    found = {f"results/own/{name}": tmp_path / "results/own" / name for name in names}
    for path in found.values():
        if not path.exists():
            path.write_text(path.name)
        os.utime(path, (NEWEST - 60, NEWEST - 60))
    os.utime(path, (NEWEST, NEWEST))
    return found


def describe(files, **changed):
    how = {"snakefile": SNAKEFILE, "study": "own", "datasets": DATASETS, "citation": CITATION}
    return describe_archive(files, **{**how, "snakemake": "9.14.0", **changed})


def entities(files, **changed):
    return {entity["@id"]: entity for entity in describe(files, **changed)["@graph"]}


@pytest.fixture
def crate(files, tmp_path):
    """The crate as a reader has it, read by ro-crate-py."""
    (tmp_path / SNAKEFILE[0]).write_text(SNAKEFILE[1])
    (tmp_path / METADATA).write_text(json.dumps(describe(files)))
    return ROCrate(tmp_path)


def training(crate, run):
    return crate.dereference(f"#train-{run}")


def named(values):
    return {value["name"]: value["value"] for value in values if value.type == "PropertyValue"}


def test_it_has_all_that_the_profiles_ask_for_and_that_is_known(crate):
    assert unmet(crate.source) == NOT_RECORDED


def test_the_workflow_has_its_language_its_licence_and_who_wrote_it(crate):
    workflow = crate.mainEntity
    assert workflow.id == "results/own/Snakefile"
    assert workflow["version"] == str(CITATION["version"])
    language = workflow["programmingLanguage"]
    assert (language["name"], language["version"]) == ("Snakemake", "9.14.0")
    for entity in (workflow, crate.root_dataset):
        assert entity["license"].id == "https://spdx.org/licenses/MIT"
        assert entity["author"]["name"] == CITATION["authors"][0]["name"]
    assert crate.root_dataset["citation"]["name"] == CITATION["references"][0]["title"]
    assert "study own" in crate.root_dataset["name"]


def test_each_training_has_its_settings(crate):
    settings = named(training(crate, "a-seed0")["object"])
    assert settings == {
        "protocol": "paper",
        "dataset": "mnist",
        "auxiliary_loss.class": "Mine",
        "auxiliary_loss.file": "my losses.py",
        "auxiliary_loss.arguments.margin": 1,
        "architecture.widths": "[[8], [8, 16]]",
        "deterministic": False,
        "seed": 0,
    }
    other = named(training(crate, "b-seed1")["object"])
    assert other == {**settings, "seed": 1, "auxiliary_loss.arguments.margin": 0.5}
    [types] = {
        tuple(value["exampleOfWork"]["additionalType"])
        for value in training(crate, "a-seed0")["object"]
        if value["name"] == "auxiliary_loss.arguments.margin"
    }
    assert types == ("Integer", "Float")


@pytest.mark.parametrize(
    ("run", "record", "cuda"), [("a-seed0", RECORD, {}), ("b-seed1", ON_GPU, {"cuda": "12.8"})]
)
def test_each_training_has_its_data_software_and_device(crate, run, record, cuda):
    action = training(crate, run)
    [data] = [entity for entity in action["object"] if entity.type == "Dataset"]
    assert (data["name"], data["sha256"]) == ("mnist", "ab" * 32)
    assert data["description"] == "source torchvision, class MNIST"
    tool = action["instrument"]
    assert tool["softwareVersion"] == record["commit"]
    assert tool.id in {part.id for part in crate.mainEntity["hasPart"]}
    versions = {software["name"]: software["softwareVersion"] for software in tool["softwareRequirements"]}
    assert versions == {"python": "3.11.7", "torch": "2.15.0", "numpy": "2.4.6", **cuda}
    used = named(action["resourceUsage"])
    assert used == {
        name: record[name] for name in ("device", "device_type", "threads", "precision", "engine")
    }
    results = [f"results/own/runs/{run}/{name}" for name in ("model.pt", "history.csv", "provenance.json")]
    assert [file.id for file in action["result"]] == results


def test_every_file_has_its_format_size_and_checksum(files):
    described = entities(files)
    listed = [part["@id"] for part in described["./"]["hasPart"]]
    assert listed == [SNAKEFILE[0], *(name.replace(" ", "%20") for name in files)]
    for name, path in files.items():
        entity, content = described[name.replace(" ", "%20")], path.read_bytes()
        assert entity["contentSize"] == str(len(content))
        assert entity["sha256"] == hashlib.sha256(content).hexdigest()
    assert described[SNAKEFILE[0]]["sha256"] == hashlib.sha256(SNAKEFILE[1].encode()).hexdigest()
    assert {
        identifier.rpartition(".")[2]: described[identifier]["encodingFormat"] for identifier in listed
    } == {
        "results/own/Snakefile": "text/plain",
        "yaml": "application/yaml",
        "py": "text/x-python",
        "csv": "text/csv",
        "pt": "application/zip",
        "npz": "application/zip",
        "json": "application/json",
    }


def test_the_study_goes_from_configuration_losses_and_data_to_the_other_files(files):
    study = entities(files)["#study"]
    assert study["description"].startswith("2 trainings")
    given = ["results/own/configuration.yaml", "results/own/my%20losses.py", "#mnist-abababab"]
    assert [entity["@id"] for entity in study["object"]] == given
    assert len(study["result"]) == len(files) - 2


def test_it_is_the_same_for_the_same_files_and_dated_by_the_newest(files, monkeypatch):
    first = describe(files)
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    time.tzset()
    second = describe(files)
    monkeypatch.undo()
    time.tzset()
    assert json.dumps(second) == json.dumps(first)
    assert entities(files)["./"]["datePublished"] == "2023-11-14T22:13:20+00:00"


def test_nothing_in_it_tells_of_a_machine_s_folders(files, tmp_path):
    datasets = {"mnist": {"source": "folder", "path": "/home/me/images", "size": 28}}
    text = json.dumps(describe(files, datasets=datasets))
    assert "/home/me" not in text
    assert str(tmp_path) not in text
    assert "source folder, path images, size 28" in text


def test_authors_may_be_people(files):
    person = {"given-names": "Ada", "family-names": "King", "orcid": "https://orcid.org/0000-0000-0000-0000"}
    authors = [{"given-names": "Max", "family-names": "Born"}, person]
    described = entities(files, citation={**CITATION, "authors": authors})
    found = [described[author["@id"]] for author in described["./"]["author"]]
    assert [(author["@type"], author["name"]) for author in found] == [
        ("Person", "Max Born"),
        ("Person", "Ada King"),
    ]
    assert found[1]["@id"] == person["orcid"]


def test_a_damaged_record_is_named(files):
    path = files["results/own/runs/a-seed0/provenance.json"]
    path.write_text("{")
    with pytest.raises(UnusableFileError, match=f"^{path} is not a usable JSON file"):
        describe(files)


def test_trainings_of_one_commit_with_other_versions_have_tools_of_their_own(files):
    [path] = [path for name, path in files.items() if name.endswith("b-seed1/provenance.json")]
    path.write_text(json.dumps(RECORD | {"versions": {"torch": "2.16.0", "numpy": "2.4.6"}}))
    graph = {entity["@id"]: entity for entity in describe(files)["@graph"]}
    tools = [graph[f"#train-{run}"]["instrument"]["@id"] for run in ("a-seed0", "b-seed1")]
    assert len(set(tools)) == 2


def test_the_snakefile_has_its_size_in_bytes(crate):
    assert crate.mainEntity["contentSize"] == str(len(SNAKEFILE[1].encode()))
