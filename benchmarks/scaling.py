"""Time and memory of a dry run for studies of 60, 600 and 6,000 runs, and what a job costs besides its work.

python benchmarks/scaling.py
"""

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import yaml

ROOT = Path(__file__).parents[1]
SNAKEMAKE = [sys.executable, "-m", "snakemake"]


def measure(command: list[str], folder: Path) -> tuple[float, float]:
    """Seconds and peak MiB of a command and its children."""
    start = time.perf_counter()
    with tempfile.TemporaryFile() as errors:
        process = subprocess.Popen(command, cwd=folder, stdout=subprocess.DEVNULL, stderr=errors)
        _, status, usage = os.wait4(process.pid, 0)
        if os.waitstatus_to_exitcode(status):
            errors.seek(0)
            sys.exit(errors.read().decode())
    return time.perf_counter() - start, usage.ru_maxrss / 1024


def overhead(folder: Path, jobs: int = 4) -> None:
    """Print what a training job costs besides the training: starting, reading the data, writing the files."""
    schedule = {column: {"epochs": 1, "ramp_up": 0, "ramp_down": 0} for column in ("top", "bottom")}
    study = {"study": {"name": "empty"}, "training": {"schedule": schedule}}
    (folder / "empty.yaml").write_text(yaml.safe_dump(study))
    runs = [folder / f"results/empty/runs/digits-top-cross_entropy-seed{seed}" for seed in range(jobs)]
    demo = ["--workflow-profile", "profiles/demo", "--configfile", "profiles/demo/study.yaml", "empty.yaml"]
    command = [*SNAKEMAKE, "--cores", "1", *demo, "--"]
    measure([*command, "download"], folder)
    seconds, _ = measure([*command, *(str((run / "model.pt").relative_to(folder)) for run in runs)], folder)
    trained = sum(
        float(line.rsplit(",", 1)[1])
        for run in runs
        for line in (run / "history.csv").open()
        if line[0] == "0"
    )
    print("\n| one training job of one epoch | s |\n|---|---|")
    print(f"| in all, Snakemake's own start shared by {jobs} | {seconds / jobs:.1f} |")
    print(f"| of it training | {trained / jobs:.1f} |", flush=True)


def main() -> None:
    """Measure and print Markdown tables."""
    print("| runs of Table 1 | dry run, s | peak, MiB |\n|---|---|---|")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for part in ("Snakefile", "config.yaml", "workflow", "src", "profiles", "envs", "resources/paper"):
            (folder / part).parent.mkdir(exist_ok=True)
            (folder / part).symlink_to(ROOT / part)
        for runs in (60, 600, 6000):
            study = folder / "study.yaml"
            study.write_text(yaml.safe_dump({"study": {"name": "scaling", "seeds": list(range(runs // 12))}}))
            seconds, peak = measure(
                [*SNAKEMAKE, "-n", "--quiet", "all", "--configfile", str(study), "--", "table1"], folder
            )
            print(f"| {runs:,} | {seconds:.1f} | {peak:.0f} |", flush=True)

        overhead(folder)

    print("\n| files of one's own | s to tell whether they changed |\n|---|---|")
    with tempfile.TemporaryDirectory() as name:
        for number in range(100_000):
            place = Path(name, str(number // 1000))
            place.mkdir(exist_ok=True)
            (place / f"{number}.png").touch()
        code = "import sys; from amc_loss.study.listing import listing_digest; listing_digest(sys.argv[1])"
        print(f"| 100,000 | {measure([sys.executable, '-c', code, name], ROOT)[0]:.2f} |", flush=True)

    print("\n| imports of an entry script | s |\n|---|---|")
    for script in ("train/train", "train/evaluate", "tables/table1", "figures/figure5"):
        source = (ROOT / f"workflow/scripts/{script}.py").read_text()
        lines = [line for line in source.splitlines() if line.startswith(("import ", "from "))]
        command = [sys.executable, "-c", "\n".join(lines)]
        times = [measure(command, ROOT)[0] for _ in range(3)]
        print(f"| {script} | {sorted(times)[1]:.2f} |", flush=True)


if __name__ == "__main__":
    main()
