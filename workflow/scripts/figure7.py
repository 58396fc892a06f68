from amc_loss.logs import redirect

redirect(snakemake.log[0])

from amc_loss import charts, statistics, style

amc = snakemake.params.amc
metrics = statistics.collect(snakemake.input)
title, equal_variances = snakemake.params.title, snakemake.params.equal_variances
figure = charts.sweep(metrics, amc["weight"], amc["margin"], title, equal_variances)
style.save(figure, snakemake.output)
