"""What the configuration's schema cannot say: names that refer to other keys, and settings that go together.

Imports nothing heavy: Snakemake reads this module whenever it parses the workflow.
"""

import ast
import json
import math
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from amc_loss.study.configuration import ConfigError, as_list, did_you_mean, expanded
from amc_loss.study.names import DATASETS, METRICS_COLUMNS
from amc_loss.study.tuned import own_settings, with_settings

LOSSES = Path(__file__).parents[1] / "losses.py"


def check_references(config: Mapping[str, Any]) -> None:
    """What a schema cannot say: names that refer to other keys, and ramps that fit into the epochs."""
    study, figures = config["study"], config["figures"]
    known = ", ".join(config["datasets"])
    for section, key in (("study", "datasets"), ("study", "networks"), ("explainability", "strokes")):
        for dataset in config[section][key]:
            if dataset not in config["datasets"]:
                raise ConfigError(
                    f"'{section}.{key}' names {dataset!r}; defined under 'datasets' are {known}"
                )
    for name, entry in config["datasets"].items():
        if (
            entry["source"] == "torchvision"
            and entry.get("labels") == "coarse"
            and entry["class"] != "CIFAR100"
        ):
            raise ConfigError(
                f"'datasets.{name}.labels' is \"coarse\", which CIFAR100 has and {entry['class']} has not"
            )
    _check_losses(config)
    for section in ("losses", "datasets"):
        names: dict[str, str] = {}
        for name in study[section]:
            title = title_of(name, config[section][name])
            if names.setdefault(title, name) != name:
                raise ConfigError(
                    f"'{section}.{name}.title' is {title!r}, and so is that of {names[title]}; give each in "
                    "the study a title of its own"
                )
    absent = [name for name, figure in figures.items() if figure["dataset"] not in study["datasets"]]
    if absent:
        allowed = ", ".join(study["datasets"])
        others = f"; the same holds for {', '.join(absent[1:])}" if len(absent) > 1 else ""
        raise ConfigError(
            f"'figures.{absent[0]}.dataset' is {figures[absent[0]]['dataset']!r}, which is not in the study; "
            f"allowed are {allowed}{others}"
        )
    for dataset in config["explainability"]["datasets"]:
        if dataset not in study["datasets"]:
            raise ConfigError(
                f"'explainability.datasets' names {dataset!r}, which is not in the study; allowed are "
                f"{', '.join(study['datasets'])}"
            )
    known_seeds = ", ".join(map(str, study["seeds"]))
    unknown = [
        f"'figures.{name}.{key}' has {seed}"
        for name, figure in figures.items()
        for key in ("seed", "seeds")
        for seed in as_list(figure.get(key, []))
        if seed not in study["seeds"]
    ]
    if unknown:
        which = "which is no seed" if len(unknown) == 1 else "which are no seeds"
        raise ConfigError(f"{', '.join(unknown)}, {which} of the study; allowed are {known_seeds}")
    if config["protocol"] != "paper" and study["name"] == "paper":
        raise ConfigError(
            f"'study.name' is 'paper', but 'protocol' is {config['protocol']!r}, whose trainings would "
            "replace the paper's; give the study another name"
        )
    for name in ("figure2", "figure6"):
        column = study["networks"].get(figures[name]["dataset"], "top")
        layers = ["last"]
        for number, block in enumerate(config["network"]["widths"][column], 1):
            layers += [f"conv{number}_{i}" for i in range(1, len(block) + 1)]
        if config["grad_cam"]["layer"] not in layers:
            raise ConfigError(
                f"'grad_cam.layer' is {config['grad_cam']['layer']!r}; the network of {name} has "
                f"{', '.join(layers)}"
            )
    tsne = figures["figure5"]
    if tsne["perplexity"] >= tsne["points"]:
        raise ConfigError(
            f"'figures.figure5.perplexity' is {tsne['perplexity']}; "
            f"it must be below 'figures.figure5.points', {tsne['points']}"
        )
    for column, schedule in config["training"]["schedule"].items():
        if schedule["ramp_up"] + schedule["ramp_down"] > schedule["epochs"]:
            raise ConfigError(
                f"'training.schedule.{column}' ramps up for {schedule['ramp_up']} and down for "
                f"{schedule['ramp_down']} epochs, more than its {schedule['epochs']} epochs"
            )


def title_of(name: str, entry: Mapping[str, Any]) -> str:
    """What tables and figures call a dataset or a loss.

    Args:
        name: Its name.
        entry: What the configuration says of it.
    """
    return entry.get("title", DATASETS.get(name, name))


def used_losses(config: Mapping[str, Any]) -> list[str]:
    """Losses of a study, then those beside which these stand in place of cross-entropy."""
    losses = config["study"]["losses"]
    beside = [config["losses"][name].get("classification") for name in losses]
    return list(dict.fromkeys([*losses, *filter(None, beside)]))


def _check_losses(config: Mapping[str, Any]) -> None:
    """What a schema cannot say of losses: names that refer to others, and settings that go together."""
    study, losses, figures = config["study"], config["losses"], config["figures"]
    named = {"study.losses": study["losses"]}
    for name in losses:
        if "classification" in losses[name]:
            named[f"losses.{name}.classification"] = [losses[name]["classification"]]
    for key, names in named.items():
        for name in names:
            if name not in losses:
                known = ", ".join(losses)
                raise ConfigError(f"'{key}' names {name!r}; defined under 'losses' are {known}")
    shown = {f"study.compare.{role}": [name] for role, name in study["compare"].items()}
    shown["study.tune"] = list(study["tune"])
    shown["figures.figure7.loss"] = [figures["figure7"]["loss"] or study["compare"]["proposed"]]
    for figure, entry in figures.items():
        shown[f"figures.{figure}.losses"] = entry.get("losses") or []
    for key, names in shown.items():
        for name in names:
            if name not in study["losses"]:
                allowed = ", ".join(study["losses"])
                raise ConfigError(
                    f"'{key}' names {name!r}, which is not in 'study.losses'; there are {allowed}"
                )
    compared = study["compare"]
    for role in ("reference", "baseline"):
        if compared[role] == compared["proposed"]:
            raise ConfigError(
                f"'study.compare' has {compared[role]} as both proposed and {role}; no loss is compared with "
                "itself"
            )
    for name in used_losses(config):
        _check_loss(name, losses)
    for where, (name, settings) in _varied(config).items():
        own = own_settings(losses[name])
        for key in settings:
            if key in METRICS_COLUMNS:
                raise ConfigError(
                    f"'{where}' has {key!r}, which is a column of metrics.csv with another meaning; give the "
                    "argument another name"
                )
            if key not in own:
                other = ", or name another loss under 'figures.figure7.loss'" * where.startswith("figures")
                raise ConfigError(
                    f"'{where}' has {key!r}; the loss {name} has {', '.join(own) or 'nothing to vary'}; "
                    f"put another under its 'arguments', with the value that it has elsewhere{other}"
                )
            if where.startswith("figures") and not isinstance(own[key], int | float):
                raise ConfigError(
                    f"'{where}' has {key!r}, which under 'losses.{name}.arguments' is "
                    f"{json.dumps(own[key])}; give it a number there"
                )
    trials = {name: math.prod(map(len, tried.values())) for name, tried in study["tune"].items()}
    if len(set(trials.values())) > 1:
        counts = ", ".join(f"{name} {count}" for name, count in trials.items())
        raise ConfigError(
            f"'study.tune' gives losses different numbers of trials: {counts}; give all as many"
        )
    if trials and not study["validation"]:
        raise ConfigError(
            "'study.tune' needs 'study.validation', how many training images it chooses on; the test split "
            "is not for choosing"
        )


def _varied(config: Mapping[str, Any]) -> dict[str, tuple[str, Mapping[str, list[float]]]]:
    """By where it is said a loss that is varied, and values of λ, under ``weight``, or of its arguments."""
    figure, study = config["figures"]["figure7"], config["study"]
    varied = {"figures.figure7.vary": (figure["loss"] or study["compare"]["proposed"], figure["vary"])}
    return varied | {f"study.tune.{name}": (name, tried) for name, tried in study["tune"].items()}


def varied_losses(config: Mapping[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Where each value is said that takes the place of a loss's own, and ``losses`` with it in that place."""
    losses = config["losses"]
    for where, (name, settings) in _varied(config).items():
        for key, values in settings.items():
            # A switch is varied by 0 and 1.
            switch = isinstance(own_settings(losses[name])[key], bool)
            for value in values:
                tried = {key: bool(value) if switch and value in (0, 1) else value}
                yield f"{where}.{key}", {**losses, name: with_settings(losses[name], tried)}


def _check_loss(name: str, losses: Mapping[str, Any]) -> None:
    entry, where = losses[name], f"losses.{name}"
    replaces = entry.get("replaces_cross_entropy", False)
    if "class" not in entry:
        others = [key for key in entry if key != "title"]
        if others:
            raise ConfigError(
                f"'{where}' has {', '.join(others)} and no 'class', which these are settings of"
            )
        return
    if "library" in entry and "file" in entry:
        raise ConfigError(f"'{where}' has both 'library' and 'file'; a class is from one of them")
    for part in ("distance", "reducer", "miner"):
        if part in entry and "library" not in entry:
            raise ConfigError(f"'{where}.{part}' goes with 'library: pytorch-metric-learning' alone")
    if replaces and ("weight" in entry or "classification" in entry):
        key = "weight" if "weight" in entry else "classification"
        raise ConfigError(f"'{where}' takes the place of cross-entropy, and so has no '{key}'")
    if not replaces and "weight" not in entry:
        raise ConfigError(
            f"key '{where}.weight' is missing from the configuration: λ of the auxiliary loss; a loss in "
            "place of cross-entropy says 'replaces_cross_entropy: true'"
        )
    other = entry.get("classification")
    if other is not None and not losses[other].get("replaces_cross_entropy", False):
        raise ConfigError(
            f"'{where}.classification' is {other!r}, which does not take the place of cross-entropy "
            "(replaces_cross_entropy)"
        )
    if "file" in entry:
        path = expanded(entry["file"])
        try:
            tree = ast.parse(path.read_bytes(), path.name)
        except OSError as error:
            raise ConfigError(
                f"'{where}.file' is {entry['file']}, which cannot be read ({error.strerror}); put the file "
                "there or correct the path"
            ) from None
        except (SyntaxError, ValueError) as error:
            raise ConfigError(f"'{where}.file', {entry['file']}, is not Python: {error}") from None
        classes = [node.name for node in tree.body if isinstance(node, ast.ClassDef)]
        if not classes:
            raise ConfigError(
                f"'{where}.file', {entry['file']}, defines no class; a loss is a torch.nn.Module"
            )
        if entry["class"] not in classes:
            raise ConfigError(
                f"'{where}.class' is {entry['class']!r}; the classes in {entry['file']} are "
                f"{', '.join(classes)}"
            )
    elif "library" not in entry:
        _check_own_loss(where, entry["class"], entry.get("arguments", {}))
        if replaces:
            raise ConfigError(
                f"'{where}' cannot take the place of cross-entropy: {entry['class']} has no class weights; "
                "leave out 'replaces_cross_entropy' and give it a 'weight', λ"
            )


def _check_own_loss(where: str, name: str, arguments: Mapping[str, Any]) -> None:
    """Class and arguments of a loss of `amc_loss.losses`, which is read and not imported: it needs torch."""
    tree = ast.parse(LOSSES.read_bytes())
    classes = {node.name: node for node in tree.body if isinstance(node, ast.ClassDef)}
    if name not in classes or name.startswith("_"):
        known = ", ".join(known for known in classes if not known.startswith("_"))
        raise ConfigError(
            f"'{where}.class' is {name!r}; this workflow's own are {known}, and one of yours needs the file "
            f"that defines it, under '{where}.file'"
        )
    [constructor] = [
        node for node in classes[name].body if isinstance(node, ast.FunctionDef) and node.name == "__init__"
    ]
    # Those without a default, classes and dimension, the workflow fills in.
    taken = [argument.arg for argument in constructor.args.args[-len(constructor.args.defaults) :]]
    for argument in arguments:
        if argument not in taken:
            hint = did_you_mean(argument, taken)
            raise ConfigError(f"'{where}.arguments' has {argument!r}: {hint}{name} takes {', '.join(taken)}")
