from amc_loss.jobs.logs import redirect

redirect(snakemake.log[0])

from amc_loss.measures.aggregates import collect
from amc_loss.views import charts, style

amc = snakemake.params.amc
title, equal_variances = snakemake.params.title, snakemake.params.equal_variances
figure = charts.sweep(collect(snakemake.input), amc["weight"], amc["margin"], title, equal_variances)
style.save(figure, snakemake.output)
