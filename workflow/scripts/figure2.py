from amc_loss.logs import redirect

redirect(snakemake.log[0])

import numpy as np

from amc_loss import maps, style
from amc_loss.labels import LOSSES

with np.load(snakemake.input[0], allow_pickle=False) as kept:
    cams = {loss: kept[f"maps_{loss}"][0] for loss in LOSSES}
    probabilities = {loss: kept[f"probabilities_{loss}"][0] for loss in LOSSES}
    names = kept["class_names"]
    predictions = [f"{names[p.argmax()]}, {p.max():.0%}" for p in probabilities.values()]
    figure = maps.activation_map(kept["images"][0], cams, predictions, f"test image {kept['index'][0]}")
style.save(figure, snakemake.output)
