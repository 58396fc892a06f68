from amc_loss.logs import redirect

redirect(snakemake.log[0])

import pandas as pd

from amc_loss import statistics, tables

metrics, paper = statistics.collect(snakemake.input.metrics), pd.read_csv(snakemake.input.paper)
table = statistics.table1(metrics, paper, snakemake.params.equal_variances)
tables.write(table, tables.readable_table1, snakemake.output)
