"""The losses of a study with settings that were chosen, beside those that they had."""

from collections.abc import Mapping, Sequence
from typing import Any


def tuned(
    losses: Sequence[str], entries: Mapping[str, Mapping[str, Any]], chosen: Mapping[str, Mapping[str, float]]
) -> dict[str, Any]:
    """A configuration in which each loss that was tuned has a second row, ``<loss>_tuned``.

    Args:
        losses: The study's, in order.
        entries: What the configuration says of each.
        chosen: For each loss that was tuned its settings: ``weight``, or arguments by name.
    """
    names, rows = [], {}
    for loss in losses:
        names.append(loss)
        if loss not in chosen:
            continue
        row = with_settings(entries[loss], chosen[loss])
        names.append(f"{loss}_tuned")
        rows[f"{loss}_tuned"] = row | {"title": f"{row['title']}, tuned"}
    return {"study": {"losses": names}, "losses": rows}


def own_settings(entry: Mapping[str, Any]) -> dict[str, Any]:
    """λ, under ``weight``, and arguments of a loss as the configuration has them.

    Args:
        entry: What it says of the loss.
    """
    weight = {"weight": entry["weight"]} if "weight" in entry else {}
    return weight | entry.get("arguments", {})


def with_settings(entry: Mapping[str, Any], settings: Mapping[str, float]) -> dict[str, Any]:
    """What the configuration says of a loss, with other settings.

    Args:
        entry: What it says of it.
        settings: ``weight``, which is λ, or arguments by name.
    """
    changed, arguments = dict(entry), dict(settings)
    if "weight" in arguments:
        changed["weight"] = arguments.pop("weight")
    if arguments:
        changed["arguments"] = {**entry.get("arguments", {}), **arguments}
    return changed
