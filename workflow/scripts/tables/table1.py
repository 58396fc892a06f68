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
table = aggregates.table1(metrics, paper, losses, snakemake.params.equal_variances)
tables.write(
    table, partial(tables.readable_table1, titles=snakemake.params.titles, losses=losses), snakemake.output
)
