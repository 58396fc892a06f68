from amc_loss.logs import redirect

redirect(snakemake.log[0])

from amc_loss import plots, statistics

amc = snakemake.params.amc
metrics = statistics.collect(snakemake.input)
plots.save(plots.sweep(metrics, amc["weight"], amc["margin"], snakemake.params.title), snakemake.output)
