"""The workflow as a module of another one."""

import subprocess
import sys

import pandas as pd
import yaml
from checkout import ONE_TABLE, Checkout

OTHER = """
configfile: "amc-loss/config.yaml"
configfile: "amc-loss/profiles/demo/study.yaml"
configfile: "tiny.yaml"


module amc_loss:
    snakefile:
        "amc-loss/workflow/Snakefile"
    config:
        config
    prefix:
        "replication"


use rule * from amc_loss as amc_loss_*


rule compare:
    default_target: True
    input:
        "replication/results/tiny/tables/table1.csv",
    output:
        "comparison.csv",
    shell:
        "cp {input} {output}"
"""


def test_another_workflow_uses_it_under_a_prefix(tmp_path):
    Checkout(tmp_path / "amc-loss")
    (tmp_path / "Snakefile").write_text(OTHER)
    (tmp_path / "tiny.yaml").write_text(yaml.safe_dump(ONE_TABLE))
    done = subprocess.run(
        [sys.executable, "-m", "snakemake", "--cores", "2", "--set-threads", "amc_loss_train=1"],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert done.returncode == 0, done.stdout
    table = pd.read_csv(tmp_path / "comparison.csv")
    assert table["loss"].tolist() == ["cross_entropy", "euclidean", "amc"]
    # Everything lies under the prefix; nothing was trained that the table does not need.
    assert sorted(path.name for path in tmp_path.iterdir() if path.is_dir()) == [
        ".snakemake",
        "amc-loss",
        "replication",
    ]
    assert len(list((tmp_path / "replication/results/tiny/runs").iterdir())) == 3
    assert not (tmp_path / "amc-loss/results").exists()
