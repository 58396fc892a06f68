from amc_loss.logs import redirect

redirect(snakemake.log[0])

from functools import partial

import pandas as pd

from amc_loss import comparisons, statistics, tables

metrics, paper = statistics.collect(snakemake.input.metrics), pd.read_csv(snakemake.input.paper)
table = comparisons.table1_differences(metrics, paper, snakemake.params.equal_variances)
tables.write(table, partial(tables.readable_differences, titles=snakemake.params.titles), snakemake.output)
