"""Numbers as people read them, in Markdown (``md``) and LaTeX (``tex``)."""

import re
from collections.abc import Iterable, Mapping
from math import floor, log10
from typing import Any

import numpy as np
import pandas as pd

PLUS_MINUS = {"md": " ± ", "tex": r" $\pm$ "}
BOLD = {"md": "**{}**", "tex": r"\textbf{{{}}}"}


def format_p_value(value: float) -> str:
    """Four digits, as the paper prints them; empty if there is none."""
    if np.isnan(value):
        return ""
    return "< 0.0001" if value < 0.0001 else f"{value:.4f}"


def mean_sd(mean: float, sd: float, markup: str, digits: int = 2) -> str:
    """``mean ± sd``; without the sd if there is none, a dash if there is no mean."""
    if pd.isna(mean):
        return "–" if markup == "md" else "--"
    return f"{mean:.{digits}f}" + ("" if pd.isna(sd) else f"{PLUS_MINUS[markup]}{sd:.{digits}f}")


def highest(values: pd.Series, groups: pd.Series, digits: int) -> pd.Series:
    """Which values are the highest of their group as they are printed; none where all of a group are equal.

    Args:
        values: Numbers.
        groups: The group of each.
        digits: After the point, as printed.
    """
    groups = values.round(digits).groupby(groups.to_numpy())
    return values.round(digits).eq(groups.transform("max")) & groups.transform("nunique").gt(1)


def bold(cells: Iterable[str], which: Iterable[bool], markup: str) -> list[str]:
    """Cells of a table, some of them in bold."""
    return [
        BOLD[markup].format(cell) if is_bold else cell for cell, is_bold in zip(cells, which, strict=True)
    ]


def signed(values: pd.Series, digits: str, markup: str) -> list[str]:
    """Numbers in a format of Python's, with the signs that a typesetter uses; empty where there is none."""
    texts = ["" if pd.isna(value) else format(value, digits) for value in values]
    if markup == "md":
        return [text.replace("-", "−") if "e" not in text else text for text in texts]
    powers = [re.sub(r"e-0*(\d+)", r"\\cdot 10^{-\1}", text) for text in texts]
    return [f"${text}$" if set(text) & set("+-^") else text for text in powers]


def three_digits(value: float) -> str:
    """A number of at least three digits, none of them a power of ten."""
    return f"{value:,.0f}" if value >= 100 else f"{value:.{max(0, 2 - floor(log10(value)))}f}"


def intervals(lows: Iterable[float], highs: Iterable[float], digits: int) -> list[str]:
    """``[low, high]`` with so many digits after the point; empty where there is none."""
    return [
        "" if pd.isna(low) else f"[{low:.{digits}f}, {high:.{digits}f}]"
        for low, high in zip(lows, highs, strict=True)
    ]


def with_unit(measure: Mapping[str, Any]) -> str:
    """Title of a measure, and its unit in brackets if it has one.

    Args:
        measure: Its ``title`` and perhaps ``unit``, as in ``resources/paper/claims.yaml``.
    """
    return f"{measure['title']} ({measure['unit']})" if "unit" in measure else measure["title"]
