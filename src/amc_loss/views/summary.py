"""The front page of the report: what a study was and what came of it, in a few lines."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

import numpy as np
import pandas as pd

from amc_loss.measures.significance import LEVEL
from amc_loss.study.names import Losses
from amc_loss.views.markup import escaped
from amc_loss.views.text import format_p_value

SHA = r"^(\w{8})\w*"  # after which may stand "-dirty"


def summary(
    name: str,
    protocol: str,
    changed: Sequence[str],
    runs: pd.DataFrame,
    table1: pd.DataFrame,
    clustering: pd.DataFrame,
    titles: Mapping[str, str],
    losses: Losses,
    in_both_splits: Mapping[str, int],
    claims: str,
) -> str:
    """What was run, on what, and what held of the paper's findings.

    Args:
        name: The study's name.
        protocol: The protocol's name.
        changed: Settings that are not those of the protocol.
        runs: As `amc_loss.measures.aggregates.trainings` gives them.
        table1: As `amc_loss.measures.aggregates.table1` gives it.
        clustering: As `amc_loss.measures.aggregates.clustering` gives it.
        titles: What each dataset is called.
        losses: Those of the study.
        in_both_splits: Of each dataset the test images that are among the training images as well.
        claims: What `amc_loss.views.claims.sentence` says.

    Returns:
        A list of six items that is both Markdown and reStructuredText; of seven if there are such images.
    """
    name, protocol = escaped(name), escaped(protocol)
    titles = {dataset: escaped(title) for dataset, title in titles.items()}
    losses = replace(losses, titles={loss: escaped(title) for loss, title in losses.titles.items()})
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
        "Study": f"{name}, of {_list(titles.values())} under {len(losses.titles)} losses with {seeds} "
        f"seed{'s' if seeds > 1 else ''} each; protocol {protocol}"
        f"{f', except {_list(changed)}' if changed else ''}",
        "Training runs": f"{in_table} for Table 1 and {len(runs) - in_table} more for the figures, "
        f"on {_list(runs['device'].unique())}; {took} in all; {', '.join(versions)}",
        "Accuracy": _gains(table1, titles, losses),
        "Clustering": _clustering(clustering, titles, losses),
        "The paper": _verdict(table1, titles, losses),
        "Claims": claims,
    }
    if shared := {name: count for name, count in in_both_splits.items() if count}:
        counts = [f"{count:,} on {titles[name]}" for name, count in shared.items()]
        lines["Data"] = f"test images that are among the training images as well: {_list(counts)}"
    return "".join(f"- **{key}:** {text}.\n" for key, text in lines.items())


def _gains(table1: pd.DataFrame, titles: Mapping[str, str], losses: Losses) -> str:
    """What the proposed loss gains over the reference on each dataset."""
    gains, p_values = _against_reference(table1, losses)
    texts = [
        f"{gains[name]:+.2f} on {title} ({f'p {_p(p_values[name])}' if name in p_values else 'no test'})"
        for name, title in titles.items()
    ]
    proposed, reference = (losses.titles[name] for name in (losses.proposed, losses.reference))
    return f"{proposed} against {reference}, in percentage points: {_list(texts)}"


def _clustering(clustering: pd.DataFrame, titles: Mapping[str, str], losses: Losses) -> str:
    """Where homogeneity and completeness are highest under the proposed loss (section 4.1)."""
    texts, proposed = [], losses.titles[losses.proposed]
    for metric in ("homogeneity", "completeness"):
        # As Table "clustering" prints them; a tie is not the highest.
        means = clustering.pivot(index="dataset", columns="loss", values=f"{metric}_mean").round(4)
        ahead = means[losses.proposed] > means.drop(columns=losses.proposed).max(axis=1)
        best = [title for name, title in titles.items() if ahead[name]]
        texts.append(f"{metric} is highest under {proposed} on {_list(best) or 'no dataset'}")
    return "; ".join(texts)


def _verdict(table1: pd.DataFrame, titles: Mapping[str, str], losses: Losses) -> str:
    """Where the outcome of section 4.2 was found again, and how far our means are from the paper's."""
    ours, theirs = _against_reference(table1, losses), _against_reference(table1, losses, "paper_")
    outcomes: dict[str, list[str]] = {"was found": [], "was not found": [], "was not tested": []}
    unknown = []
    for name, title in titles.items():
        if name not in theirs[1]:
            unknown.append(title)
        elif name not in ours[1]:
            outcomes["was not tested"].append(title)
        else:
            # Better, worse, or no different.
            found = [
                np.sign(gains[name]) if p_values[name] < LEVEL else 0 for gains, p_values in (ours, theirs)
            ]
            outcomes["was found" if found[0] == found[1] else "was not found"].append(title)
    texts = []
    proposed, reference = (losses.titles[name] for name in (losses.proposed, losses.reference))
    if any(outcomes.values()):
        verdicts = [f"{outcome} on {_list(names)}" for outcome, names in outcomes.items() if names]
        outcome = f"{proposed} against {reference} (better or worse with p < {LEVEL}, else no different)"
        texts.append(f"the same outcome of {outcome} {_list(verdicts)}")
        off = (table1["mean"] - table1["paper_mean"]).dropna()
        texts.append(
            f"our mean accuracies are {off.min():+.2f} to {off.max():+.2f} percentage points from its own"
        )
    if unknown:
        texts.append(f"it has no test of {proposed} against {reference} on {_list(unknown)}")
    return "; ".join(texts)


def _against_reference(table1: pd.DataFrame, losses: Losses, prefix: str = "") -> tuple[pd.Series, pd.Series]:
    """By dataset the proposed loss's mean minus the reference's, and the p-value, where there are such."""
    by_loss = table1.pivot(index="dataset", columns="loss")
    means = by_loss[f"{prefix}mean"]
    gains = means[losses.proposed] - means[losses.reference]
    return gains.dropna(), by_loss[f"{prefix}p_value"][losses.proposed].dropna()


def _p(value: float) -> str:
    """A p-value with its sign of relation."""
    text = format_p_value(value)
    return text if text.startswith("<") else f"= {text}"


def _list(items: Iterable[str]) -> str:
    """Words with commas, and "and" before the last."""
    *first, last = [*items] or [""]
    return f"{', '.join(first)} and {last}" if first else last
