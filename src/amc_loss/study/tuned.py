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
        entry, settings = entries[loss], dict(chosen[loss])
        row = {**entry, "title": f"{entry['title']}, tuned"}
        if "weight" in settings:
            row["weight"] = settings.pop("weight")
        if settings:
            row["arguments"] = {**entry.get("arguments", {}), **settings}
        names.append(f"{loss}_tuned")
        rows[f"{loss}_tuned"] = row
    return {"study": {"losses": names}, "losses": rows}
