"""``python -m amc_loss``: runs of a study without Snakemake, with the same code, files and checkpoints.

It needs torch, numpy, PyYAML and scikit-learn alone, and a checkout, in which the configuration is. Ledgers
of claims side by side need what draws figures as well.
"""

import argparse
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml

from amc_loss.study.configuration import ConfigError, merge, overlaid
from amc_loss.study.digests import code_digest
from amc_loss.study.names import own_losses
from amc_loss.study.study import Study

ROOT = Path(__file__).parents[2]  # of the checkout
TRAIN = "workflow/scripts/train/train.py"  # whose digest says which code trained


def arguments(given: Sequence[str] | None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser("python -m amc_loss", description="Runs of a study without Snakemake.")
    commands = parser.add_subparsers(dest="command", required=True)
    for name, text in (
        ("runs", "list the names of a study's runs"),
        ("train", "train a run, from its checkpoint if there is one"),
        ("evaluate", "measure a trained run"),
    ):
        command = commands.add_parser(name, help=text, description=text)
        text = "files whose settings go over those of config.yaml"
        command.add_argument("--config", nargs="+", type=Path, default=[], help=text)
        if name != "runs":
            command.add_argument("--run", required=True, help="name of the run, as `runs` lists it")
            command.add_argument("--data", required=True, type=Path, help="its dataset, as .npz")
            command.add_argument(
                "--out", required=True, type=Path, help="folder in which the run's folder is"
            )
            command.add_argument(
                "--threads", type=int, default=os.cpu_count(), help="on a CPU, all by default"
            )
            command.add_argument("--cpu", action="store_true", help="leave a GPU alone")
    text = "print the verdicts of finished studies side by side, in Markdown"
    command = commands.add_parser("claims", help=text, description=text)
    command.add_argument("studies", nargs="+", type=Path, help="folders of studies, as results/paper")
    return parser.parse_args(given)


def read_study(files: Sequence[Path]) -> Study:
    """The study of the workflow's configuration with files over it.

    Raises:
        ConfigError: If it is not a valid one, or this is no checkout.
        OSError: If a file cannot be read.
    """
    if not (ROOT / TRAIN).exists():
        raise ConfigError(f"{ROOT} is no checkout of the workflow, in which the configuration is")
    own, schema = (
        yaml.safe_load((ROOT / path).read_text())
        for path in ("config.yaml", "workflow/schemas/config.schema.yaml")
    )
    given: dict[str, Any] = {}
    for file in files:
        content = yaml.safe_load(file.read_text()) or {}
        if not isinstance(content, dict):
            raise ConfigError(f"{file} must be a mapping of settings")
        given = merge(given, content)
    return Study(overlaid(own, given), schema)


def main(given: Sequence[str] | None = None) -> None:
    """Do what the command line says.

    Raises:
        SystemExit: If it cannot be done; the message says why.
    """
    options = arguments(given)
    try:
        if options.command == "claims":
            print(claims_of(options.studies), end="")
            return
        study = read_study(options.config)
        if options.command == "runs":
            print(*study.runs, sep="\n")
            return
        if options.run not in study.runs:
            raise ConfigError(f"no run {options.run!r} in study {study.name!r}; `runs` lists them")
        work(options, study)
    except (ValueError, OSError, RuntimeError, MemoryError, FloatingPointError) as error:
        raise SystemExit(f"{type(error).__name__}: {error}") from error


def claims_of(studies: Sequence[Path]) -> str:
    """Verdicts of the studies in these folders, side by side in Markdown.

    Raises:
        ConfigError: If a study's claims were not decided yet.
    """
    import pandas as pd

    from amc_loss.views.claims import side_by_side
    from amc_loss.views.tables import markdown

    ledgers = {}
    for folder in studies:
        path = folder / "tables/claims.csv"
        if not path.exists():
            raise ConfigError(f"{path} does not exist; `snakemake claims` makes it")
        # Studies of one name may lie in two folders.
        name = folder.name if folder.name not in ledgers else str(folder)
        ledgers[name] = pd.read_csv(path, dtype=str)
    return markdown(side_by_side(ledgers).to_dict("records"))


def work(options: argparse.Namespace, study: Study) -> None:
    """Train or evaluate the run that the options name."""
    import torch

    from amc_loss.jobs.gpus import pick_device
    from amc_loss.training.arithmetic import keep_freed_memory

    run = study.runs[options.run]
    folder = options.out / run.name
    folder.mkdir(parents=True, exist_ok=True)
    torch.set_num_threads(options.threads)
    keep_freed_memory()
    device = pick_device(0 if options.cpu else 1)
    if options.command == "train":
        from amc_loss.runs.training import train_run
        from amc_loss.training.criteria import check_losses

        settings = study.settings(run)
        if not own_losses(settings):
            check_losses(settings)
        train_run(
            folder,
            options.data,
            settings,
            device,
            protocol=study.config["protocol"],
            code=code_digest(ROOT / TRAIN),
            checkpoint_every=study.config["training"]["checkpoint_every"],
        )
    else:
        from amc_loss.measures.evaluation import evaluate_run

        evaluate_run(
            folder,
            options.data,
            run.record,
            device,
            splits=study.splits(run),
            clusters=study.config["evaluation"]["clusters"],
        )


if __name__ == "__main__":
    main()
