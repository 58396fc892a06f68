"""Tables as people read them: Markdown, LaTeX and HTML beside the CSV."""

import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
from markdown_it import MarkdownIt

from amc_loss.measures.aggregates import CLUSTERING_METRICS
from amc_loss.study.names import PROTOCOL_COLUMNS, Losses
from amc_loss.training.layers import LayerSummary
from amc_loss.views.markup import as_text, escaped
from amc_loss.views.text import (
    bold,
    format_p_value,
    highest,
    intervals,
    mean_sd,
    signed,
    three_digits,
    with_unit,
)

LATEX = str.maketrans(
    {
        "±": r"$\pm$",
        "×": r"$\times$",
        "→": r"$\to$",
        "σ": r"$\sigma$",
        "α": r"$\alpha$",
        "β": r"$\beta$",
        "λ": r"$\lambda$",
        "τ": r"$\tau$",
        "<": "$<$",
    }
    | {character: f"\\{character}" for character in "&%#_"}
)

PAGE = """<!doctype html>
<meta charset="utf-8">
<title>AMC-Loss, replicated</title>
<style>
body {{ font: 15px/1.5 sans-serif; margin: 2em; color: #222; }}
table {{ border-collapse: collapse; border-block: 2px solid; }}
th {{ border-bottom: 1px solid; }}
th, td {{ padding: 0.3em 0.8em; text-align: left; vertical-align: top; }}
</style>
{}"""

# Columns of text, which start at the left; numbers end at the right.
TEXT = {"Dataset", "Loss", "Network", "Layer", "Description", "Device", "Settings", "Measure"}
TEXT |= {"Section", "Claim", "Verdict", "Measured", "This row", "Note", "Against"}


def write(
    table: pd.DataFrame, readable: Callable[[pd.DataFrame, str], pd.DataFrame], paths: Iterable[str]
) -> None:
    """Write a table to ``.csv``, and what is made of it for reading to ``.md``, ``.tex`` and ``.html``.

    Args:
        table: The numbers.
        readable: Makes text of the table for ``md`` or ``tex``; its columns' names are the header.
        paths: Where to write, one for each ending.

    Raises:
        ValueError: If an ending is none of these.
    """
    for path in map(Path, paths):
        match path.suffix:
            case ".csv":
                table.to_csv(path, index=False)
            case ".md":
                path.write_text(aligned(readable(table, "md")))
            case ".tex":
                text = readable(table, "tex")
                columns = "".join("l" if name in TEXT else "r" for name in text)
                path.write_text(text.to_latex(index=False, column_format=columns))
            case ".html":
                path.write_text(page(aligned(readable(table, "md"))))
            case other:
                raise ValueError(f"{path}: no table format {other!r}")


def aligned(table: pd.DataFrame) -> str:
    """A table in Markdown; columns not in `TEXT` end at the right."""
    sides = ["left" if name in TEXT else "right" for name in table]
    return table.to_markdown(index=False, disable_numparse=True, colalign=sides) + "\n"


def markdown(rows: Sequence[Mapping[str, str]]) -> str:
    """Rows of text as a Markdown table."""
    table = pd.DataFrame(rows).map(lambda text: re.sub(r"(?<!\\)\|", r"\|", text))
    return table.to_markdown(index=False, disable_numparse=True) + "\n"


def comparison(rows: Sequence[Mapping[str, str]]) -> list[dict[str, str]]:
    """Rows that compare protocols, with values that are names as text; lists and numbers are what they are.

    Args:
        rows: As `amc_loss.study.documented_settings.compare` gives them.
    """
    return [
        {escaped(key): text if key in PROTOCOL_COLUMNS else _value(text) for key, text in row.items()}
        for row in rows
    ]


def _value(text: str) -> str:
    try:
        json.loads(text)
    except ValueError:
        return escaped(text)
    return text


def page(text: str) -> str:
    """A Markdown text as a page of HTML, for the report."""
    return PAGE.format(MarkdownIt("js-default").render(text))


def readable_table1(
    table: pd.DataFrame, markup: str, titles: Mapping[str, str], losses: Losses
) -> pd.DataFrame:
    """Table 1 for reading: best mean of each dataset in bold, the paper's numbers on the right.

    Args:
        table: As `amc_loss.measures.aggregates.table1` gives it.
        markup: ``md`` or ``tex``.
        titles: What each dataset is called.
        losses: The study's.
    """
    means = [mean_sd(row.mean, row.sd, markup) for row in table.itertuples()]
    theirs = [mean_sd(row.paper_mean, row.paper_sd, markup) for row in table.itertuples()]
    readable = pd.DataFrame(
        {
            **_runs(table, markup, titles, losses),
            "Mean ± SD": bold(means, highest(table["mean"], table["dataset"], 2), markup),
            "p-value": table["p_value"].map(format_p_value),
            "Paper": theirs,
            "Paper's p-value": table["paper_p_value"].map(format_p_value),
        }
    )
    return for_markup(readable, markup)


def readable_differences(
    table: pd.DataFrame, markup: str, titles: Mapping[str, str], losses: Losses
) -> pd.DataFrame:
    """The differences behind Table 1 for reading.

    Args:
        table: As `amc_loss.measures.aggregates.table1_differences` gives it.
        markup: ``md`` or ``tex``.
        titles: What each dataset is called.
        losses: The study's.
    """
    readable = pd.DataFrame(
        {
            **_runs(table, markup, titles, losses),
            "Mean": signed(table["mean"], ".2f", markup),
            "To the paper": signed(table["paper_difference"], "+.2f", markup),
            "Predicted": intervals(table["predicted_low"], table["predicted_high"], 2),
            "Difference": signed(table["difference"], "+.2f", markup),
            "95% CI": intervals(table["difference_low"], table["difference_high"], 2),
            "g": signed(table["g"], "+.2f", markup),
            "p": signed(table["p_value"], ".3g", markup),
            "p (Holm)": signed(table["p_holm"], ".3g", markup),
            "p paired (Holm)": signed(table["p_paired_holm"], ".3g", markup),
            "p equivalent": signed(table["p_equivalent"], ".3g", markup),
            "Detectable": signed(table["detectable"], ".2f", markup),
            "Seeds": signed(table["seeds"], ",.0f", markup),
        }
    )
    return for_markup(readable, markup)


def readable_explainability(
    table: pd.DataFrame,
    markup: str,
    titles: Mapping[str, str],
    losses: Losses,
    measures: Mapping[str, Mapping[str, Any]],
) -> pd.DataFrame:
    """The measures of explanations for reading.

    Args:
        table: As `amc_loss.measures.explainability.explainability` gives it.
        markup: ``md`` or ``tex``.
        titles: What each dataset is called.
        losses: The study's.
        measures: By name, each with its ``title`` and perhaps ``unit``.
    """
    columns = _runs(table, markup, titles, losses)
    readable = pd.DataFrame(
        {
            "Dataset": columns.pop("Dataset"),
            "Measure": [as_text(with_unit(measures[name]), markup) for name in table["measure"]],
            **columns,
            "Mean ± SD": [mean_sd(row.mean, row.sd, markup, 3) for row in table.itertuples()],
            "Images": signed(table["images"], ",.0f", markup),
            "Undefined": signed(table["undefined"], ",.1f", markup),
            "Difference": signed(table["difference"], "+.3f", markup),
            "95% CI": intervals(table["difference_low"], table["difference_high"], 3),
            "p paired": signed(table["p_paired"], ".3g", markup),
            "p": signed(table["p_value"], ".3g", markup),
            "r": signed(table["r"], ".2f", markup),
            "p equivalent": signed(table["p_equivalent"], ".3g", markup),
            "Margin": signed(table["margin"], ".3g", markup),
            "Detectable": signed(table["detectable"], ".3f", markup),
        }
    )
    return for_markup(readable, markup)


def _runs(table: pd.DataFrame, markup: str, titles: Mapping[str, str], losses: Losses) -> dict[str, Any]:
    """The columns that say which runs a row is of."""
    return {
        "Dataset": [as_text(titles[name], markup) for name in table["dataset"]],
        "Loss": [as_text(losses.titles[name], markup) for name in table["loss"]],
        "Runs": table["n"],
    }


def readable_tuning(
    table: pd.DataFrame, markup: str, titles: Mapping[str, str], losses: Losses
) -> pd.DataFrame:
    """Trials for reading, those that are chosen in bold.

    Args:
        table: As `amc_loss.measures.aggregates.tuning` gives it.
        markup: ``md`` or ``tex``.
        titles: What each dataset is called.
        losses: The study's.
    """
    cells = [mean_sd(row.mean, row.sd, markup) for row in table.itertuples()]
    readable = pd.DataFrame(
        {
            **_runs(table, markup, titles, losses),
            "Settings": [as_text(settings, markup) for settings in table["settings"]],
            "Mean ± SD": bold(cells, table["chosen"], markup),
        }
    )
    return for_markup(readable, markup)


def readable_clustering(
    table: pd.DataFrame, markup: str, titles: Mapping[str, str], losses: Losses
) -> pd.DataFrame:
    """Clustering metrics for reading, best mean of each dataset and metric in bold.

    Args:
        table: As `amc_loss.measures.aggregates.clustering` gives it.
        markup: ``md`` or ``tex``.
        titles: What each dataset is called.
        losses: The study's.
    """
    readable = pd.DataFrame(_runs(table, markup, titles, losses))
    for metric in CLUSTERING_METRICS:
        means = table[f"{metric}_mean"]
        best = highest(means, table["dataset"], 4)
        cells = [mean_sd(mean, sd, markup, 4) for mean, sd in zip(means, table[f"{metric}_sd"], strict=True)]
        readable[metric.replace("_", "-").capitalize()] = bold(cells, best, markup)
    return for_markup(readable, markup)


def readable_run_times(
    table: pd.DataFrame, markup: str, titles: Mapping[str, str], losses: Losses
) -> pd.DataFrame:
    """Run times for reading.

    Args:
        table: As `amc_loss.measures.aggregates.run_times` gives it.
        markup: ``md`` or ``tex``.
        titles: What each dataset is called.
        losses: The study's.
    """
    columns = _runs(table, markup, titles, losses)
    readable = pd.DataFrame(
        {
            "Dataset": columns.pop("Dataset"),
            "Network": table["network"],
            **columns,
            "Epochs": table["epochs"],
            "Seconds an epoch": table["seconds_per_epoch"].map(three_digits),
            "Hours": table["hours"].map(three_digits),
            "Device": table["device"],
            "Threads": table["threads"],
        }
    )
    return for_markup(readable, markup)


def table2(networks: dict[str, Sequence[LayerSummary]]) -> pd.DataFrame:
    """Table 2: a row a layer, and one with the sum of the parameters under each network.

    Args:
        networks: For each network's name its layers, as `amc_loss.training.networks.summarise` gives them.

    Returns:
        Columns network, layer, description, output_shape (channels×height×width), parameters.
    """
    rows = []
    for network, layers in networks.items():
        for layer in layers:
            shape = "×".join(map(str, layer.output_shape))
            rows.append((network, layer.name, layer.description, shape, layer.parameters))
        rows.append((network, "total", "", "", sum(layer.parameters for layer in layers)))
    return pd.DataFrame(rows, columns=["network", "layer", "description", "output_shape", "parameters"])


def readable_table2(table: pd.DataFrame, markup: str) -> pd.DataFrame:
    """Table 2 for reading.

    Args:
        table: As `table2` gives it.
        markup: ``md`` or ``tex``.
    """
    readable = table.rename(columns=lambda name: name.replace("_", " ").capitalize())
    readable["Parameters"] = [f"{count:,}" if count else "" for count in table["parameters"]]
    return for_markup(readable, markup)


def for_markup(table: pd.DataFrame, markup: str) -> pd.DataFrame:
    """A table of text or numbers as Markdown or LaTeX has it."""
    if markup == "md":
        return table.astype(str)
    table = table.astype(str).map(lambda text: text.translate(LATEX))
    return table.rename(columns=lambda name: name.translate(LATEX))
