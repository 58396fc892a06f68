from amc_loss.logs import redirect

redirect(snakemake.log[0])

from pathlib import Path

from amc_loss import datasets, sources

path = Path(snakemake.output[0])
archives = path.parent.with_name("downloads") / snakemake.wildcards.dataset
# Where archives come from does not change them, and is no parameter.
places = snakemake.config["datasets"][snakemake.wildcards.dataset]
try:
    dataset = sources.fetch({**places, **snakemake.params.data}, archives)
    datasets.save(dataset, path)
except datasets.DatasetError as error:
    raise SystemExit(str(error)) from None
sizes = len(dataset.x_train), len(dataset.x_test), len(dataset.class_names)
print("{} training and {} test images in {} classes".format(*sizes))
