"""Where the demo's time goes: runs it in a folder of its own and adds up the jobs of each rule.

    python benchmarks/demo.py [--cores N] [--avx2]

With --avx2 the processor is used as if it had no AVX-512 and no bfloat16.
"""

import argparse
import csv
import json
import os
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from pathlib import Path

ROOT = Path(__file__).parents[1]
AVX2 = {"ONEDNN_MAX_CPU_ISA": "AVX2", "ATEN_CPU_CAPABILITY": "avx2"}
FLOAT32 = ["--config", "training={precision: float32}"]


def jobs(folder: Path) -> dict[str, dict[int, float]]:
    """Seconds of each rule's jobs, from Snakemake's own record of their outputs."""
    found: dict[str, dict[int, float]] = defaultdict(dict)
    for path in (folder / ".snakemake/metadata").iterdir():
        record = json.loads(path.read_text())
        found[record["rule"]][record["job_hash"]] = record["endtime"] - record["starttime"]
    return found


def main() -> None:
    """Run the demo and print a Markdown table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--cores", type=int, default=2)
    parser.add_argument("--avx2", action="store_true")
    arguments = parser.parse_args()
    command = [sys.executable, "-m", "snakemake", "-s", ROOT / "Snakefile"]
    command += ["--workflow-profile", ROOT / "profiles/demo", "--cores", str(arguments.cores)]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        start = time.perf_counter()
        done = subprocess.run(
            [*command, *(FLOAT32 if arguments.avx2 else [])],
            cwd=folder,
            env={**os.environ, **(AVX2 if arguments.avx2 else {})},
            capture_output=True,
            text=True,
        )
        seconds = time.perf_counter() - start
        if done.returncode:
            sys.exit(done.stdout + done.stderr)
        trained = 0.0
        for path in folder.glob("results/*/runs/*/history.csv"):
            with path.open() as file:
                trained += sum(float(row["seconds"]) for row in csv.DictReader(file))
        times = {rule: (len(those), sum(those.values())) for rule, those in jobs(folder).items()}
    print("| rule | jobs | seconds of a core |\n|---|---|---|")
    for rule, (count, total) in sorted(times.items(), key=lambda item: -item[1][1]):
        print(f"| {rule} | {count} | {total:.0f} |")
    print(f"| of `train`: steps of training | | {trained:.0f} |")
    print(f"\n{seconds:.0f} s on {arguments.cores} cores")


if __name__ == "__main__":
    main()
