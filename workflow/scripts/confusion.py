from amc_loss.logs import redirect

redirect(snakemake.log[0])

import numpy as np
from sklearn.metrics import confusion_matrix

from amc_loss import charts, datasets, style

names = datasets.load(snakemake.input.data).class_names
counts = {}
for loss, path in zip(snakemake.params.losses, snakemake.input.features, strict=True):
    with np.load(path, allow_pickle=False) as arrays:
        labels, predicted = arrays["labels_test"], arrays["logits_test"].argmax(1)
    counts[loss] = counts.get(loss, 0) + confusion_matrix(labels, predicted, labels=range(len(names)))
style.save_by_loss(
    lambda losses: charts.confusion_matrices({loss: counts[loss] for loss in losses}, names), snakemake.output
)
