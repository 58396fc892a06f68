from amc_loss.jobs.logs import redirect

redirect(snakemake.log[0])

from functools import partial

from amc_loss.measures import aggregates
from amc_loss.study.names import Losses
from amc_loss.views import tables

losses = Losses(**snakemake.params.compared)
runs = aggregates.trainings(snakemake.input.provenances, snakemake.input.histories)
readable = partial(tables.readable_run_times, titles=snakemake.params.titles, losses=losses)
tables.write(aggregates.run_times(runs), readable, snakemake.output)
