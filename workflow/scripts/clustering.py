from amc_loss.logs import redirect

redirect(snakemake.log[0])

from functools import partial

from amc_loss import statistics, tables

table = statistics.clustering(statistics.collect(snakemake.input.metrics))
tables.write(table, partial(tables.readable_clustering, titles=snakemake.params.titles), snakemake.output)
