from amc_loss.jobs.logs import redirect

redirect(snakemake.log[0])

import tarfile
from pathlib import Path

with tarfile.open(snakemake.output[0], "w") as archive:
    archive.add(snakemake.input.configuration, Path(snakemake.output[0]).with_name("configuration.yaml"))
    for path in snakemake.input.results:
        archive.add(path)
