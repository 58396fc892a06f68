from amc_loss.jobs.logs import redirect

redirect(snakemake.log[0])

from pathlib import Path

from amc_loss.data import sources
from amc_loss.data.dataset import DatasetError, save_dataset

path = Path(snakemake.output[0])
archives = path.parent.with_name("downloads") / snakemake.wildcards.dataset
# Where archives come from does not change them: a parameter would make the dataset again.
places = snakemake.config["datasets"][snakemake.wildcards.dataset]
try:
    dataset = sources.fetch({**places, **snakemake.params.data}, archives)
    save_dataset(dataset, path)
except DatasetError as error:
    raise SystemExit(str(error)) from None
sizes = len(dataset.x_train), len(dataset.x_test), len(dataset.class_names)
print("{} training and {} test images in {} classes".format(*sizes))
