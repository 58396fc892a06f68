"""Copy what a study found to its page: `python docs/publish.py results/laptop`, then `make docs`.

With `--runs`, its trainings are added to the table of those at the paper's scale, `docs/results/paper-runs.csv`.

Numbers are copied as they are. Pictures are made smaller: those with Grad-CAM become WebP, whose colours stay
continuous; of others that are large after compression, which are of points and lines, 128 colours are kept.
"""

import argparse
import shutil
import sys
from pathlib import Path

import pandas as pd
from PIL import Image

from amc_loss.__main__ import read_study
from amc_loss.jobs.files import read_json
from amc_loss.measures.aggregates import trainings
from amc_loss.runs.crate import software
from amc_loss.runs.metrics import read_metrics

RESULTS = Path(__file__).parent / "results"
NUMBERS = ("table1", "table1_differences", "clustering", "explainability", "claims", "run_times")
OF_IMAGES = ("figure2", "figure6")
LARGEST = 300_000  # bytes of a picture


def publish(study: Path, page: Path) -> None:
    """Copy a study's numbers and pictures, those that it has, to the folder of its page.

    Args:
        study: The study's folder, as ``results/laptop``.
        page: Where to; what is there of an earlier time is replaced.
    """
    page.mkdir(parents=True, exist_ok=True)
    tables = [study / f"tables/{name}.csv" for name in NUMBERS]
    others = [study / name for name in ("metrics.csv", "tables/summary.md", "tables/configuration.yaml")]
    others += study.glob("explanations/*-agreement.json")
    for file in filter(Path.exists, [*tables, *others]):
        shutil.copyfile(file, page / file.name)
    # What each run measures, of which the tables are made.
    for file in [*study.glob("values/*.csv"), *study.glob("explanations/*.csv")]:
        shutil.copyfile(file, page / f"{file.parent.name}_{file.stem.replace('-', '_')}.csv")
    for file in sorted((study / "figures").glob("*.png")):
        with Image.open(file) as picture:
            flat = picture.convert("RGB")
        if file.stem in OF_IMAGES:
            flat.save(page / f"{file.stem}.webp", quality=85, method=6)
        else:
            flat.save(page / file.name, optimize=True)
            if (page / file.name).stat().st_size > LARGEST:
                flat.quantize(128).save(page / file.name, optimize=True)


def add_runs(study: Path, table: Path) -> None:
    """Add the evaluated runs of a study to a table of runs, in which those of other commits stay.

    Args:
        study: The study's folder.
        table: Has the columns dataset, loss, seed, accuracy (percent), homogeneity, completeness, seconds (of
            all epochs), device, versions and commit; made if it does not exist.
    """
    folders = [path.parent for path in sorted(study.glob("runs/*/metrics.json"))]
    files = ([folder / name for folder in folders] for name in ("provenance.json", "history.csv"))
    rows = []
    for folder, seconds in zip(folders, trainings(*files)["seconds"], strict=True):
        metrics, origin = read_metrics(folder / "metrics.json"), read_json(folder / "provenance.json")
        rows.append(
            {
                **{key: metrics[key] for key in ("dataset", "loss", "seed")},
                **{key: metrics[key] for key in ("accuracy", "homogeneity", "completeness")},
                "seconds": round(seconds),
                "device": f"{origin['device']}, {origin['precision']}, {origin['engine']}",
                "versions": ", ".join(
                    f"{name} {number}" for name, number in software(origin).items() if number
                ),
                "commit": origin["commit"],
            }
        )
    before = [pd.read_csv(table, dtype=str)] if table.exists() else []
    runs = pd.concat([*before, pd.DataFrame(rows).astype(str)])
    one = ["dataset", "loss", "seed", "device", "versions", "commit"]
    runs.drop_duplicates(one, keep="last").to_csv(table, index=False)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("studies", nargs="+", type=Path, help="folders, as results/laptop")
    parser.add_argument("--runs", action="store_true", help="whether they are at the paper's scale")
    arguments = parser.parse_args()
    for folder in arguments.studies if arguments.runs else ():
        if not read_study([configuration := folder / "tables/configuration.yaml"]).full_scale:
            sys.exit(
                f"by {configuration} networks are narrower than the paper's, trainings shorter or data less; "
                "leave out --runs"
            )
    for folder in arguments.studies:
        publish(folder, RESULTS / folder.name)
        if arguments.runs:
            add_runs(folder, RESULTS / "paper-runs.csv")
