from amc_loss.logs import redirect

redirect(snakemake.log[0])

import numpy as np

from amc_loss import maps, style
from amc_loss.labels import LOSSES

with np.load(snakemake.input[0], allow_pickle=False) as kept:
    cams, probabilities = (
        {loss: kept[f"{kind}_{loss}"] for loss in LOSSES} for kind in ("maps", "probabilities")
    )
    images, labels, names = kept["images"], kept["labels"], kept["class_names"].tolist()
style.save_by_loss(
    lambda losses: maps.activation_blocks(
        images, {loss: cams[loss] for loss in losses}, probabilities, labels, names
    ),
    snakemake.output,
)
