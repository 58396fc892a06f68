from amc_loss.logs import redirect

redirect(snakemake.log[0])

import numpy as np

from amc_loss import plots
from amc_loss.labels import LOSSES

with np.load(snakemake.input[0], allow_pickle=False) as kept:
    maps = {loss: kept[f"maps_{loss}"][0] for loss in LOSSES}
    probabilities = {loss: kept[f"probabilities_{loss}"][0] for loss in LOSSES}
    names = kept["class_names"]
    captions = [f"{names[p.argmax()]} {p.max():.0%}" for p in probabilities.values()]
    plots.save(plots.activation_map(kept["images"][0], maps, captions), snakemake.output)
