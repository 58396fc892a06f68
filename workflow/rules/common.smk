import argparse
import hashlib
import os
import sys
from contextlib import suppress
from dataclasses import asdict
from functools import cache
from pathlib import Path

import yaml
from snakemake.exceptions import WorkflowError

BASE = workflow.current_basedir


def source(path):
    """A file of this workflow's own; where the workflow lies on a server, the copy that Snakemake keeps of it."""
    if isinstance(BASE, os.PathLike):  # a folder of this machine
        return Path(os.path.abspath(BASE)).parents[1] / path
    return Path(workflow.source_path(f"../../{path}"))


def fetched_library():
    """The folder that the library is imported from."""
    # On a server no folder can be listed: the library is fetched file by file.
    for path in source("workflow/library.txt").read_text().split():
        if not source(path).as_posix().endswith(path):
            raise WorkflowError(
                f"{source(path)} is not a name that Python can import; take the workflow with github(...) or "
                "gitlab(...), or from a folder"
            )
    return source("src/amc_loss/__init__.py").parents[1]


def check_profile():
    """Stop where there is no profile of the name that was given: Snakemake would go on without."""
    # Snakemake does not tell the workflow which profile it took.
    parser = argparse.ArgumentParser(add_help=False)
    parser.add_argument("--workflow-profile", type=Path, default="none")
    parser.add_argument("--directory", "-d")
    given = parser.parse_known_args()[0]
    # With a directory Snakemake has looked for the profile in another folder than this.
    if given.directory or given.workflow_profile == Path("none"):
        return
    places = [Path("profiles"), Path(workflow.main_snakefile).parent / "profiles"]
    if not any(
        (place / given.workflow_profile).exists() for place in [Path(), *places]
    ):
        known = {
            path.parent.name for place in places for path in place.glob("*/config.yaml")
        }
        raise WorkflowError(
            f"there is no profile {given.workflow_profile}; there are {', '.join(sorted(known))}"
        )


check_profile()
SRC = fetched_library()
# What is on this process's path Snakemake passes on to every script. That comes last in the script's own path, which is
# enough in an environment of conda, where no other copy of the library is installed; elsewhere this variable puts it
# first. Conda's environments do not see it.
sys.path.insert(0, str(SRC))
os.environ.update(
    PYTHONPATH=os.pathsep.join([str(SRC), os.environ.get("PYTHONPATH", "")]).strip(
        os.pathsep
    )
)

import amc_loss

if (other := Path(amc_loss.__file__).parents[1].resolve()) != SRC.resolve():
    raise WorkflowError(
        f"this workflow is used twice, from {other} and from {SRC}; use one copy of it for both"
    )

from amc_loss.data.compatibility import MisfitError, check
from amc_loss.data.dataset import read_outline
from amc_loss.jobs.files import read_json
from amc_loss.study.configuration import ConfigError, overlaid
from amc_loss.study.digests import code_digest
from amc_loss.study.documented_settings import compare
from amc_loss.study.listing import listing_digest
from amc_loss.study.names import KEPT_MODEL
from amc_loss.study.progress import Warnings, watch
from amc_loss.study.study import Study
from amc_loss.views import captions

# What the user gives, as a file, on the command line or from another workflow, goes over the workflow's own settings.
own = yaml.safe_load(source("config.yaml").read_text())
schema = yaml.safe_load(source("workflow/schemas/config.schema.yaml").read_text())
try:
    study = Study(overlaid(own, config), schema)
except ConfigError as error:
    raise WorkflowError(str(error)) from None


def placed(path):
    """A path of this workflow's, where a workflow that uses it under a prefix has it."""
    return Path(workflow.modifier.path_modifier.replace_prefix(path))


# The report is made by a Snakemake of its own, which reads this when the explanations were measured.
agreement = {
    name: read_json(path)
    for name in study.explained
    if (
        path := placed(f"results/{study.name}/explanations/{name}-agreement.json")
    ).exists()
}
# Scripts and captions see the settings of the protocol as well. Not in the user's own mapping, which another workflow
# may give to a second study.
config = {**config, **study.config, "as_text": captions.names(study, agreement)}


for folder in map(placed, ("results", "resources")):
    if folder.is_symlink() and not folder.exists():
        raise WorkflowError(
            f"'{folder}' is a link to {folder.readlink()}, where there is nothing; make that folder, or remove the link"
        )
    if folder.exists() and not folder.is_dir():
        raise WorkflowError(f"'{folder}' is no folder; move it out of the way")

# Without this check a dataset that was made from an earlier path would pass as up to date.
for name in study.own_datasets:
    try:
        os.stat(path := study.data(name)["path"])
    except OSError as error:
        why = (
            "does not exist"
            if isinstance(error, FileNotFoundError)
            else f"cannot be read ({error.strerror})"
        )
        raise WorkflowError(
            f"'datasets.{name}.path' is {path}, which {why}; put the dataset there or correct the path"
        ) from None

# The datasets by what their files are called.
DATASETS = {study.data_name(name): name for name in study.config["datasets"]}

# The numbers that the paper prints are a parameter, since a file of the workflow has no path that stays the same.
PAPER = source("resources/paper/table1.csv").read_text()
# Claims have braces in them, so rules take these by a function.
CLAIMS = source("resources/paper/claims.yaml").read_text()

# What describes this workflow in an archive.
SNAKEFILE = source("Snakefile").read_text()
CITATION = source("CITATION.cff").read_text()

# Groups of runs whose features are measured.
VALUES = [
    name.removeprefix("values-")
    for name, runs in study.targets.items()
    if name.startswith("values-") and runs
]


def digest(script):
    """Digest of an entry script and the library code behind it, for a rule's params."""
    return code_digest(source(f"workflow/scripts/{script}"))


def named_run(wildcards):
    """The run that a path names."""
    try:
        return study.runs[wildcards.run]
    except KeyError:
        raise WorkflowError(
            f"no run '{wildcards.run}' in study '{study.name}'; snakemake -n lists its runs"
        ) from None


def run_files(target, file):
    """A file of each run that a target needs."""
    return [f"<results>/runs/{run.name}/{file}" for run in study.targets[target]]


def all_run_files(file):
    """A file of each run of the study."""
    return [f"<results>/runs/{run}/{file}" for run in study.runs]


def run_losses(target):
    """The loss of each run that a target needs."""
    return [run.loss for run in study.targets[target]]


def auxiliary_settings(dataset):
    """Settings of a run with the proposed loss, which has all schedules."""
    runs = study.targets[f"curves-{dataset}"]
    return study.settings(
        next(run for run in runs if run.loss == study.losses.proposed)
    )


def checked_loss(run):
    """What says that a run's loss was tried, if it is not this workflow's own."""
    digest = study.loss_digest(run)
    return f"<resources>/losses/{run.loss}-{digest}.checked" if digest else []


def loss_to_try(wildcards):
    """Settings of the loss that a file under ``losses`` names."""
    try:
        return study.losses_to_try[wildcards.loss, wildcards.digest]
    except KeyError:
        raise WorkflowError(
            f"the loss {wildcards.loss} has changed since the workflow was started; start it again"
        ) from None


def memory(wildcards, input, attempt):
    """MB that torch takes with a GPU, and the data several times; more after a job that took too much."""
    return attempt * int(6000 + 4 * input.size_mb)


def dataset_file(dataset, ending="npz"):
    """A dataset as all rules read it, or what is recorded of it."""
    return f"<resources>/datasets/{study.data_name(dataset)}.{ending}"


@cache
def own_listing(dataset):
    """What the user's own data consists of; nothing for a dataset that is not made of files of the user's."""
    path = study.data(dataset).get("path")
    try:
        # Not None: Snakemake would not record it.
        return listing_digest(path) if path else ""
    except OSError as error:
        raise WorkflowError(
            f"'datasets.{dataset}.path' has {error.filename}, which cannot be read ({error.strerror})"
        ) from None


def outlines():
    """The datasets of the study that are there and would not be made again, without their images."""
    found = {}
    code = digest("data/download_dataset.py")
    for name in study.config["study"]["datasets"]:
        path = placed(f"resources/datasets/{study.data_name(name)}")
        # Of what is missing or damaged a job will tell.
        with suppress(OSError, LookupError, TypeError, ValueError):
            origin = read_json(path.with_suffix(".json"))["origin"]
            if (origin["code"], origin["listing"]) == (code, own_listing(name)):
                found[name] = read_outline(path.with_suffix(".npz"))
    return found


# Settings that do not fit the data are reported now, or when it has been made. Jobs on a cluster need not look again.
if workflow.is_main_process:
    try:
        check(study.config, outlines())
    except MisfitError as error:
        raise WorkflowError(str(error)) from None


def figure_dataset(figure):
    """The dataset that a figure shows."""
    return study.config["figures"][figure]["dataset"]


def figure_file(figure):
    """File of the dataset that a figure shows."""
    return dataset_file(figure_dataset(figure))


def figure_network(figure):
    """The column of Table 2 that the study has for a figure's dataset."""
    return study.network(figure_dataset(figure))


def figure_title(figure):
    """What a figure calls its dataset, as a function: in text Snakemake would take braces for wildcards."""
    return lambda wildcards: study.titles[figure_dataset(figure)]


def shown_images(dataset):
    """Images that Figures 2 and 6 show of a dataset, or how many of each class."""
    figures = study.config["figures"]
    shown = {}
    image = figures["figure2"]["image"]
    if figures["figure2"]["dataset"] == dataset and image is not None:
        shown["figure2"] = [image]
    if figures["figure6"]["dataset"] == dataset:
        shown["figure6"] = figures["figure6"]["images_per_class"]
    return shown


TEXTS = {"workflow": source("workflow/report/workflow.rst").read_text()}


def caption(name):
    """Where a caption of the report is, whose text makes the report again where it changes."""
    TEXTS[name] = source(f"workflow/report/{name}.rst").read_text()
    return f"../report/{name}.rst"


def drawing(name, category, **labels):
    """Where a figure goes, as .pdf and .png; the report shows it with a caption, under labels."""
    path = f"<results>/figures/{name}"
    text = caption(name.partition("-")[0])
    png = report(f"{path}.png", caption=text, category=category, labels=labels)
    return {"pdf": f"{path}.pdf", "png": png}


def single_loss(name, label, losses):
    """A figure of each loss alone, each time two of them: the report toggles a label that has two values."""
    flagged = []
    proposed = study.losses.proposed
    # Snakemake takes a name in braces for a wildcard; with a word joiner, which is not seen, it is none.
    titles = {
        loss: title.replace("{", "{\N{WORD JOINER}")
        for loss, title in study.losses.titles.items()
    }
    first = proposed if proposed in losses else losses[-1]
    for other in losses:
        if other == first:
            continue
        about = {"category": "One loss at a time"}
        about["subcategory"] = f"{titles[other]} or {titles[first]}"
        about["caption"] = caption("single_loss")
        for loss in (other, first):
            path = f"<results>/figures/single_loss/{other}/{name}-{loss}.png"
            about["labels"] = {"figure": label, "loss": titles[loss]}
            flagged.append(report(path, **about))
    return flagged


def table(name, label, *endings, category="Tables"):
    """Where a table goes, a file for each ending, and a page that the report shows."""
    path = f"<results>/tables/{name}"
    shown = {"category": category, "labels": {"table": label}}
    page = report(f"{path}.html", caption=caption(name), **shown)
    return [*(f"{path}.{ending}" for ending in endings), page]
