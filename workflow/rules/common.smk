import argparse
import sys
from dataclasses import asdict
from pathlib import Path

import yaml
from snakemake.exceptions import WorkflowError

WORKFLOW = Path(workflow.current_basedir).parent
SCRIPTS = WORKFLOW / "scripts"
# Relative where it can be, so that the folder may move; absolute where another workflow's prefix would go before it.
PAPER = Path() if Path.cwd() == WORKFLOW.parent else WORKFLOW.parent
PAPER /= "resources/paper"
# Snakemake's own environment need not have the package installed.
sys.path.insert(0, str(SCRIPTS))

from amc_loss.config import Study
from amc_loss.digests import code_digest
from amc_loss.labels import LOSSES
from amc_loss.progress import watch
from amc_loss.protocol import compare
from amc_loss.validation import ConfigError

schema = yaml.safe_load((WORKFLOW / "schemas" / "config.schema.yaml").read_text())
try:
    study = Study(config, schema)
except ConfigError as error:
    raise WorkflowError(str(error)) from None
# Scripts and captions see the settings of the protocol as well.
config.update(study.config)

# Without this check Snakemake would go on without a profile whose name is misspelt.
parser = argparse.ArgumentParser(add_help=False)
parser.add_argument("--workflow-profile", type=Path, default="none")
profile = parser.parse_known_args()[0].workflow_profile
places = (Path(), Path("profiles"), WORKFLOW.parent / "profiles")
if profile != Path("none") and not any((place / profile).exists() for place in places):
    known = sorted(path.parent.name for path in places[2].glob("*/config.yaml"))
    raise WorkflowError(f"there is no profile {profile}; there are {', '.join(known)}")

# Without this check a dataset that was made from an earlier path would pass as up to date.
for name in study.own_datasets:
    if not Path(path := study.data(name)["path"]).exists():
        raise WorkflowError(
            f"'datasets.{name}.path' is {path}, which does not exist; put the dataset there or correct the path"
        )


def code_of(script):
    """Digest of the library code behind an entry script, for a rule's params."""
    return code_digest(SCRIPTS / script)


def run_of(wildcards):
    """The run that a path names."""
    try:
        return study.runs[wildcards.run]
    except KeyError:
        raise WorkflowError(
            f"no run '{wildcards.run}' in study '{study.name}'; snakemake -n lists its runs"
        ) from None


def of_runs(target, file):
    """A file of each run that a target needs."""
    return [f"<results>/runs/{run.name}/{file}" for run in study.targets[target]]


def of_all_runs(file):
    """A file of each run of the study."""
    return [f"<results>/runs/{run}/{file}" for run in study.runs]


def memory(wildcards, input, attempt):
    """MB that torch takes with a GPU, and the data several times; more after a job that took too much."""
    return attempt * int(6000 + 4 * input.size_mb)


def single_loss(figure, label):
    """A figure of each loss alone, each time two of them: the report toggles a label that has two values."""
    flagged = []
    for other in ("cross_entropy", "euclidean"):
        pair = f"{LOSSES[other]} or {LOSSES['amc']}"
        about = {"category": "One loss at a time", "subcategory": pair}
        about["caption"] = "../report/single_loss.rst"
        for loss in (other, "amc"):
            path = f"<results>/figures/single_loss/{other}/{figure}-{loss}.png"
            about["labels"] = {"figure": label, "loss": LOSSES[loss]}
            flagged.append(report(path, **about))
    return flagged


def losses_of(target):
    """The loss of each run that a target needs."""
    return [run.loss for run in study.targets[target]]


def files_of(wildcards):
    """The user's own files that a dataset is made of; of a folder the folders of its classes.

    A folder's time stamp changes when a file in it is added, removed or renamed.
    """
    data = study.data(wildcards.dataset)
    if "path" not in data:
        return []
    path = Path(data["path"])
    if data["source"] == "npz":
        return [path]
    found = [path / split for split in ("train", "test")]
    found += [inner for split in found for inner in split.rglob("*")]
    return sorted(folder for folder in found if folder.is_dir())


def dataset_of(target):
    """The dataset that a figure shows."""
    return f"<resources>/datasets/{study.config['figures'][target]['dataset']}.npz"


def network_of(target):
    """The column of Table 2 that the study has for a figure's dataset."""
    return study.network(study.config["figures"][target]["dataset"])


def title_of(target):
    """What a figure calls its dataset."""
    return study.titles[study.config["figures"][target]["dataset"]]
