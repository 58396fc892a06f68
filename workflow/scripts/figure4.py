from amc_loss.logs import redirect

redirect(snakemake.log[0])

import numpy as np
from sklearn.preprocessing import normalize

from amc_loss import datasets, embedding, scatter, style
from amc_loss.labels import LOSSES

names = datasets.load(snakemake.input.data).class_names
points = snakemake.params.figure["points"]
panels, notes = {}, {}
for loss, path in zip(LOSSES, snakemake.input.features, strict=True):
    with np.load(path, allow_pickle=False) as arrays:
        features, labels = arrays["features_test"][:points], arrays["labels_test"][:points]
    panels[loss] = normalize(features), labels
    within, between = embedding.angular_spread(features, labels)
    notes[loss] = f"mean angle within a class {within:.1f}°\nsmallest between classes {between:.1f}°"
style.save_by_loss(
    lambda losses: scatter.feature_spheres({loss: panels[loss] for loss in losses}, notes, names),
    snakemake.output,
)
