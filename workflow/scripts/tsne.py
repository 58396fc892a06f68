from amc_loss.logs import redirect

redirect(snakemake.log[0])

import numpy as np

from amc_loss import embedding
from amc_loss.labels import LOSSES

figure = snakemake.params.figure
kept = {}
for loss, path in zip(LOSSES, snakemake.input, strict=True):
    with np.load(path, allow_pickle=False) as arrays:
        features = arrays["features_test"][: figure["points"]]
        kept["labels"] = arrays["labels_test"][: figure["points"]]
    kept[loss] = embedding.tsne(features, figure["perplexity"], figure["seed"], figure["normalised"])
np.savez(snakemake.output[0], **kept)
