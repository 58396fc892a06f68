"""The study that follows from a configuration: which runs each target needs.

Imports nothing heavy: Snakemake reads this module whenever it parses the workflow.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from functools import cached_property
from itertools import product
from math import ceil
from typing import Any

from amc_loss.study.configuration import (
    PROTOCOL_SECTIONS,
    canonical,
    check_schema,
    expanded,
    resolve,
    typed,
)
from amc_loss.study.documented_settings import compare
from amc_loss.study.names import Losses, own_losses
from amc_loss.study.network_names import parse_network
from amc_loss.study.references import check_references, title_of, used_losses, varied_losses
from amc_loss.study.tuned import own_settings

# For each source the keys of a dataset that say what it gives; besides them `size`.
SOURCES = {
    "torchvision": ("class", "labels"),
    "npz": ("path",),
    "imagefolder": ("path", "background"),
    "scikit-learn": (),
}

# The paper's two, whose arguments `contrastive` gives as well.
CONTRASTIVE = ("AngularMarginContrastiveLoss", "EuclideanContrastiveLoss")
PANELS = 6  # losses that a figure shows at most
TOP_WIDTH = 128  # channels of the first block of Table 2's top
# An image of 32×32×3 through that network is 4.4 GFLOP, so this is 11 TFLOP/s.
MB_A_MINUTE = 460


@dataclass(frozen=True)
class Run:
    """One training: what it is named after and nothing else.

    Attributes:
        dataset: Name of the dataset.
        network: ``top`` or ``bottom``, or ``bottom`` with a feature dimension, as in ``bottom2d``.
        loss: Name of the loss.
        weight: λ of the auxiliary loss; None where there is none.
        margin: The loss's argument of that name; None where it has none.
        seed: Seed of weights, order, noise and dropout.
        varied: Other arguments of the loss that are not as under ``losses``, with their values.
    """

    dataset: str
    network: str
    loss: str
    weight: float | None
    margin: float | None
    seed: int
    varied: tuple[tuple[str, float], ...] = ()

    @property
    def name(self) -> str:
        """Name of the run's folder."""
        settings = [] if self.weight is None else [f"lambda{self.weight}"]
        settings += [] if self.margin is None else [f"margin{self.margin}"]
        settings += [f"{key}{value}" for key, value in self.varied]
        return "-".join([self.dataset, self.network, self.loss, *settings, f"seed{self.seed}"])

    @property
    def record(self) -> dict[str, Any]:
        """What the run is, flat, for its metrics."""
        record = asdict(self)
        varied = record.pop("varied")
        return {**record, **dict(varied)}


class Study:
    """The runs of a study and the targets that need them.

    Args:
        config: The whole configuration.
        schema: The JSON schema that it has to follow.

    Attributes:
        config: The configuration with its protocol filled in (see `resolve`), in plain types, keys sorted and
            numbers in one spelling. Snakemake compares parameters by their ``repr`` and drops those of other
            types.
        schema: The schema.
        name: Name of the study, and of its folder of results.
        protocols: For each protocol of the configuration all the settings it makes, by section.
        targets: For each table and figure the runs it needs, in order; training curves and confusion matrices
            are ``curves-<dataset>`` and ``confusion-<dataset>``.
        runs: All runs by name.

    Raises:
        ConfigError: If the configuration does not follow the schema or contradicts itself.
    """

    def __init__(self, config: Mapping[str, Any], schema: Mapping[str, Any]) -> None:
        protocols: Any = config.get("protocols", {})
        config = canonical(typed(resolve(config), schema, schema))
        check_schema(config, schema)
        check_references(config)
        for where, tried in varied_losses(config):
            check_schema({**config, "losses": tried}, schema, where)
        self.config = config
        self.schema = schema
        self.name: str = config["study"]["name"]
        self.protocols: dict[str, dict[str, Any]] = {}
        # In one order, whatever that of the files which the configuration was read from.
        for name in sorted(protocols, key=lambda name: (name != "paper", name)):
            settings = resolve({"protocol": name, "protocols": protocols})
            settings = canonical(typed(settings, schema, schema))
            check_schema({**config, **settings}, schema, f"protocols.{name}")
            self.protocols[name] = {section: settings[section] for section in PROTOCOL_SECTIONS}
        losses, figures = config["study"]["losses"], config["figures"]
        self.losses = Losses(
            {name: config["losses"][name]["title"] for name in losses}, **config["study"]["compare"]
        )
        self._digests = {
            name: hashlib.sha256(expanded(config["losses"][name]["file"]).read_bytes()).hexdigest()
            for name in used_losses(config)
            if "file" in config["losses"][name]
        }
        by_dataset = {
            dataset: [
                run
                for loss in losses
                for run in self._repeat(dataset, self.network(dataset), loss, config["study"]["seeds"])
            ]
            for dataset in config["study"]["datasets"]
        }
        table1 = [run for runs in by_dataset.values() for run in runs]
        self.targets: dict[str, list[Run]] = {"table1": table1, "clustering": table1}
        for dataset, runs in by_dataset.items():
            self.targets[f"curves-{dataset}"] = self.targets[f"confusion-{dataset}"] = runs
        self.targets["figure1"] = [self._run(figures["figure1"], "bottom2d", self.losses.baseline)]
        self.targets["figure4"] = [
            self._run(figures["figure4"], "bottom3d", loss) for loss in self.shown("figure4")
        ]
        for figure in ("figure2", "figure5", "figure6"):
            network = self.network(figures[figure]["dataset"])
            self.targets[figure] = [self._run(figures[figure], network, loss) for loss in self.shown(figure)]
        self.targets["figure7"] = self._sweep(figures["figure7"])
        for dataset, runs in by_dataset.items():
            self.targets[f"values-table1-{dataset}"] = runs
        # What these figures show of one seed is tested over several.
        seeds = config["study"]["seeds"][: config["claims"]["seeds"]]
        compared = [loss for loss in losses if loss in config["study"]["compare"].values()]
        for figure, network, shown in (
            ("figure1", "bottom2d", [self.losses.baseline]),
            ("figure4", "bottom3d", compared),
        ):
            dataset = figures[figure]["dataset"]
            self.targets[f"values-{figure}"] = [
                run for loss in shown for run in self._repeat(dataset, network, loss, seeds)
            ]
        self.explained: list[str] = config["explainability"]["datasets"]
        for dataset in self.explained:
            self.targets[f"explained-{dataset}"] = by_dataset[dataset]
        self.targets["tuning"] = [run for runs in self.tuning().values() for _, run in runs]
        self.runs = {run.name: run for runs in self.targets.values() for run in runs}

    def network(self, dataset: str) -> str:
        """The column of Table 2 that Table 1 uses for a dataset."""
        return self.config["study"]["networks"].get(dataset, "top")

    def shown(self, figure: str) -> list[str]:
        """Losses that a figure shows, in the order of the study."""
        losses = self.config["study"]["losses"]
        chosen = self.config["figures"][figure]["losses"] or losses
        if len(chosen) > PANELS:
            compared = set(self.config["study"]["compare"].values())
            # Those that are compared, then the first.
            chosen = sorted(chosen, key=lambda loss: loss not in compared)[:PANELS]
        return [loss for loss in losses if loss in chosen]

    def same_seed(self, run: Run) -> list[Run]:
        """Runs of Table 1 with a run's dataset and seed, one of each loss; of another run itself alone."""
        table1 = self.targets["table1"]
        if run not in table1:
            return [run]
        return [other for other in table1 if (other.dataset, other.seed) == (run.dataset, run.seed)]

    def _repeat(
        self, dataset: str, network: str, loss: str, seeds: Iterable[int], **settings: float
    ) -> list[Run]:
        """Runs that differ in their seed alone; ``settings`` replace those of the loss."""
        entry = self.config["losses"][loss]
        own = entry.get("arguments", {})
        weight, margin = (
            settings.get("weight", entry.get("weight")),
            settings.get("margin", own.get("margin")),
        )
        # Its other arguments are not in a run's name where they are as under `losses`.
        varied = tuple(
            (key, value)
            for key, value in sorted(settings.items())
            if key not in ("weight", "margin") and value != own[key]
        )
        return [Run(dataset, network, loss, weight, margin, seed, varied) for seed in seeds]

    def _run(self, figure: Mapping[str, Any], network: str, loss: str) -> Run:
        return self._repeat(figure["dataset"], network, loss, [figure["seed"]])[0]

    def _sweep(self, figure: Mapping[str, Any]) -> list[Run]:
        """Figure 7: the baseline, and a loss over each of its settings; a point on several axes once."""
        dataset, network = figure["dataset"], self.network(figure["dataset"])
        runs = self._repeat(dataset, network, self.losses.baseline, figure["seeds"])
        for key, values in self.vary.items():
            for value in values:
                runs += self._repeat(dataset, network, self.varied_loss, figure["seeds"], **{key: value})
        return list(dict.fromkeys(runs))

    def loss_digest(self, run: Run) -> str:
        """Eight digits that say what the loss of a run is, if it is of a library or a file; else nothing."""
        settings = self._loss_settings(run)
        if own_losses(settings):
            return ""
        return hashlib.sha256(json.dumps(settings, sort_keys=True).encode()).hexdigest()[:8]

    @cached_property
    def losses_to_try(self) -> dict[tuple[str, str], dict[str, Any]]:
        """Settings, as `settings` has them, of losses of a library or a file, by loss and digest."""
        return {
            (run.loss, digest): self._loss_settings(run)
            for run in self.runs.values()
            if (digest := self.loss_digest(run))
        }

    def _loss_settings(self, run: Run) -> dict[str, Any]:
        return canonical({"loss": run.loss, **self._losses(run)})

    @property
    def loss_files(self) -> list[str]:
        """Files of the user's own losses; not those of an absolute path, which mean nothing elsewhere."""
        entries = (self.config["losses"][loss] for loss in used_losses(self.config))
        paths = [entry["file"] for entry in entries if "file" in entry]
        return [path for path in dict.fromkeys(paths) if not expanded(path).is_absolute()]

    def own_settings(self, loss: str) -> dict[str, Any]:
        """λ, under ``weight``, and arguments of a loss as they are under ``losses``."""
        return own_settings(self.config["losses"][loss])

    def tuning(self) -> dict[str, list[tuple[dict[str, float], Run]]]:
        """For each loss that is tuned its trials: what each sets, with a run of each dataset and seed."""
        study = self.config["study"]
        return {
            loss: [
                (trial, run)
                for values in product(*tried.values())
                for trial in [dict(zip(tried, values, strict=True))]
                for dataset in study["datasets"]
                for run in self._repeat(dataset, self.network(dataset), loss, study["seeds"], **trial)
            ]
            for loss, tried in study["tune"].items()
        }

    @property
    def vary(self) -> dict[str, list[float]]:
        """What Figure 7 varies, λ first."""
        vary = self.config["figures"]["figure7"]["vary"]
        return dict(sorted(vary.items(), key=lambda item: (item[0] != "weight", item[0])))

    @property
    def varied_loss(self) -> str:
        """The loss of Figure 7."""
        return self.config["figures"]["figure7"]["loss"] or self.losses.proposed

    def splits(self, run: Run) -> list[str]:
        """Splits of which an evaluation keeps the features; Figure 1 shows the training images as well."""
        return ["train", "test"] if run in self.targets["figure1"] else ["test"]

    def data(self, dataset: str) -> dict[str, Any]:
        """What determines a dataset's content. Keys of other sources, which an overlay leaves, do not."""
        entry = self.config["datasets"][dataset]
        keys = ("source", *SOURCES[entry["source"]], "size")
        data = {key: entry[key] for key in keys if key in entry}
        if validation := self.config["study"]["validation"]:
            data["validation"] = validation
        if "path" in data:
            data["path"] = str(expanded(data["path"]))
        return data

    def data_name(self, dataset: str) -> str:
        """What the files of a dataset are called: its name, and a digest of what determines its content."""
        digest = hashlib.sha256(json.dumps(self.data(dataset), sort_keys=True).encode()).hexdigest()
        return f"{dataset}-{digest[:8]}"

    @property
    def titles(self) -> dict[str, str]:
        """What tables and figures call each dataset of the study."""
        entries = self.config["datasets"]
        names = self.config["study"]["datasets"]
        suffix = ", validation" if self.config["study"]["validation"] else ""
        return {name: title_of(name, entries[name]) + suffix for name in names}

    @property
    def changed(self) -> list[str]:
        """Settings with which the study departs from its protocol, the keys joined by dots."""
        rows = compare(
            self.schema, {"protocol": self.protocols[self.config["protocol"]], "study": self.config}
        )
        names = [row["setting"] for row in rows if row["study"] != row["protocol"]]
        if self.config["study"]["validation"]:
            names.append("study.validation")
        if "training.checkpoint_every" in names:  # changes no result
            names.remove("training.checkpoint_every")
        for dataset in self.config["study"]["datasets"]:
            if self.network(dataset) != "top":
                names.append(f"study.networks.{dataset}")
            if "size" in self.data(dataset):
                names.append(f"datasets.{dataset}.size")
        return names

    @property
    def full_scale(self) -> bool:
        """Whether networks are as wide as the paper's at least, trainings as long, and the data is whole."""
        smaller = ("study.validation", ".size")
        ours, paper = self.config, self.protocols["paper"]
        return not any(name.endswith(smaller) for name in self.changed) and all(
            _width(ours["network"], column) >= _width(paper["network"], column)
            and ours["training"]["schedule"][column]["epochs"] >= schedule["epochs"]
            for column, schedule in paper["training"]["schedule"].items()
        )

    @property
    def own_datasets(self) -> list[str]:
        """Datasets of the study that are made of the user's files."""
        return [name for name in self.config["study"]["datasets"] if "path" in self.data(name)]

    def kinds(self) -> list[tuple[dict[str, Any], int]]:
        """Settings of one run of each dataset, network and loss, its data, and how many such runs."""
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
        return sum(self.work(run) for run in self.runs.values() if run.network == "top")

    def work(self, run: Run) -> float:
        """Epochs of a run, times the work of its network as a share of that of Table 2's top."""
        architecture = self.architecture(run.network)
        width = architecture["width_multiplier"] * architecture["widths"][0][0] / TOP_WIDTH
        return self.config["training"]["schedule"][parse_network(run.network)[0]]["epochs"] * width**2

    def minutes(self, run: Run, data_mb: float) -> int:
        """Minutes that a cluster is asked for to train a run, reckoned for a modest GPU.

        Args:
            run: The run.
            data_mb: Size of its dataset's file in MB; of its bytes a pixel takes one to three.
        """
        return 10 + ceil(self.work(run) * data_mb / MB_A_MINUTE)

    def architecture(self, network: str) -> dict[str, Any]:
        """Settings of `amc_loss.training.networks.ConvNet` for a network's name."""
        column, _ = parse_network(network)
        settings = self.config["network"]
        return {**settings, **{key: settings[key][column] for key in ("widths", "width_multiplier")}}

    def settings(self, run: Run) -> dict[str, Any]:
        """All that determines a training besides the data's content, as plain Python objects."""
        training = dict(self.config["training"])
        del training["checkpoint_every"]  # changes no result
        settings = {
            **{key: value for key, value in asdict(run).items() if key not in ("margin", "varied")},
            "architecture": self.architecture(run.network),
            **(losses := self._losses(run)),
            **training.pop("schedule")[parse_network(run.network)[0]],
            **training,
        }
        if losses["classification_loss"]:
            settings["architecture"]["cosine"] = True
        return canonical(settings)

    def _losses(self, run: Run) -> dict[str, Any]:
        """Its auxiliary loss, w(t), and the loss in place of cross-entropy; None where there is none."""
        entry = self.config["losses"][run.loss]
        none = {"auxiliary_loss": None, "auxiliary_schedule": None, "classification_loss": None}
        if "class" not in entry:
            return none
        settings = {**none, "learning_rate_factor": entry.get("learning_rate_factor", 1)}
        loss = self._loss(run.loss)
        changed = {"margin": run.margin, **dict(run.varied)}
        loss["arguments"] |= {key: value for key, value in changed.items() if key in loss["arguments"]}
        if entry.get("replaces_cross_entropy", False):
            return settings | {"classification_loss": loss}
        if "classification" in entry:
            settings["classification_loss"] = self._loss(entry["classification"])
        shared = self.config["contrastive"]
        schedule = {key: shared[f"w_{key}"] for key in ("maximum", "first_epoch", "ramps_down")}
        return settings | {"auxiliary_loss": loss, "auxiliary_schedule": schedule}

    def _loss(self, name: str) -> dict[str, Any]:
        """What a loss is built from."""
        entry = self.config["losses"][name]
        keys = ("class", "library", "distance", "reducer", "miner")
        loss = {key: entry[key] for key in keys if key in entry}
        loss["arguments"] = dict(entry.get("arguments", {}))
        if "file" in entry:
            loss |= {"file": str(expanded(entry["file"])), "sha256": self._digests[name]}
        elif "library" not in entry and entry["class"] in CONTRASTIVE:
            shared = {key: self.config["contrastive"][key] for key in ("pairs", "neighbours", "reduction")}
            loss["arguments"] = {**shared, **loss["arguments"]}
            loss["arguments"]["neighbours"] = loss["arguments"]["neighbours"].removesuffix("_labels")
        return loss


def _width(network: Mapping[str, Any], column: str) -> float:
    """Maps of all layers of a column of Table 2."""
    return float(sum(map(sum, network["widths"][column])) * network["width_multiplier"][column])
