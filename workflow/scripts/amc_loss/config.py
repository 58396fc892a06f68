"""The configuration, checked, and the study that follows from it: which runs each target needs.

Imports nothing heavy: Snakemake reads this module whenever it parses the workflow.
"""

import difflib
import json
import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from jsonschema import Draft202012Validator, ValidationError
from jsonschema.exceptions import best_match, by_relevance

from amc_loss.labels import DATASETS, LOSSES

# For each source the keys of a dataset that say what it gives; besides them `size`.
SOURCES = {
    "torchvision": ("class", "labels"),
    "npz": ("path",),
    "imagefolder": ("path",),
    "scikit-learn": (),
}

# What a protocol sets, and a study may set otherwise.
PROTOCOL_SECTIONS = ("losses", "contrastive", "network", "training", "evaluation", "grad_cam")


class ConfigError(ValueError):
    """A configuration that cannot be run; the message names the key and what is allowed."""


@dataclass(frozen=True)
class Run:
    """One training: what it is named after and nothing else.

    Attributes:
        dataset: Name of the dataset.
        network: ``top`` or ``bottom``, or ``bottom`` with a feature dimension, as in ``bottom2d``.
        loss: ``cross_entropy``, ``euclidean`` or ``amc``.
        weight: λ of the auxiliary loss; None for cross-entropy.
        margin: m_e or m_g of the auxiliary loss; None for cross-entropy.
        seed: Seed of weights, order, noise and dropout.
    """

    dataset: str
    network: str
    loss: str
    weight: float | None
    margin: float | None
    seed: int

    @property
    def name(self) -> str:
        """Name of the run's folder."""
        settings = [] if self.weight is None else [f"lambda{self.weight}", f"margin{self.margin}"]
        return "-".join([self.dataset, self.network, self.loss, *settings, f"seed{self.seed}"])


class Study:
    """The runs of a study and the targets that need them.

    Args:
        config: The whole configuration.
        schema: The JSON schema that it has to follow.

    Attributes:
        config: The configuration with its protocol filled in (see `resolve`), in plain types, keys sorted and
            numbers in one spelling. Snakemake compares parameters by their ``repr`` and drops those of other
            types.
        name: Name of the study, and of its folder of results.
        protocols: For each protocol of the configuration all the settings it makes, by section.
        targets: For each table and figure the runs it needs, in order.
        runs: All runs by name.

    Raises:
        ConfigError: If the configuration does not follow the schema or contradicts itself.
    """

    def __init__(self, config: Mapping[str, Any], schema: Mapping[str, Any]) -> None:
        protocols: Any = config.get("protocols", {})
        config = _canonical(resolve(config))
        _check_schema(config, schema)
        _check_references(config)
        self.config = config
        self.name: str = config["study"]["name"]
        self.protocols: dict[str, dict[str, Any]] = {}
        for name in protocols:
            settings = resolve({"protocol": name, "protocols": protocols})
            self.protocols[name] = _canonical({section: settings[section] for section in PROTOCOL_SECTIONS})
        figures = config["figures"]
        table1 = [
            run
            for dataset in config["study"]["datasets"]
            for loss in LOSSES
            for run in self._repeat(dataset, self._network(dataset), loss, config["study"]["seeds"])
        ]
        self.targets: dict[str, list[Run]] = {"table1": table1, "clustering": table1}
        self.targets["figure1"] = [self._run(figures["figure1"], "bottom2d", "cross_entropy")]
        self.targets["figure4"] = [self._run(figures["figure4"], "bottom3d", loss) for loss in LOSSES]
        for figure in ("figure2", "figure5", "figure6"):
            network = self._network(figures[figure]["dataset"])
            self.targets[figure] = [self._run(figures[figure], network, loss) for loss in LOSSES]
        self.targets["figure7"] = self._sweep(figures["figure7"])
        self.runs = {run.name: run for runs in self.targets.values() for run in runs}

    def _network(self, dataset: str) -> str:
        """The column of Table 2 that Table 1 uses for a dataset."""
        return self.config["study"]["networks"].get(dataset, "top")

    def _repeat(
        self, dataset: str, network: str, loss: str, seeds: Iterable[int], **settings: float
    ) -> list[Run]:
        """Runs that differ in their seed alone; ``settings`` replace those of the loss."""
        of_loss = {"weight": None, "margin": None, **self.config["losses"][loss], **settings}
        # Their other settings are not in a run's name.
        return [Run(dataset, network, loss, of_loss["weight"], of_loss["margin"], seed) for seed in seeds]

    def _run(self, figure: Mapping[str, Any], network: str, loss: str) -> Run:
        return self._repeat(figure["dataset"], network, loss, [figure["seed"]])[0]

    def _sweep(self, figure: Mapping[str, Any]) -> list[Run]:
        """Figure 7: the baseline, AMC over λ, AMC over m_g; a point on both axes once."""
        where = (figure["dataset"], self._network(figure["dataset"]))
        runs = self._repeat(*where, "cross_entropy", figure["seeds"])
        for key, values in (("weight", figure["weights"]), ("margin", figure["margins"])):
            for value in values:
                runs += self._repeat(*where, "amc", figure["seeds"], **{key: value})
        return list(dict.fromkeys(runs))

    def data(self, dataset: str) -> dict[str, Any]:
        """What determines a dataset's content. Keys of other sources, which an overlay leaves, do not."""
        entry = self.config["datasets"][dataset]
        keys = ("source", *SOURCES[entry["source"]], "size")
        return {key: entry[key] for key in keys if key in entry}

    @property
    def titles(self) -> dict[str, str]:
        """What tables and figures call each dataset of the study."""
        entries = self.config["datasets"]
        names = self.config["study"]["datasets"]
        return {name: entries[name].get("title", DATASETS.get(name, name)) for name in names}

    @property
    def own_datasets(self) -> list[str]:
        """Datasets of the study that are made of the user's files."""
        return [name for name in self.config["study"]["datasets"] if "path" in self.data(name)]

    def kinds(self) -> list[tuple[dict[str, Any], int]]:
        """Settings of one run of each dataset, network and loss, its data, and how many such runs there are."""
        groups: dict[tuple[str, str, str], list[Run]] = {}
        for run in self.runs.values():
            groups.setdefault((run.dataset, run.network, run.loss), []).append(run)
        return [
            ({**self.settings(runs[0]), "data": self.data(runs[0].dataset)}, len(runs))
            for runs in groups.values()
        ]

    @property
    def full_width_epochs(self) -> float:
        """Epochs of all trainings of Table 2's top, a narrower network counting as its share of the work."""
        top = self.architecture("top")
        width = top["width_multiplier"] * top["widths"][0][0] / 128
        runs = sum(run.network == "top" for run in self.runs.values())
        return runs * self.config["training"]["schedule"]["top"]["epochs"] * width**2

    def architecture(self, network: str) -> dict[str, Any]:
        """Settings of `amc_loss.networks.ConvNet` for a network's name."""
        column = "top" if network == "top" else "bottom"
        settings = self.config["network"]
        return {**settings, **{key: settings[key][column] for key in ("widths", "width_multiplier")}}

    def settings(self, run: Run) -> dict[str, Any]:
        """All that determines a training besides the data's content, as plain Python objects."""
        column = "top" if run.network == "top" else "bottom"
        training = dict(self.config["training"])
        del training["checkpoint_every"]  # changes no result
        settings = {
            **asdict(run),
            "architecture": self.architecture(run.network),
            **self._auxiliary(run.loss),
            **training.pop("schedule")[column],
            **training,
        }
        return _canonical(settings)

    def _auxiliary(self, loss: str) -> dict[str, Any]:
        """Settings of the auxiliary loss and of w(t); empty for cross-entropy, which they do not concern."""
        if loss == "cross_entropy":
            return {"auxiliary_loss": {}, "auxiliary_schedule": {}}
        own = {
            key: value
            for key, value in self.config["losses"][loss].items()
            if key not in ("weight", "margin")
        }
        shared = dict(self.config["contrastive"])
        shared["neighbours"] = shared["neighbours"].removesuffix("_labels")
        schedule = {key: shared.pop(f"w_{key}") for key in ("maximum", "first_epoch", "ramps_down")}
        return {"auxiliary_loss": {**own, **shared}, "auxiliary_schedule": schedule}


def resolve(config: Mapping[str, Any]) -> dict[str, Any]:
    """The configuration with its protocol's settings in place of ``protocols``.

    A setting is taken from the configuration itself, or else from the protocol it names, or else from the
    protocol ``paper``. Mappings are merged key by key, lists are replaced.

    Raises:
        ConfigError: If there is no such protocol, or a protocol sets what no protocol sets.
    """
    resolved = dict(config)
    protocols = resolved.pop("protocols", None)
    if protocols is None:
        return resolved
    if not isinstance(protocols, Mapping) or "paper" not in protocols:
        raise ConfigError("'protocols' must be a mapping that has 'paper'")
    name = resolved.get("protocol")
    if name not in protocols:
        raise ConfigError(f"'protocol' is {name!r}; defined under 'protocols' are {', '.join(protocols)}")
    for protocol, sections in protocols.items():
        if not isinstance(sections, Mapping):
            raise ConfigError(f"'protocols.{protocol}' must be a mapping, not {json.dumps(sections)}")
        unknown = [section for section in sections if section not in PROTOCOL_SECTIONS]
        if unknown:
            raise ConfigError(
                f"unknown key 'protocols.{protocol}.{unknown[0]}' in the configuration: allowed here: "
                f"{', '.join(PROTOCOL_SECTIONS)}"
            )
    merged: Any = {}
    for layer in (protocols["paper"], protocols[name], resolved):
        merged = _merge(merged, layer)
    return merged


def _merge(base: Any, over: Any) -> Any:
    if not (isinstance(base, Mapping) and isinstance(over, Mapping)):
        return over
    return {**base, **{key: _merge(base[key], over[key]) if key in base else over[key] for key in over}}


def _canonical(value: Any, where: str = "") -> Any:
    """The same value however it was written: ``1.0`` is ``1``, and the order of keys is no matter."""
    if isinstance(value, Mapping):
        return {
            str(key): _canonical(value[key], f"{where}.{key}".strip(".")) for key in sorted(value, key=str)
        }
    if isinstance(value, list | tuple):
        return [_canonical(item, f"{where}.{number}") for number, item in enumerate(value)]
    if isinstance(value, float):
        if not math.isfinite(value):
            raise ConfigError(f"'{where}' must be a finite number, not {value}")
        return int(value) if value.is_integer() else value
    return value


def _check_schema(config: Mapping[str, Any], schema: Mapping[str, Any]) -> None:
    # A misspelt key comes before the key that is missing for it.
    relevance = by_relevance(strong=frozenset({"additionalProperties"}))
    error = best_match(Draft202012Validator(schema).iter_errors(config), relevance)
    if error is not None:
        raise ConfigError(_sentence(error))


def _sentence(error: ValidationError) -> str:
    """A validation error as one sentence: the key, what is wrong, what is allowed."""
    where = ".".join(str(part) for part in error.absolute_path)
    instance: Any = error.instance
    value = json.dumps(instance, default=str)
    rule: Any = error.validator_value
    schema: Any = error.schema
    match error.validator:
        case "additionalProperties":
            allowed = list(schema["properties"])
            unknown = next(key for key in instance if key not in allowed)
            close = difflib.get_close_matches(str(unknown), allowed, n=1)
            hint = f"did you mean '{close[0]}'? " if close else ""
            key = f"{where}.{unknown}" if where else unknown
            return f"unknown key '{key}' in the configuration: {hint}allowed here: {', '.join(allowed)}"
        case "required":
            missing = next(key for key in rule if key not in instance)
            return f"key '{f'{where}.{missing}' if where else missing}' is missing from the configuration"
        case "type":
            kinds = rule if isinstance(rule, list) else [rule]
            names = {"object": "a mapping", "array": "a list", "string": "text", "null": "null"}
            wanted = " or ".join(
                names.get(kind, f"a{'n' if kind[0] in 'aeiou' else ''} {kind}") for kind in kinds
            )
            hint = ""
            if "number" in kinds and re.fullmatch(r"[-+]?\d+e[-+]?\d+", str(instance)):
                hint = " (YAML reads 1e-8 as text; write 1.0e-8)"
            return f"'{where}' must be {wanted}, not {value}{hint}"
        case "enum":
            return f"'{where}' must be one of {', '.join(map(json.dumps, rule))}, not {value}"
        case "minItems":
            return f"'{where}' has {len(instance)} entries; it needs at least {rule}"
        case "uniqueItems":
            return f"'{where}' lists an entry twice: {value}"
        case "minimum" | "maximum" | "exclusiveMinimum" | "exclusiveMaximum":
            bound = {"minimum": "at least", "maximum": "at most", "exclusiveMinimum": "above"}
            return f"'{where}' must be {bound.get(error.validator, 'below')} {rule}, not {value}"
        case "multipleOf":
            return f"'{where}' must be a multiple of {rule}, not {value}"
        case "pattern" if "propertyNames" in error.schema_path:
            return f"key {value} under '{where}' must match {rule}"
        case "pattern":
            return f"'{where}' must match {rule}, not {value}"
    return f"'{where}': {error.message}"


def _check_references(config: Mapping[str, Any]) -> None:
    """What a schema cannot say: names that refer to other keys, and ramps that fit into the epochs."""
    study, figures = config["study"], config["figures"]
    for dataset in study["datasets"]:
        if dataset not in config["datasets"]:
            known = ", ".join(config["datasets"])
            raise ConfigError(f"'study.datasets' names {dataset!r}; defined under 'datasets' are {known}")
    for dataset in study["networks"]:
        if dataset not in config["datasets"]:
            known = ", ".join(config["datasets"])
            raise ConfigError(f"'study.networks' names {dataset!r}; defined under 'datasets' are {known}")
    for name, entry in config["datasets"].items():
        if (
            entry["source"] == "torchvision"
            and entry.get("labels") == "coarse"
            and entry["class"] != "CIFAR100"
        ):
            raise ConfigError(
                f"'datasets.{name}.labels' is \"coarse\", which CIFAR100 has and {entry['class']} has not"
            )
    users = {f"figures.{name}.dataset": figure["dataset"] for name, figure in figures.items()}
    for key, dataset in users.items():
        if dataset not in study["datasets"]:
            allowed = ", ".join(study["datasets"])
            raise ConfigError(f"'{key}' is {dataset!r}, which is not in the study; allowed are {allowed}")
    known_seeds = ", ".join(map(str, study["seeds"]))
    for name, figure in figures.items():
        for key in ("seed", "seeds"):
            for seed in _as_list(figure.get(key, [])):
                if seed not in study["seeds"]:
                    raise ConfigError(
                        f"'figures.{name}.{key}' has {seed}, which is no seed of the study; "
                        f"allowed are {known_seeds}"
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


def _as_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]
