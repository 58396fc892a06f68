from amc_loss.logs import redirect

redirect(snakemake.log[0])

import numpy as np

from amc_loss import datasets, scatter, statistics, style
from amc_loss.labels import LOSSES

names = datasets.load(snakemake.input.data).class_names
metrics = statistics.collect(snakemake.input.metrics)
notes = {
    row.loss: f"homogeneity {row.homogeneity:.4f}\ncompleteness {row.completeness:.4f}"
    for row in metrics.itertuples()
}
with np.load(snakemake.input.embedding, allow_pickle=False) as kept:
    embeddings, labels = {loss: kept[loss] for loss in LOSSES}, kept["labels"]
style.save_by_loss(
    lambda losses: scatter.embedding_panels(embeddings, labels, notes, names, losses), snakemake.output
)
