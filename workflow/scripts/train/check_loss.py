from amc_loss.jobs.logs import redirect

redirect(snakemake.log[0])

from amc_loss.training.criteria import LossError, check_losses

try:
    check_losses(snakemake.params.settings)
except LossError as error:
    raise SystemExit(str(error)) from None
