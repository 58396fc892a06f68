from amc_loss.jobs.logs import redirect

redirect(snakemake.log[0])

from amc_loss.runs.explanations import read_explanations
from amc_loss.study.names import Losses
from amc_loss.views import heatmaps, style

kept = read_explanations(snakemake.input[0])
losses = style.LossStyle(Losses(**snakemake.params.compared), list(kept.maps))
style.save_by_loss(
    lambda some: heatmaps.activation_blocks(
        kept.images,
        {loss: kept.maps[loss] for loss in some},
        kept.probabilities,
        kept.labels,
        kept.class_names,
        losses,
    ),
    losses.shown,
    snakemake.output,
)
