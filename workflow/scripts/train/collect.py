from amc_loss.jobs.logs import redirect

redirect(snakemake.log[0])

from amc_loss.measures.aggregates import collect

collect(snakemake.input).to_csv(snakemake.output[0], index=False)
