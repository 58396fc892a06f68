from amc_loss.jobs.logs import redirect

redirect(snakemake.log[0])

from amc_loss.data.dataset import load_dataset
from amc_loss.training import networks
from amc_loss.views import tables

layers = {}
for (name, architecture), data in zip(snakemake.params.architectures.items(), snakemake.input, strict=True):
    dataset = load_dataset(data)
    network = networks.build(name, dataset.image_shape[0], len(dataset.class_names), **architecture)
    layers[name] = networks.summarise(network, dataset.image_shape)
tables.write(tables.table2(layers), tables.readable_table2, snakemake.output)
