"""The settings of protocols side by side, each with where the paper has it or how it was read."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from amc_loss.study.configuration import PROTOCOL_SECTIONS, resolved_schema

BOUNDS = {
    "minimum": "≥",
    "exclusiveMinimum": ">",
    "maximum": "≤",
    "exclusiveMaximum": "<",
    "multipleOf": "multiple of",
}


def compare(schema: Mapping[str, Any], protocols: Mapping[str, Mapping[str, Any]]) -> list[dict[str, str]]:
    """A row for each setting that a protocol makes.

    Args:
        schema: The configuration's schema.
        protocols: For each column's heading the settings, by section.

    Returns:
        Rows with keys ``setting``, ``meaning``, the headings, and ``source``.
    """
    rows = []
    for key, leaf in _leaves(schema, schema):
        # A title changes no result; losses that the paper has not are in none of its protocols.
        if key[0] in PROTOCOL_SECTIONS and key[-1] != "title" and "properties" not in leaf:
            values = {name: _text(_get(settings, key)) for name, settings in protocols.items()}
            row = {"setting": ".".join(key), "meaning": leaf["description"], **values}
            rows.append({**row, "source": leaf.get("source", "")})
    return rows


def readings(schema: Mapping[str, Any], config: Mapping[str, Any]) -> list[dict[str, str]]:
    """A row for each other setting whose place in the paper, or reading, the schema tells.

    Args:
        schema: The configuration's schema.
        config: The configuration.

    Returns:
        Rows with keys ``setting``, ``meaning``, ``value`` and ``source``.
    """
    return [
        {
            "setting": ".".join(key),
            "meaning": leaf["description"],
            "value": _text(_get(config, key)),
            "source": leaf["source"],
        }
        for key, leaf in _leaves(schema, schema)
        if key[0] not in PROTOCOL_SECTIONS and "source" in leaf
    ]


def settings(schema: Mapping[str, Any], config: Mapping[str, Any]) -> list[dict[str, str]]:
    """A row for each setting: what it means, what it may be and what it is.

    Args:
        schema: The configuration's schema.
        config: The configuration.

    Returns:
        Rows with keys ``setting``, ``meaning``, ``allowed`` and ``default``, which is empty for what is
        set by name, as for one dataset.
    """
    rows = []
    for key, leaf in _leaves(schema, schema):
        if isinstance(named := leaf.get("additionalProperties"), Mapping):
            inner = [(key, leaf, "") for key, leaf in _leaves(named, schema, (*key, "<name>"))]
        else:
            inner = [(key, leaf, _text(_get(config, key)))]
        for setting, meaning, default in inner:
            row = {"setting": ".".join(setting), "meaning": meaning["description"]}
            rows.append({**row, "allowed": _allowed(meaning, schema), "default": default})
    return rows


def _allowed(leaf: Mapping[str, Any], root: Mapping[str, Any]) -> str:
    leaf = resolved_schema(leaf, root)
    if "enum" in leaf:
        return ", ".join(map(_text, leaf["enum"]))
    kinds = leaf["type"] if isinstance(leaf["type"], list) else [leaf["type"]]
    if "items" in leaf and kinds == ["array"]:
        return f"list of {_allowed(leaf['items'], root)}"
    bounds = [f"{sign} {_text(leaf[bound])}" for bound, sign in BOUNDS.items() if bound in leaf]
    return ", ".join([" or ".join(kinds), *bounds])


def _leaves(
    schema: Mapping[str, Any], root: Mapping[str, Any], key: tuple[str, ...] = ()
) -> Iterator[tuple[tuple[str, ...], Mapping[str, Any]]]:
    schema = resolved_schema(schema, root)
    named = isinstance(schema.get("additionalProperties"), Mapping)
    if "properties" not in schema or (named and len(key) == 1):
        yield key, schema
    for name, child in schema.get("properties", {}).items():
        yield from _leaves(child, root, (*key, name))


def _get(settings: Any, key: tuple[str, ...]) -> Any:
    for part in key:
        settings = settings[part]
    return settings


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
