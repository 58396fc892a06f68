from amc_loss.logs import redirect

redirect(snakemake.log[0])

from amc_loss import datasets, diagram, networks, style

dataset = datasets.load(snakemake.input.data)
network = networks.build(
    snakemake.params.network,
    dataset.image_shape[0],
    len(dataset.class_names),
    **snakemake.params.architecture,
)
style.save(diagram.framework(networks.summarise(network, dataset.image_shape)), snakemake.output)
