from amc_loss.logs import redirect

redirect(snakemake.log[0])

from amc_loss import datasets, networks, tables

layers = {}
for name, data in (("top", snakemake.input.top), ("bottom3d", snakemake.input.bottom)):
    dataset = datasets.load(data)
    network = networks.build(
        name, dataset.image_shape[0], len(dataset.class_names), **snakemake.params.architectures[name]
    )
    layers[name] = networks.summarise(network, dataset.image_shape)
tables.write(tables.table2(layers), tables.readable_table2, snakemake.output)
