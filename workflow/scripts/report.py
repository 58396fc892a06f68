from amc_loss.logs import redirect

redirect(snakemake.log[0])

import subprocess
import sys
from pathlib import Path

# Snakemake writes the report itself; this asks it to, with the same configuration, while the workflow that
# this job belongs to holds the lock.
snakefile = Path(__file__).parents[2] / "Snakefile"
command = [sys.executable, "-m", "snakemake", *snakemake.input]
command += ["--snakefile", snakefile, "--configfile", snakemake.input.configuration]
command += ["--workflow-profile", "none", "--nolock", "--cores", "1"]
for report in snakemake.output:
    subprocess.run([*command, "--report", report], check=True)
