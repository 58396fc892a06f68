from amc_loss.logs import redirect

redirect(snakemake.log[0])

from pathlib import Path

from amc_loss import datasets, sources

path = Path(snakemake.output[0])
archives = path.parent.with_name("downloads") / snakemake.wildcards.dataset
dataset = sources.fetch(snakemake.wildcards.dataset, snakemake.params.source, archives)
datasets.save(dataset, path)
sizes = len(dataset.x_train), len(dataset.x_test), len(dataset.class_names)
print("{} training and {} test images in {} classes".format(*sizes))
