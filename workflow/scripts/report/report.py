from amc_loss.jobs.logs import redirect

redirect(snakemake.log[0])

import subprocess
import sys

# Snakemake writes the report itself; this asks it to, with the same configuration, while the workflow that
# this job belongs to holds the lock.
command = [sys.executable, "-m", "snakemake", *snakemake.input, "--snakefile", snakemake.params.snakefile]
command += ["--configfile", snakemake.input.configuration]
command += ["--workflow-profile", "none", "--nolock", "--cores", "1"]
for report in snakemake.output:
    subprocess.run([*command, "--report", report], check=True)
