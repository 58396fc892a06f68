from amc_loss.jobs.logs import redirect

redirect(snakemake.log[0])

import pandas as pd

from amc_loss.runs.history import read_history
from amc_loss.study.names import Losses
from amc_loss.views import curves, style

histories = {}
for loss, path in zip(snakemake.params.losses, snakemake.input, strict=True):
    histories.setdefault(loss, []).append(pd.DataFrame(read_history(path)))
losses = style.LossStyle(Losses(**snakemake.params.compared))
schedules = curves.planned(snakemake.params.settings)
style.save(curves.training_curves(histories, schedules, losses), snakemake.output)
