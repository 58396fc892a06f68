"""The oldest Snakemake that the workflow says it runs with."""

import os
import re
import shutil
import subprocess

import pandas as pd
import yaml
from checkout import ARGUMENTS, ONE_TABLE, ROOT, Checkout


def test_it_runs(tmp_path):
    version = re.search(r'^min_version\("(.+)"\)$', (ROOT / "Snakefile").read_text(), re.MULTILINE)[1]
    uv = os.environ.get("UV") or shutil.which("uv") or ROOT / ".uv/bin/uv"
    python = tmp_path / "environment/bin/python"
    locked = tmp_path / "locked.txt"
    export = ["--frozen", "--extra", "workflow", "--no-hashes", "--no-emit-project", "--output-file", locked]
    export += [f"--prune=snakemake{part}" for part in ("", "-executor-plugin-slurm", "-logger-plugin-rich")]
    install = ["--python", python, "--requirements", locked, f"snakemake=={version}"]
    for command in (["venv", python.parents[1]], ["export", *export], ["pip", "install", *install]):
        subprocess.run([uv, "--quiet", *command], cwd=ROOT, check=True)
    checkout = Checkout(tmp_path / "checkout", python)
    (checkout.path / "tiny.yaml").write_text(yaml.safe_dump(ONE_TABLE))
    targets = [*ARGUMENTS, "--", "table1", "figure5"]
    assert checkout.snakemake("--version").strip() == version
    checkout.snakemake("--cores", "2", *targets)
    table = pd.read_csv(checkout.path / "results/tiny/tables/table1.csv")
    assert table["n"].tolist() == [1, 1, 1]
    assert checkout.jobs(*targets) == {}
