from amc_loss.logs import redirect

redirect(snakemake.log[0])

import io
import tarfile
from pathlib import Path

import yaml

with tarfile.open(snakemake.output[0], "w") as archive:
    text = yaml.safe_dump(snakemake.params.study, allow_unicode=True).encode()
    member = tarfile.TarInfo(str(Path(snakemake.output[0]).with_name("configuration.yaml")))
    member.size, member.mtime = len(text), Path(snakemake.input[-1]).stat().st_mtime
    archive.addfile(member, io.BytesIO(text))
    for path in snakemake.input:
        archive.add(path)
