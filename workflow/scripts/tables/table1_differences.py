from amc_loss.jobs.logs import redirect

redirect(snakemake.log[0])

from functools import partial
from io import StringIO

import pandas as pd

from amc_loss.measures import aggregates
from amc_loss.study.names import Losses
from amc_loss.views import tables

losses = Losses(**snakemake.params.compared)
metrics, paper = aggregates.collect(snakemake.input.metrics), pd.read_csv(StringIO(snakemake.params.paper))
table = aggregates.table1_differences(
    metrics, paper, losses, snakemake.params.equal_variances, snakemake.params.smallest
)
tables.write(
    table,
    partial(tables.readable_differences, titles=snakemake.params.titles, losses=losses),
    snakemake.output,
)
