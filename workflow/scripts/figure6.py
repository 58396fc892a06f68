from amc_loss.logs import redirect

redirect(snakemake.log[0])

import numpy as np

from amc_loss import plots
from amc_loss.labels import LOSSES

with np.load(snakemake.input[0], allow_pickle=False) as kept:
    maps = {loss: kept[f"maps_{loss}"] for loss in LOSSES}
    figure = plots.activation_blocks(kept["images"], maps, kept["labels"], kept["class_names"].tolist())
plots.save(figure, snakemake.output)
