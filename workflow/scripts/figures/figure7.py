from amc_loss.jobs.logs import redirect

redirect(snakemake.log[0])

from amc_loss.measures.aggregates import collect
from amc_loss.study.names import Losses
from amc_loss.views import charts, style

own, vary = snakemake.params.own, snakemake.params.vary
metrics = collect(snakemake.input)
for setting in vary:
    # A run has those settings that are not the loss's own.
    metrics[setting] = metrics.get(setting, own[setting])
    metrics[setting] = metrics[setting].fillna(own[setting])
figure = charts.sweep(
    metrics,
    snakemake.params.loss,
    own,
    vary,
    style.LossStyle(Losses(**snakemake.params.compared)),
    snakemake.params.title,
    snakemake.params.angular,
    snakemake.params.equal_variances,
)
style.save(figure, snakemake.output)
