from amc_loss.logs import redirect

redirect(snakemake.log[0])

from functools import partial

from amc_loss import summary, tables

runs = summary.trainings(snakemake.input.provenances, snakemake.input.histories)
readable = partial(tables.readable_run_times, titles=snakemake.params.titles)
tables.write(summary.run_times(runs), readable, snakemake.output)
