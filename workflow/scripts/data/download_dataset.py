from amc_loss.jobs.logs import redirect

redirect(snakemake.log[0])

from pathlib import Path

from amc_loss.data import sources
from amc_loss.data.compatibility import MisfitError, check
from amc_loss.data.dataset import DatasetError, read_outline, save_dataset
from amc_loss.data.record import describe
from amc_loss.jobs.files import write_json

path, record = map(Path, snakemake.output)
name, config = snakemake.params.dataset, snakemake.config
try:
    # Where archives come from does not change them: a parameter would make the dataset again.
    entry = {**config["datasets"][name], **snakemake.params.data}
    dataset = sources.fetch(entry, path.parent.with_name("downloads") / name)
    save_dataset(dataset, path)
    # Likewise, settings that use the data do not change it.
    check(config, {name: read_outline(path)})
except (DatasetError, MisfitError) as error:
    raise SystemExit(str(error)) from None
origin = {key: snakemake.params[key] for key in ("dataset", "data", "listing", "code")}
write_json(describe(dataset, path) | {"origin": origin}, record)
