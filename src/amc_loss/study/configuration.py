"""The configuration in one spelling, with its protocol filled in, and checked.

Imports nothing heavy: Snakemake reads this module whenever it parses the workflow.
"""

import difflib
import json
import math
import os
import re
import unicodedata
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from amc_loss.study.names import PROTOCOL_COLUMNS

if TYPE_CHECKING:
    from jsonschema import ValidationError

# What a protocol sets, and a study may set otherwise.
PROTOCOL_SECTIONS = ("losses", "contrastive", "network", "training", "evaluation", "grad_cam")
NUMBER = r"[-+]?(\d+(\.\d*)?|\.\d+)([eE][-+]?\d+)?"
# Losses that the workflow's own configuration compares, and a study may not have.
DEFAULT_ROLES = {"proposed": "amc", "reference": "euclidean", "baseline": "cross_entropy"}
PATH = re.compile(r"\.(path|archives|file|mirrors\.\d+)$")  # keys of paths and addresses
# What a figure shows of one dataset, and another has not; null has it chosen.
OF_A_DATASET = {"figure1": ("classes",), "figure2": ("class", "image"), "figure6": ("classes",)}


class ConfigError(ValueError):
    """A configuration that cannot be run; the message names the key and what is allowed."""


def overlaid(own: Mapping[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
    """The workflow's own configuration with the user's over it.

    Mappings are merged key by key, lists are replaced. A figure of which the user does not say what it shows
    shows what the study has: of datasets and seeds the first, in place of those that are not in the study; of
    another dataset than the workflow's own configuration has there, classes and an image that are chosen, the
    latter also where validation images take the place of the test split. In place of compared losses that are
    not in the study the last is proposed, the last but one its reference and the first the baseline, where
    these have no role yet. Of what Figure 7 varies there stays what its loss has. Of datasets whose
    explanations are measured there stay those of the study, or else its first.

    Args:
        own: The workflow's configuration, which is a whole and valid one.
        given: The user's, which is not checked yet.
    """
    merged: dict[str, Any] = merge(own, given)
    study, figures = merged["study"], merged["figures"]
    if not (isinstance(study, Mapping) and isinstance(figures, Mapping)):
        return merged
    merged["study"] = study = _with_roles(study)
    figures = merged["figures"] = dict(figures)
    datasets, seeds = (as_list(study.get(key)) for key in ("datasets", "seeds"))
    said = given.get("figures")
    for name, before in own["figures"].items():
        figure = figures[name]
        if not isinstance(figure, Mapping) or not datasets or not seeds:
            continue
        of_user = said.get(name, {}) if isinstance(said, Mapping) else {}
        chosen: dict[str, Any] = {}
        if figure["dataset"] not in datasets:
            chosen["dataset"] = datasets[0]
        if {**figure, **chosen}["dataset"] != before["dataset"]:
            chosen |= dict.fromkeys(OF_A_DATASET.get(name, ()))
        # The number is of the test split, in whose place validation images are.
        if name == "figure2" and str(study.get("validation") or 0) != "0":
            chosen["image"] = None
        for key, several in (("seed", False), ("seeds", True)):
            # On the command line numbers are text.
            if not set(map(str, as_list(before.get(key, [])))) <= set(map(str, seeds)):
                chosen[key] = seeds[: len(before[key])] if several else seeds[0]
        figures[name] = {**figure, **{key: chosen[key] for key in chosen if key not in of_user}}
    explained = given.get("explainability", {})
    if datasets and isinstance(explained, Mapping) and "datasets" not in explained:
        there = [name for name in own["explainability"]["datasets"] if name in datasets]
        merged["explainability"] = {**merged["explainability"], "datasets": there or datasets[:1]}
    of_user = said.get("figure7", {}) if isinstance(said, Mapping) else {}
    if isinstance(figures["figure7"], Mapping):
        # What is varied is one whole: settings of another loss do not stay beside it.
        before = own["figures"]["figure7"]["vary"]
        vary = of_user.get("vary", before) if isinstance(of_user, Mapping) else before
        if isinstance(vary, Mapping):
            vary = _what_it_has(vary, before, merged)
        figures["figure7"] = {**figures["figure7"], "vary": vary}
    return merged


def _with_roles(study: Mapping[str, Any]) -> Mapping[str, Any]:
    """A study whose compared losses are in it, where it has two or more."""
    losses, roles = study.get("losses"), study.get("compare")
    if not (isinstance(losses, list) and isinstance(roles, Mapping)):
        return study
    if all(loss == losses[0] for loss in losses):  # of one that is listed twice the schema tells
        return study
    chosen = dict(roles)
    missing = [
        role
        for role in DEFAULT_ROLES
        if (loss := roles.get(role)) in DEFAULT_ROLES.values() and loss not in losses
    ]
    if "proposed" in missing:
        others = [loss for loss in losses if loss != roles.get("baseline")]
        chosen["proposed"] = ([loss for loss in others if loss != roles.get("reference")] or others)[-1]
    # Of two losses one is both; none is compared with itself.
    others = [loss for loss in losses if loss != chosen.get("proposed")]
    if "reference" in missing or (missing and chosen.get("reference") == chosen.get("proposed")):
        chosen["reference"] = ([loss for loss in others if loss != roles.get("baseline")] or others)[-1]
    if "baseline" in missing:
        chosen["baseline"] = others[0]
    return {**study, "compare": chosen}


def _what_it_has(
    vary: Mapping[str, Any], before: Mapping[str, Any], config: Mapping[str, Any]
) -> Mapping[str, Any]:
    """What Figure 7 varies, without that of the workflow's own configuration that its loss has not."""
    losses, roles = config.get("losses", {}), config["study"].get("compare")
    proposed = roles.get("proposed") if isinstance(roles, Mapping) else None
    name = config["figures"]["figure7"].get("loss") or proposed
    entry = losses.get(name) if isinstance(losses, Mapping) and isinstance(name, str) else None
    # Those of the protocols have all of it.
    if not isinstance(entry, Mapping) or "class" not in entry:
        return vary
    arguments = entry.get("arguments")
    has = {"weight": entry.get("weight"), **(arguments if isinstance(arguments, Mapping) else {})}
    return {
        key: values for key, values in vary.items() if has.get(key) is not None or key not in before
    } or vary


def resolve(config: Mapping[str, Any]) -> dict[str, Any]:
    """The configuration with its protocol's settings in place of ``protocols``.

    A setting is taken from the configuration itself, or else from the protocol it names, or else from the
    protocol ``paper``. Mappings are merged key by key, lists are replaced.

    Raises:
        ConfigError: If there is no such protocol, or a protocol sets what no protocol sets.
    """
    resolved = dict(config)
    if "protocols" not in resolved:
        return resolved
    protocols = resolved.pop("protocols")
    if not isinstance(protocols, Mapping) or "paper" not in protocols:
        raise ConfigError("'protocols' must be a mapping that has 'paper'")
    name = resolved.get("protocol")
    if not isinstance(name, str) or name not in protocols:
        known = ", ".join(map(str, protocols))
        raise ConfigError(f"'protocol' is {name!r}; defined under 'protocols' are {known}")
    for protocol, sections in protocols.items():
        if (
            not isinstance(protocol, str)
            or not re.fullmatch(r"\w+", protocol)
            or protocol in PROTOCOL_COLUMNS
        ):
            raise ConfigError(
                f"'protocols' has the name {protocol!r}; it must be of letters, digits and underscores, "
                f"and not one of {', '.join(PROTOCOL_COLUMNS)}"
            )
        if not isinstance(sections, Mapping):
            raise ConfigError(f"'protocols.{protocol}' must be a mapping, not {json.dumps(sections)}")
        unknown = [section for section in sections if section not in PROTOCOL_SECTIONS]
        if unknown:
            raise ConfigError(
                f"unknown key 'protocols.{protocol}.{unknown[0]}' in the configuration: allowed here: "
                f"{', '.join(PROTOCOL_SECTIONS)}"
            )
        for section, settings in sections.items():
            if not isinstance(settings, Mapping):
                raise ConfigError(
                    f"'protocols.{protocol}.{section}' must be a mapping, not {json.dumps(settings)}"
                )
    merged: Any = {}
    for layer in (protocols["paper"], protocols[name], resolved):
        merged = merge(merged, layer)
    return merged


def merge(base: Any, over: Any) -> Any:
    """Settings with others over them: mappings are merged key by key, all else is replaced."""
    if not (isinstance(base, Mapping) and isinstance(over, Mapping)):
        return over
    return {**base, **{key: merge(base[key], over[key]) if key in base else over[key] for key in over}}


def resolved_schema(schema: Mapping[str, Any], root: Mapping[str, Any]) -> Mapping[str, Any]:
    """A part of a schema with what its ``$ref`` leads to.

    Args:
        schema: The part.
        root: The whole schema.
    """
    if "$ref" not in schema:
        return schema
    return {**root["$defs"][schema["$ref"].removeprefix("#/$defs/")], **schema}


def typed(value: Any, schema: Mapping[str, Any], root: Mapping[str, Any]) -> Any:
    """The same value with numbers, truth values and null where the schema wants them and text stands for it.

    Snakemake passes what is nested in ``--config`` as text, as in ``--config 'study={seeds: [42]}'``, and
    YAML reads 1e-8 as text.

    Args:
        value: A part of the configuration.
        schema: What the schema says of it.
        root: The whole schema.
    """
    schema = resolved_schema(schema, root)
    if isinstance(value, Mapping):
        named, others = schema.get("properties", {}), schema.get("additionalProperties")
        others = others if isinstance(others, Mapping) else {}
        return {key: typed(item, named.get(key, others), root) for key, item in value.items()}
    if isinstance(value, list):
        return [typed(item, schema.get("items", {}), root) for item in value]
    kinds = schema.get("type", [])
    kinds = kinds if isinstance(kinds, list) else [kinds]
    # An argument of a loss may be either: a number is one however it was given.
    if isinstance(value, str) and ("string" not in kinds or "number" in kinds):
        words: dict[str, dict[str, Any]] = {
            "boolean": {"true": True, "false": False},
            "null": {"null": None},
        }
        for kind in kinds:
            if kind in words and value in words[kind]:
                return words[kind][value]
            if kind in ("integer", "number") and re.fullmatch(NUMBER, value):
                return float(value) if re.search("[.eE]", value) else int(value)
    return value


def canonical(value: Any, where: str = "") -> Any:
    """The same value however it was written: ``1.0`` is ``1``, and the order of keys is no matter.

    Nor is how an accent is encoded, but in a path or an address, of which it is a part.
    """
    if isinstance(value, Mapping):
        return {
            str(key): canonical(value[key], f"{where}.{key}".strip(".")) for key in sorted(value, key=str)
        }
    if isinstance(value, list | tuple):
        return [canonical(item, f"{where}.{number}") for number, item in enumerate(value)]
    if isinstance(value, float):
        if not math.isfinite(value):
            raise ConfigError(f"'{where}' must be a finite number, not {value}")
        return int(value) if value.is_integer() else value
    if isinstance(value, str) and not PATH.search(where):
        return unicodedata.normalize("NFC", value)
    return value


def check_schema(config: Mapping[str, Any], schema: Mapping[str, Any], where: str = "") -> None:
    """Raise `ConfigError` unless the configuration, its protocol filled in, follows the JSON schema.

    Args:
        config: The configuration.
        schema: The schema.
        where: What the error begins with, for a configuration that is not the chosen one.
    """
    try:
        from jsonschema import Draft202012Validator
        from jsonschema.exceptions import best_match, by_relevance
    except ImportError:  # where runs are trained without Snakemake, which brings it
        warnings.warn("without the package jsonschema the configuration is not checked", stacklevel=2)
        return
    # A misspelt key comes before the key that is missing for it.
    relevance = by_relevance(strong=frozenset({"additionalProperties"}))
    error = best_match(Draft202012Validator(schema).iter_errors(config), relevance)
    if error is not None:
        raise ConfigError(f"{where}: {_sentence(error)}" if where else _sentence(error))


def expanded(path: str) -> Path:
    """A path with the home folder in place of ``~``; as it is where nobody has the name after that."""
    # Path.expanduser would raise an error there.
    return Path(os.path.expanduser(path))


def did_you_mean(name: str, allowed: Sequence[str]) -> str:
    """A question with the name that is most like a wrong one; nothing where none is."""
    close = difflib.get_close_matches(name, allowed, n=1)
    return f"did you mean {close[0]!r}? " if close else ""


def _sentence(error: "ValidationError") -> str:
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
            hint = did_you_mean(str(unknown), allowed)
            key = f"{where}.{unknown}" if where else unknown
            if where.startswith("losses.") and not hint:
                hint = "an argument of its class goes under 'arguments'; "
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
            return f"'{where}' must be {wanted}, not {value}"
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


def as_list(value: Any) -> list[Any]:
    """A list as it is, anything else as the one thing in a list."""
    return value if isinstance(value, list) else [value]
