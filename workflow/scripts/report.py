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
    command = [sys.executable, "-m", "snakemake", *snakemake.input]
    command += ["--snakefile", snakefile, "--configfile", study.name, "--workflow-profile", "none"]
    command += ["--nolock", "--cores", "1"]
    for report in snakemake.output:
        subprocess.run([*command, "--report", report], check=True)
