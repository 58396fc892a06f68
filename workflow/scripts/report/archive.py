from amc_loss.jobs.logs import redirect

redirect(snakemake.log[0])

import io
import json
import tarfile
from importlib.metadata import version
from pathlib import Path

import yaml

from amc_loss.runs.crate import METADATA, describe_archive


def anonymous(member):
    """A file of nobody's."""
    member.uid = member.gid = 0
    member.uname = member.gname = ""
    return member


folder = Path(snakemake.output[0]).parent
files = {f"{folder}/configuration.yaml": Path(snakemake.input.configuration)}
files |= {path: Path(path) for path in snakemake.input.results}
snakefile = (f"{folder}/Snakefile", snakemake.params.snakefile)
description = describe_archive(
    files,
    snakefile,
    snakemake.config["study"]["name"],
    snakemake.params.datasets,
    yaml.safe_load(snakemake.params.citation),
    version("snakemake"),
)
newest = int(max(path.stat().st_mtime for path in files.values()))
with tarfile.open(snakemake.output[0], "w") as archive:
    for name, text in ((METADATA, json.dumps(description, indent=2) + "\n"), snakefile):
        member, content = tarfile.TarInfo(name), text.encode()
        member.size, member.mtime = len(content), newest
        archive.addfile(member, io.BytesIO(content))
    for name, path in files.items():
        archive.add(path, name, filter=anonymous)
