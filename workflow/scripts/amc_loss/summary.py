"""What a study was and what came of it, in five lines; and what its trainings took."""

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from amc_loss.comparisons import LEVEL
from amc_loss.statistics import format_p_value
from amc_loss.tables import escaped

SHA = r"^(\w{8})\w*"  # after which may stand "-dirty"


def trainings(provenances: Iterable[str | Path], histories: Iterable[str | Path]) -> pd.DataFrame:
    """One row a training from its ``provenance.json`` and ``history.csv``.

    Returns:
        Columns dataset, network, loss, device, threads, torch (its version), commit, epochs, seconds (of all
        epochs, without what is between them) and seconds_per_epoch (median).
    """
    rows = []
    for provenance, history in zip(provenances, histories, strict=True):
        record = json.loads(Path(provenance).read_text())
        seconds = pd.read_csv(history)["seconds"]
        rows.append(
            {
                **{key: record["settings"][key] for key in ("dataset", "network", "loss")},
                **{key: record[key] for key in ("device", "threads", "commit")},
                "torch": record["versions"]["torch"],
                "epochs": len(seconds),
                "seconds": seconds.sum(),
                "seconds_per_epoch": seconds.median(),
            }
        )
    return pd.DataFrame(rows)


def run_times(runs: pd.DataFrame) -> pd.DataFrame:
    """What each kind of training took.

    Args:
        runs: As `trainings` gives them.

    Returns:
        Columns dataset, network, loss, device, threads, n, epochs, seconds_per_epoch (median of the runs) and
        hours (of all runs together).
    """
    kinds = runs.groupby(["dataset", "network", "loss", "device", "threads"], sort=False)
    table = kinds.agg(
        n=("seconds", "size"),
        epochs=("epochs", "max"),
        seconds_per_epoch=("seconds_per_epoch", "median"),
        hours=("seconds", "sum"),
    )
    return table.assign(hours=table["hours"] / 3600).reset_index()


def summary(
    name: str,
    protocol: str,
    changed: Sequence[str],
    runs: pd.DataFrame,
    table1: pd.DataFrame,
    clustering: pd.DataFrame,
    titles: Mapping[str, str],
) -> str:
    """What was run, on what, and what held of the paper's findings.

    Args:
        name: The study's name.
        protocol: The protocol's name.
        changed: Settings that are not those of the protocol.
        runs: As `trainings` gives them.
        table1: As `amc_loss.statistics.table1` gives it.
        clustering: As `amc_loss.statistics.clustering` gives it.
        titles: What each dataset is called.

    Returns:
        A list of five items that is both Markdown and reStructuredText.
    """
    name, protocol = escaped(name), escaped(protocol)
    titles = {dataset: escaped(title) for dataset, title in titles.items()}
    # Two levels of the keys, so that a schedule's epochs and ramps are named once.
    changed = list(dict.fromkeys(".".join(key.split(".")[:2]) for key in changed))
    seeds, in_table = table1["n"].max(), table1["n"].sum()
    minutes = runs["seconds"].sum() / 60
    took = f"{minutes / 60:.1f} hours" if minutes >= 60 else f"{minutes:.1f} minutes"
    versions = [f"torch {version}" for version in runs["torch"].unique()]
    versions += [
        f"commit {commit}" for commit in runs["commit"].dropna().str.replace(SHA, r"\1", regex=True).unique()
    ]
    lines = {
        "Study": f"{name}, of {_list(titles.values())} under three losses with {seeds} "
        f"seed{'s' if seeds > 1 else ''} each; protocol {protocol}"
        f"{f', except {_list(changed)}' if changed else ''}",
        "Training runs": f"{in_table} for Table 1 and {len(runs) - in_table} more for the figures, "
        f"on {_list(runs['device'].unique())}; {took} in all; {', '.join(versions)}",
        "Accuracy": _gains(table1, titles),
        "Clustering": _clustering(clustering, titles),
        "The paper": _verdict(table1, titles),
    }
    return "".join(f"- **{key}:** {text}.\n" for key, text in lines.items())


def _gains(table1: pd.DataFrame, titles: Mapping[str, str]) -> str:
    """What + AMC-Loss gains over + Euclid on each dataset."""
    gains, p_values = _against_euclid(table1)
    texts = [
        f"{gains[name]:+.2f} on {title} ({f'p {_p(p_values[name])}' if name in p_values else 'no test'})"
        for name, title in titles.items()
    ]
    return f"+ AMC-Loss against + Euclid, in percentage points: {_list(texts)}"


def _clustering(clustering: pd.DataFrame, titles: Mapping[str, str]) -> str:
    """Where homogeneity and completeness are highest under + AMC-Loss (section 4.1)."""
    texts = []
    for metric in ("homogeneity", "completeness"):
        means = clustering.pivot(index="dataset", columns="loss", values=f"{metric}_mean")
        best = [title for name, title in titles.items() if means.loc[name].idxmax() == "amc"]
        texts.append(f"{metric} is highest under + AMC-Loss on {_list(best) or 'no dataset'}")
    return "; ".join(texts)


def _verdict(table1: pd.DataFrame, titles: Mapping[str, str]) -> str:
    """Where the finding of section 4.2 held, and how far our means are from those of the paper's Table 1."""
    ours, theirs = _against_euclid(table1), _against_euclid(table1, "paper_")
    outcomes: dict[str, list[str]] = {"holds": [], "does not hold": [], "was not tested": []}
    unknown = []
    for name, title in titles.items():
        if name not in theirs[0]:
            unknown.append(title)
        elif name not in ours[1]:
            outcomes["was not tested"].append(title)
        else:
            # Better, worse, or no different.
            found = [
                np.sign(gains[name]) if p_values[name] < LEVEL else 0 for gains, p_values in (ours, theirs)
            ]
            outcomes["holds" if found[0] == found[1] else "does not hold"].append(title)
    texts = []
    if any(outcomes.values()):
        verdicts = [f"{outcome} on {_list(names)}" for outcome, names in outcomes.items() if names]
        finding = f"+ AMC-Loss is better than + Euclid, or no different (p ≥ {LEVEL})"
        texts.append(f"its finding that {finding}, {_list(verdicts)}")
        off = (table1["mean"] - table1["paper_mean"]).dropna()
        texts.append(
            f"our mean accuracies are {off.min():+.2f} to {off.max():+.2f} percentage points from its own"
        )
    if unknown:
        texts.append(f"it has no numbers for {_list(unknown)}")
    return "; ".join(texts)


def _against_euclid(table1: pd.DataFrame, prefix: str = "") -> tuple[pd.Series, pd.Series]:
    """By dataset the mean of + AMC-Loss less that of + Euclid, and the p-value, where there are such."""
    by_loss = table1.pivot(index="dataset", columns="loss")
    means = by_loss[f"{prefix}mean"]
    return (means["amc"] - means["euclidean"]).dropna(), by_loss[f"{prefix}p_value"]["amc"].dropna()


def _p(value: float) -> str:
    """A p-value with its sign of relation."""
    text = format_p_value(value)
    return text if text.startswith("<") else f"= {text}"


def _list(items: Iterable[str]) -> str:
    """Words with commas, and "and" before the last."""
    *first, last = [*items] or [""]
    return f"{', '.join(first)} and {last}" if first else last
