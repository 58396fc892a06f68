from amc_loss.jobs.logs import redirect

redirect(snakemake.log[0])

from amc_loss.runs.explanations import read_explanations
from amc_loss.views import heatmaps, style

kept = read_explanations(snakemake.input[0])
style.save_by_loss(
    lambda losses: heatmaps.activation_blocks(
        kept.images,
        {loss: kept.maps[loss] for loss in losses},
        kept.probabilities,
        kept.labels,
        kept.class_names,
    ),
    snakemake.output,
)
