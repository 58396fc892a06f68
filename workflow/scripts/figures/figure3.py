from amc_loss.jobs.logs import redirect

redirect(snakemake.log[0])

from amc_loss.data.dataset import load_dataset
from amc_loss.training import networks
from amc_loss.views import diagram, style

dataset = load_dataset(snakemake.input.data)
network = networks.build(
    snakemake.params.network,
    dataset.image_shape[0],
    len(dataset.class_names),
    **snakemake.params.architecture,
)
style.save(diagram.framework(networks.summarise(network, dataset.image_shape)), snakemake.output)
