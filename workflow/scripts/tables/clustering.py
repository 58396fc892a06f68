from amc_loss.jobs.logs import redirect

redirect(snakemake.log[0])

from functools import partial

from amc_loss.measures import aggregates
from amc_loss.study.names import Losses
from amc_loss.views import tables

losses = Losses(**snakemake.params.compared)
table = aggregates.clustering(aggregates.collect(snakemake.input.metrics))
tables.write(
    table,
    partial(tables.readable_clustering, titles=snakemake.params.titles, losses=losses),
    snakemake.output,
)
