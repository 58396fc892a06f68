from amc_loss.logs import redirect

redirect(snakemake.log[0])

from amc_loss import statistics

statistics.collect(snakemake.input).to_csv(snakemake.output[0], index=False)
