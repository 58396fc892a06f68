from amc_loss.logs import redirect

redirect(snakemake.log[0])

from amc_loss import datasets, networks, tables

layers = {}
for (name, architecture), data in zip(snakemake.params.architectures.items(), snakemake.input, strict=True):
    dataset = datasets.load(data)
    network = networks.build(name, dataset.image_shape[0], len(dataset.class_names), **architecture)
    layers[name] = networks.summarise(network, dataset.image_shape)
tables.write(tables.table2(layers), tables.readable_table2, snakemake.output)
