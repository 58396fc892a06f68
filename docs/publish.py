"""Copy what a study found to its page: `python docs/publish.py results/laptop`, then `make docs`.

Numbers are copied as they are. Pictures are made smaller: those with Grad-CAM become WebP, whose colours stay
continuous; of others that are large after compression, which are of points and lines, 128 colours are kept.
"""

import shutil
import sys
from pathlib import Path

from PIL import Image

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


if __name__ == "__main__":
    for folder in map(Path, sys.argv[1:]):
        publish(folder, RESULTS / folder.name)
