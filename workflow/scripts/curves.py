from amc_loss.logs import redirect

redirect(snakemake.log[0])

import pandas as pd

from amc_loss import charts, style

histories = {}
for loss, path in zip(snakemake.params.losses, snakemake.input, strict=True):
    histories.setdefault(loss, []).append(pd.read_csv(path))
style.save(charts.training_curves(histories), snakemake.output)
