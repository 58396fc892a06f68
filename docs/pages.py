"""Write the pages that are made from the configuration and the code: `make docs`."""

import ast
import re
from collections.abc import Mapping, Sequence
from functools import cache, partial
from pathlib import Path
from typing import Any

import pandas as pd
import yaml

from amc_loss.__main__ import read_study
from amc_loss.jobs.files import read_json
from amc_loss.measures.evidence import margin_of
from amc_loss.measures.rules import compared
from amc_loss.runs.values import read_values
from amc_loss.study.digests import direct_imports
from amc_loss.study.documented_settings import compare, readings, settings
from amc_loss.study.study import Study
from amc_loss.views import claims, tables
from amc_loss.views.captions import alike
from amc_loss.views.text import bold, intervals, signed, with_unit

ROOT = Path(__file__).parents[1]
PROTOCOL = """# How the paper was read

`config.yaml` follows the paper wherever it speaks, and the protocol `released_code` the code that its
authors released later, for CIFAR-10 alone. `protocol: released_code` chooses it; each setting can be set
otherwise by itself. A study's own page, `results/<study>/tables/protocol.md`, has its settings beside these.
This one is made by `make docs`.

## Protocols

`source` is the place in the paper, or how the paper was read. Where the released code does otherwise its
value is bold. It has no + Euclid, no network for Figures 1 and 4, and no test of significance.

{protocols}
## What both share

{readings}
Not settings:

- Time t in epochs is counted from 0, so that w(0) = exp(-5), though Algorithm 1 counts from 1.
- The auxiliary loss is computed in float32 whatever the precision of the rest.
- Dimension 2 and 3 of Figures 1 and 4 are the output of a linear 1×1 convolution from 64 maps, before the
  pool: the appendix gives the dimension of the pool's output, Table 2 keeps 64 maps above it.
- The p-values of Figure 7 compare with the cross-entropy baseline of the same seeds, for the paper does not
  name the other side.
- Table 1 tests + AMC-Loss against + Euclid, and clustering metrics are of the test set: so says the paper.
- Each Grad-CAM map is divided by its maximum, so that maps share one scale of colours.
- The released code updates its moving average after each step, from the initial values, and uses the
  labels that it predicts when it trains; the script that draws uses the true ones and trains nothing.
- [performance.md](performance.md) measures what AMC-Loss adds to a step, of which the paper says "1-2 seconds per
  epoch"; the ledger of a study has the seconds.
"""

SETTINGS = """# Settings

`../config.yaml` has every setting with its place in the paper. A study of your own is a file with what
differs, given as `--configfile`: mappings are merged key by key, lists and what Figure 7 varies are replaced. The sections `losses`,
`contrastive`, `network`, `training`, `evaluation` and `grad_cam` stand beside `study`, or in a protocol of
your own under `protocols`. A key that is not here is refused before anything runs.

{settings}
This page is made from [the schema](../workflow/schemas/config.schema.yaml) by `make docs`.
"""

TABLES = """# Tables

What each table of a study is, and its columns: `results/<study>/` and the names below. Tables that people read lie beside
them as `.md`, `.tex` and `.html`. `metrics.csv` has a further column for every other argument of a loss that Figure 7
or `study.tune` varies, `history.csv` one for the test accuracy where `training.kept_epoch` is `best`;
`protocol.csv` has a column for each protocol and one for the study.

{tables}## Measures

What `measure` may be in the tables above. A margin is the smallest difference that matters, in the measure's unit,
and on some datasets another; both come from `resources/paper/claims.yaml`, where the claims and their rules are.

{measures}
This page is made from `workflow/schemas/tables.yaml` by `make docs`.
"""

ARCHITECTURE = """# Architecture

The code is organised along the path of the data. Snakemake's rules in `workflow/rules/` say what is made of what;
each runs a script of its own name in `workflow/scripts/`, in the folder named after the rule's file; the scripts call
the library in `src/amc_loss/`, which knows nothing of Snakemake. The library has rooms, and `tests/` has the same.

## The rooms

An arrow leads from what is used to what uses it. The picture is drawn from the import statements; a test holds that no
arrow runs back. Every room may use `jobs` beside them, which uses none.

```mermaid
flowchart LR
{arrows}
```

{rooms}## The way of one run

```mermaid
flowchart TD
    config["config.yaml and the user's own"] -->|"study/configuration, study/study"| settings["the run's settings and name"]
    source["archives, arrays, folders of images"] -->|"rule download_dataset<br>data/sources"| npz["resources/datasets/NAME.npz"]
    settings --> train
    npz --> train{{{{"rule train<br>runs/training, training/loop, losses"}}}}
    train --> model["runs/RUN/model.pt, history.csv, provenance.json"]
    model --> evaluate{{{{"rule evaluate<br>measures/evaluation, training/inference"}}}}
    evaluate --> features["runs/RUN/features.npz, metrics.json"]
    model --> kept
    features --> kept{{{{"rules gradcam, tsne<br>measures/gradcam, measures/geometry"}}}}
    kept --> maps["explanations/, embeddings/"]
    model --> aggregates
    npz --> drawing
    features --> aggregates{{{{"rules table1, clustering, ...<br>measures/aggregates, views/tables"}}}}
    model --> explain{{{{"rule explain<br>measures/interventions"}}}}
    features --> explain
    explain --> activations["runs/RUN/explanations.npz"]
    activations --> measured{{{{"rules measure_explanations, measure_features<br>measures/explainability, measures/evidence"}}}}
    features --> measured
    measured --> values["explanations/, values/"]
    values --> ledger{{{{"rules explainability_table, claims_table, ...<br>measures/claims, views/claims"}}}}
    ledger --> tables
    maps --> drawing{{{{"rules figure1 ... figure7<br>views/scatter, views/heatmaps, views/charts, views/diagram"}}}}
    features --> drawing
    drawing --> figures["figures/"]
    aggregates --> tables["tables/"]
    figures --> report["report.html"]
    tables --> report
```

One direction, no step reaching back: what only draws cannot cause a training. What makes a job run again is in its
parameters: the settings that it uses, and a digest of its script and of the library code behind it (`study/digests`).
A change in a comment, a docstring or a time stamp is no change of code. `data/compatibility`, `jobs/interruption`,
`jobs/logs` and `jobs/provenance` do not count: they check or say something, and no result depends on them. A run is
named after its dataset, network, loss with λ, margin and what else is varied, and seed; everything else is in its
`provenance.json`.

What the files of a run hold is said once, in the modules of `runs/`: keys, shapes, units, and the errors that reading
raises. `jobs/provenance` says it of `provenance.json`.

## What Snakemake does that one would not expect

Others have fallen into each of these. A test covers each.

| what | here |
| --- | --- |
| A changed module that a script imports reruns nothing: the script's time stamp alone counts | a digest among the parameters, `tests/study/test_digests.py` |
| With `--use-conda` and without in turn, or in a moved folder, everything is made again | rerun triggers without `software-env` and `code`; `tests/test_conda.py`, `tests/test_end_to_end.py` |
| `gpu=1` in a rule limits nothing on one machine | a limit, or `gpu: 0`, in each profile, local alone; `tests/test_several_gpus.py` |
| `--workflow-profile` replaces the default profile; a misspelt one is passed over | each profile repeats what matters, and a check; `tests/workflow/test_dag.py` |
| Parameters that are not plain objects are not tracked, without a word | plain types, one spelling of numbers; `tests/study/test_configuration.py` |
| Checksums replace time stamps up to 1 MB alone | nothing writes to a large file twice; `tests/test_end_to_end.py` |
| What a failed or killed job declared as output is deleted | a checkpoint is no output; `tests/training/test_survival.py` |
| Every job of a cluster reads the workflow again | `study` imports nothing heavy; `tests/workflow/test_dag.py` |
| `retries` hold in each of the processes between Snakemake and the script | in the first alone; `tests/test_end_to_end.py` |
| An included file's default target is forgotten at its end | `workflow/Snakefile` says it again; `tests/test_deployment.py` |
| A module from a server comes file by file, and no folder can be listed | `workflow/library.txt` names the files; `tests/test_deployment.py` |
| With `configfile:` a workflow reads the `config.yaml` of whichever folder it works in | its own is found beside its Snakefile; `tests/test_deployment.py` |

This page is made by `make docs`.
"""

# In the order in which data meets them.
ROOMS = ("study", "data", "training", "runs", "measures", "views")
LIBRARY = ROOT / "src/amc_loss"
# Of the measures behind the claims those of features; the share of the gradient is shown beside them.
OF_FEATURES = ("accuracy", "within_angle", "between_angle", "radial_share", "neighbours")
EFFECTS = (
    "accuracy",
    "homogeneity",
    "completeness",
    "within_angle",
    "between_angle",
    "neighbours",
    "gini",
    "gini_centred",
    "pointing",
    "pointing_centred",
    "border4_accuracy",
)


def imports() -> dict[str, set[str]]:
    """For each module of the library the modules of it that it imports, by their paths without the ending."""
    return {
        _name(path): {_name(used) for used in direct_imports(path) if used.stem != "__init__"}
        for path in LIBRARY.rglob("*.py")
    }


def room(module: str) -> str:
    """The room that a module is in; a module at the top is its own."""
    return module.partition("/")[0]


def room_imports() -> set[tuple[str, str]]:
    """Pairs of a room and another one that imports it."""
    pairs = {(room(used), room(user)) for user, modules in imports().items() for used in modules}
    return {(used, user) for used, user in pairs if used != user}


def _name(path: Path) -> str:
    return path.relative_to(LIBRARY).with_suffix("").as_posix()


def _sentence(path: Path) -> str:
    """The first line of a module's docstring."""
    return (ast.get_docstring(ast.parse(path.read_text())) or "").partition("\n")[0].replace("``", "`")


def architecture() -> str:
    """The page on the library's rooms."""
    arrows = sorted(pair for pair in room_imports() if "jobs" not in pair)
    lines = [f"    {used} --> {user}" for used, user in arrows]
    lines += ["    jobs"]
    parts = []
    for name in (*ROOMS, "jobs"):
        parts.append(f"### {name}\n\n{_sentence(LIBRARY / name / '__init__.py')}\n\n")
        modules = [path for path in sorted((LIBRARY / name).glob("*.py")) if path.stem != "__init__"]
        parts += [f"- `{path.stem}`: {_sentence(path)}\n" for path in modules]
        parts.append("\n")
    losses = f"`losses` lies beside the rooms and needs torch alone: {_sentence(LIBRARY / 'losses.py')}\n\n"
    return ARCHITECTURE.format(arrows="\n".join(lines), rooms="".join(parts) + losses)


def data_dictionary() -> str:
    """The page on the tables."""
    described, claims = (
        yaml.safe_load((ROOT / path).read_text())
        for path in ("workflow/schemas/tables.yaml", "resources/paper/claims.yaml")
    )
    parts = []
    for name, table in described.items():
        rows = [{"column": f"`{key}`", "what it is": text} for key, text in table["columns"].items()]
        parts.append(f"## {name}\n\n{table['about']}\n\n{tables.markdown(rows)}\n")
    measures = [
        {
            "measure": f"`{name}`",
            "title": about["title"],
            "unit": about.get("unit", ""),
            "margin": ", ".join(
                [f"{about['margin']:g}", *(f"{at} {of:g}" for at, of in about.get("margins", {}).items())]
            ),
            "what it is": about["meaning"],
        }
        for name, about in claims["measures"].items()
    ]
    return TABLES.format(tables="".join(parts), measures=tables.markdown(measures))


def results() -> dict[str, str]:
    """The pages on studies, with their tables made of the numbers beside them.

    A table stands between ``<!-- STUDY: TABLE -->`` and ``<!-- end -->``; what the tables ``verdicts`` and
    ``effects_DATASET`` put side by side are studies whose names are joined by commas.
    """
    made = {}
    for path in sorted((ROOT / "docs/results").rglob("README.md")):
        text = re.sub(
            r"(?s)(<!-- ([\w,]+): (\w+) -->\n).*?(<!-- end -->)",
            lambda found: f"{found[1]}\n{published(found[2], found[3])}\n{found[4]}",
            path.read_text(),
        )
        made[path.relative_to(ROOT).as_posix()] = text
    return made


@cache
def published(names: str, table: str) -> str:
    """A table of a published study in Markdown, or verdicts or effects of several."""
    folders = [ROOT / "docs/results" / name for name in names.split(",")]
    if table == "verdicts":
        ledgers = {folder.name: pd.read_csv(folder / "claims.csv", dtype=str) for folder in folders}
        return tables.markdown(claims.side_by_side(ledgers).to_dict("records"))
    folder = folders[0]
    if table == "summary":
        return (folder / "summary.md").read_text()
    study = read_study([folder / "configuration.yaml"])
    if table == "agreement":
        files = [(title, folder / f"{name}-agreement.json") for name, title in study.titles.items()]
        sentences = [(title, alike(read_json(path))) for title, path in files if path.exists()]
        return "".join(f"- {title}: {sentence}\n" for title, sentence in sentences)
    measures = yaml.safe_load((ROOT / "resources/paper/claims.yaml").read_text())["measures"]
    if table.startswith("effects_"):
        return tables.aligned(effects(folders, table.removeprefix("effects_"), measures))
    if table.startswith("values_"):
        values = read_values(folder / f"{table}.csv")
        columns = {name: with_unit(measures[name]) for name in OF_FEATURES} | {
            "dose": "Share of the gradient"
        }
        grouped = values.groupby(["loss", "measure"], sort=False)["value"]
        wide = grouped.agg(lambda of: f"{of.mean():.4g}" + (f" ± {of.std():#.2g}" if of.std() > 0 else ""))
        rows = wide.unstack(sort=False)[list(columns)].rename(columns=columns)
        rows.insert(0, "Loss", [study.losses.titles[loss] for loss in rows.index])
        return tables.aligned(rows)
    readable = {
        "table1": tables.readable_table1,
        "table1_differences": tables.readable_differences,
        "clustering": tables.readable_clustering,
        "run_times": tables.readable_run_times,
        "explainability": partial(tables.readable_explainability, measures=measures),
        "claims": partial(claims.readable_claims, measures=measures, full_scale=study.full_scale),
    }[table]
    numbers = pd.read_csv(folder / f"{table}.csv", dtype={"section": str}).fillna({"section": ""})
    return tables.aligned(readable(numbers, "md", titles=study.titles, losses=study.losses))


def effects(folders: Sequence[Path], dataset: str, measures: Mapping[str, Any]) -> pd.DataFrame:
    """What the first study's proposed loss changes, by measure, in each study.

    Args:
        folders: Pages of studies; of what only some of them have, others have an empty cell.
        dataset: The dataset.
        measures: By name, as in ``resources/paper/claims.yaml``.
    """
    losses = read_study([folders[0] / "configuration.yaml"]).losses
    found = {folder: differences(folder, dataset, losses.proposed) for folder in folders}
    rows = []
    for other in dict.fromkeys((losses.baseline, losses.reference)):
        for name in EFFECTS:
            margin = margin_of(measures[name], dataset)
            row = {"Against": losses.titles[other], "Measure": with_unit(measures[name])}
            row |= {"Margin": f"{margin:g}"}
            for folder, table in found.items():
                here = table[table["measure"].eq(name) & table["loss"].eq(other)]
                digits = 2 if margin > 0.1 else 3
                effect = signed(here["difference"], f"+.{digits}f", "md")
                interval = intervals(here["low"], here["high"], digits)
                cells = [" ".join(filter(None, parts)) for parts in zip(effect, interval, strict=True)]
                row[f"{folder.name} (n = {table['n'].max()})"] = "".join(
                    bold(cells, here["low"] * here["high"] > 0, "md")
                )
            rows.append(row)
    return pd.DataFrame(rows)


def differences(folder: Path, dataset: str, proposed: str) -> pd.DataFrame:
    """How much a published study's proposed loss is above each other loss, paired by seed.

    Returns:
        Columns measure, loss (the other), n, difference, low and high (of its 95% interval; NaN for one seed).
    """
    runs = read_values(folder / f"values_table1_{dataset}.csv").pivot(
        index="seed", columns=["measure", "loss"], values="value"
    )
    columns = {"effect": "difference", "interval_low": "low", "interval_high": "high"}
    rows = []
    for name, other in runs.columns:
        if other != proposed:
            rows.append({"measure": name, "loss": other, **compared(runs[name, proposed], runs[name, other])})
    explained = pd.read_csv(folder / "explainability.csv")
    explained = explained[explained["dataset"].eq(dataset) & explained["loss"].ne(proposed)]
    of_maps = explained.rename(columns={"difference_low": "low", "difference_high": "high"})
    both = pd.concat([pd.DataFrame(rows).rename(columns=columns), of_maps])
    return both[["measure", "loss", "n", *columns.values()]]


def pages() -> dict[str, str]:
    """The text of each page, by its path."""
    schema = yaml.safe_load((ROOT / "workflow/schemas/config.schema.yaml").read_text())
    study = Study(yaml.safe_load((ROOT / "config.yaml").read_text()), schema)
    rows = compare(schema, {name: study.protocols[name] for name in ("paper", "released_code")})
    for row in rows:
        if row["released_code"] != row["paper"]:
            row["released_code"] = f"**{row['released_code']}**"
    others = readings(schema, study.config)
    keys = settings(schema, study.config)
    for row in keys:
        row["setting"] = f"`{row['setting']}`"
    return {
        "docs/protocol.md": PROTOCOL.format(
            protocols=tables.markdown(rows), readings=tables.markdown(others)
        ),
        "config/README.md": SETTINGS.format(settings=tables.markdown(keys)),
        "docs/architecture.md": architecture(),
        "docs/tables.md": data_dictionary(),
        **results(),
        "workflow/library.txt": "".join(f"{path}\n" for path in library()),
    }


def library() -> list[str]:
    """The library's files, which a workflow that lies on a server is told by name."""
    return sorted(path.relative_to(ROOT).as_posix() for path in ROOT.glob("src/**/*.py"))


if __name__ == "__main__":
    for path, text in pages().items():
        (ROOT / path).parent.mkdir(exist_ok=True)
        (ROOT / path).write_text(text)
