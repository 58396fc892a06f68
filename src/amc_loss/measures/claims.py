"""The ledger: the paper's claims against a study's values."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import pandas as pd

from amc_loss.measures.evidence import Evidence
from amc_loss.measures.rules import (
    HOLDS,
    MIXED,
    RULES,
    UNDECIDED,
    UNTESTED,
    VERDICTS,
    WEAKEST,
    Part,
    untested,
)

COLUMNS = [
    *("claim", "kind", "section", "statement", "quote", "runs", "dataset", "measure", "of", "against"),
    *("effect", "interval_low", "interval_high", "p", "p_holm", "margin", "verdict", "n", "seeds"),
    *("dose", "dose_loss", "claimed", "argument", "note", "claim_verdict"),
]
FULL_SCALE = "snakemake --cores 8 -- claims"  # a study of the paper's width and length


def decide(claims: Iterable[Mapping[str, Any]], evidence: Evidence) -> pd.DataFrame:
    """Every claim's parts, a row each: a dataset, a measure, and a loss that it is against.

    Args:
        claims: As in ``resources/paper/claims.yaml``.
        evidence: The study's.

    Returns:
        Columns `COLUMNS`: claim (its id), kind (``claim`` or ``check``), section, statement, quote, runs,
        dataset, measure, of and against (losses); effect, with its 95% interval; p, and corrected after Holm
        within the claim; margin; verdict, of the part; n, seeds that were compared; seeds, how many it would
        take to decide what is undecided; dose and dose_loss, the auxiliary loss's share of the gradient and
        of the loss; claimed and argument, as in the claims; note; and claim_verdict.
    """
    rows: list[Part] = []
    verdicts: dict[str, str] = {}
    for claim in claims:
        if claim.get("full_scale") and not evidence.full_scale:
            parts = [untested(FULL_SCALE)]
        else:
            parts = RULES[claim["rule"]](claim, evidence, verdicts)
        if not parts:
            parts = [untested(claim.get("command", _missing(claim, evidence)))]
        verdict = verdicts[claim["id"]] = _together(parts)
        about = {key: claim.get(key) for key in ("section", "quote", "claimed", "argument")}
        about |= {"statement": evidence.statement(claim), "kind": "check" if claim.get("check") else "claim"}
        rows += [
            {
                "claim": claim["id"],
                **about,
                "runs": claim.get("runs", "table1"),
                **part,
                "claim_verdict": verdict,
            }
            for part in parts
        ]
    return pd.DataFrame(rows, columns=COLUMNS)


def count(table: pd.DataFrame, kind: str = "claim") -> dict[str, int]:
    """How many claims, or checks, have each verdict, from what `decide` gives."""
    claims = table[table["kind"].eq(kind)].drop_duplicates("claim")
    counts = claims["claim_verdict"].value_counts()
    return {verdict: int(counts.get(verdict, 0)) for verdict in VERDICTS}


def _missing(claim: Mapping[str, Any], evidence: Evidence) -> str:
    named = claim.get("datasets", [])
    if named and not evidence.values["dataset"].isin(named).any():
        return f"needs {' or '.join(named)} among the study's datasets"
    return "the study has no values for it"


def _together(parts: Sequence[Part]) -> str:
    """Verdict of a claim: of a dataset its parts' together, and over datasets mixed where they differ."""
    by_dataset: dict[Any, list[Part]] = {}
    for part in parts:
        by_dataset.setdefault(part.get("dataset"), []).append(part)
    found = {verdict for some in by_dataset.values() if (verdict := _of_dataset(some)) != UNTESTED}
    if not found:
        return UNTESTED
    return found.pop() if len(found) == 1 else MIXED


def _of_dataset(parts: Sequence[Part]) -> str:
    """All losses, or settings of one, must hold; of one all measures must agree."""
    by_loss: dict[Any, set[str]] = {}
    for part in parts:
        about = tuple(part.get(key) for key in ("of", "against", "setting"))
        by_loss.setdefault(about, set()).add(part["verdict"])
    agreed = {found.pop() if len(found) == 1 else UNDECIDED for found in by_loss.values()}
    for verdict in WEAKEST:
        if verdict in agreed:
            return verdict
    return HOLDS
