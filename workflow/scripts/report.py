from amc_loss.logs import redirect

redirect(snakemake.log[0])

import json
import subprocess
import sys
import tempfile
from pathlib import Path

# Snakemake writes the report itself; this asks it to, with the same configuration, while the workflow that
# this job belongs to holds the lock.
with tempfile.NamedTemporaryFile("w", suffix=".json") as study:
    json.dump(snakemake.params.study, study)
    study.flush()
    snakefile = Path(__file__).parents[2] / "Snakefile"
    command = [sys.executable, "-m", "snakemake", "figures"]
    command += ["table1", "table1_differences", "table2", "clustering", "protocol"]
    command += ["--snakefile", snakefile, "--configfile", study.name, "--report", snakemake.output[0]]
    command += ["--workflow-profile", "none", "--nolock", "--cores", "1"]
    subprocess.run(command, check=True)
