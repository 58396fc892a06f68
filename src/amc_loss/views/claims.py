"""The ledger of claims as people read it: a table, a sentence, and several studies side by side."""

import re
from collections.abc import Mapping
from typing import Any

import pandas as pd

from amc_loss.measures.claims import count
from amc_loss.measures.evidence import LOSSES
from amc_loss.measures.rules import FAILS, HOLDS, MIXED, UNDECIDED, UNTESTED
from amc_loss.study.names import DATASETS, Losses
from amc_loss.views.markup import as_text
from amc_loss.views.tables import for_markup
from amc_loss.views.text import format_p_value, signed, with_unit

NO_DIFFERENCE = re.compile(r"effect: |\d+ of \d+ classes")  # begins the notes of such rows
SAID = {  # of one claim, and of several
    HOLDS: ("holds", "hold"),
    FAILS: ("does not hold", "do not hold"),
    UNDECIDED: ("is undecided", "are undecided"),
    MIXED: ("is mixed over datasets", "are mixed over datasets"),
    UNTESTED: ("is not tested", "are not tested"),
}


def sentence(table: pd.DataFrame, full_scale: bool) -> str:
    """How many claims have each verdict, and how many checks.

    Args:
        table: As `amc_loss.measures.claims.decide` gives it.
        full_scale: Whether the study has the paper's width and length.
    """
    where = "" if full_scale else " in this study, which is smaller than the paper's"
    texts = []
    for kind in dict.fromkeys(["claim", *table["kind"]]):
        counts = count(table, kind)
        *first, last = (f"{number} {SAID[verdict][number != 1]}" for verdict, number in counts.items())
        texts.append(f"of {sum(counts.values())} {kind}s {', '.join(first)} and {last}")
    return "; ".join([f"{texts[0]}{where}", *texts[1:]])


def readable_claims(
    table: pd.DataFrame,
    markup: str,
    titles: Mapping[str, str],
    losses: Losses,
    measures: Mapping[str, Mapping[str, Any]],
    full_scale: bool = True,
) -> pd.DataFrame:
    """The ledger for reading: what stands for a whole claim in its first row alone.

    Args:
        table: As `amc_loss.measures.claims.decide` gives it.
        markup: ``md`` or ``tex``.
        titles: What each dataset is called.
        losses: The study's.
        measures: By name, each with its ``title`` and perhaps ``unit``.
        full_scale: Whether the study has the paper's width and length; else verdicts say "here", but for
            those that follow from the paper alone.
    """
    first = ~table["claim"].duplicated()
    here = table["runs"].ne("paper") & table["claim_verdict"].ne(UNTESTED) & (not full_scale)
    readable = pd.DataFrame(
        {
            "Section": [as_text(text, markup) for text in table["section"].where(first, "")],
            "Claim": [as_text(text, markup) for text in table["statement"].where(first, "")],
            "Verdict": table["claim_verdict"].mask(here, table["claim_verdict"] + " here").where(first, ""),
            "Measured": [
                as_text(_measured(row, titles, losses, measures), markup) for row in table.itertuples()
            ],
            "Effect": _effects(table, markup),
            "95% CI": [
                ""
                if pd.isna(row.interval_low)
                else f"[{_number(row.interval_low)}, {_number(row.interval_high)}]"
                for row in table.itertuples()
            ],
            "p (Holm)": table["p_holm"].map(format_p_value),
            "Margin": ["" if pd.isna(value) else f"{value:.3g}" for value in table["margin"]],
            "This row": table["verdict"].where(table["claim"].duplicated(keep=False), ""),
            "Runs": signed(table["n"], ".0f", markup),
            "Seeds needed": signed(table["seeds"], ",.0f", markup),
            "Dose": ["" if pd.isna(value) else f"{100 * value:.2g}%" for value in table["dose"]],
            "Note": [_note(text, markup) for text in table["note"].fillna("")],
        }
    )
    return for_markup(readable, markup)


def _measured(
    row: Any, titles: Mapping[str, str], losses: Losses, measures: Mapping[str, Mapping[str, Any]]
) -> str:
    """Measure, losses and dataset of a part of a claim, as far as it has them."""
    about = measures.get(row.measure, {})
    texts = [with_unit(about)] if about else []
    # The paper's own numbers are of losses and datasets that the study may not have.
    known = LOSSES | losses.titles
    names = [known.get(name, name) for name in (row.of, row.against) if isinstance(name, str)]
    if names:
        texts.append(" against ".join(names))
    if isinstance(row.dataset, str):
        texts.append(titles.get(row.dataset, DATASETS.get(row.dataset, row.dataset)))
    return ", ".join(texts)


def _note(text: str, markup: str) -> str:
    """A note as text, or as code where it is a command, to be copied as it stands."""
    return f"`{text}`" if markup == "md" and text.startswith("snakemake ") else as_text(text, markup)


def _number(value: float) -> str:
    return f"{value:.{3 if abs(value) < 10 else 1}f}"


def _effects(table: pd.DataFrame, markup: str) -> list[str]:
    """Differences have a sign; shares, ratios and what is of one loss alone have none."""
    texts = []
    for row in table.itertuples():
        is_difference = isinstance(row.against, str) and not NO_DIFFERENCE.match(str(row.note))
        sign, digits = "+" * is_difference, 3 if abs(row.effect) < 10 else 1
        texts += signed(pd.Series([row.effect]), f"{sign}.{digits}f", markup)
    return texts


def side_by_side(ledgers: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """Verdicts of several studies, a row a claim and a column a study.

    Args:
        ledgers: For each study's name what `amc_loss.measures.claims.decide` gave.

    Returns:
        Columns section, claim, and for each study its verdict; empty where a study's ledger lacks the claim,
        or has it of other losses, which is a row of its own below. What is a check, and no claim, is marked
        as such in Markdown.
    """
    about = ["claim", "kind", "section", "statement"]
    tables = [
        ledger.drop_duplicates("claim").set_index(about)["claim_verdict"].rename(name)
        for name, ledger in ledgers.items()
    ]
    joined = pd.concat(tables, axis=1).fillna("").reset_index()
    # Studies that compare other losses have other statements of a claim.
    joined = joined.sort_values("claim", key=lambda names: pd.factorize(names)[0], kind="stable")
    checks = joined.pop("kind").eq("check")
    joined["statement"] = joined["statement"].mask(checks, "*Check:* " + joined["statement"])
    return joined.drop(columns="claim").rename(columns={"statement": "claim"})
