from amc_loss.logs import redirect

redirect(snakemake.log[0])

from amc_loss import statistics, tables

table = statistics.clustering(statistics.collect(snakemake.input.metrics))
tables.write(table, tables.readable_clustering, snakemake.output)
