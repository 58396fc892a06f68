from amc_loss.logs import redirect

redirect(snakemake.log[0])

import numpy as np

from amc_loss import datasets, plots, statistics
from amc_loss.labels import LOSSES

names = datasets.load(snakemake.input.data).class_names
metrics = statistics.collect(snakemake.input.metrics)
titles = [
    f"homogeneity {row.homogeneity:.4f}\ncompleteness {row.completeness:.4f}" for row in metrics.itertuples()
]
with np.load(snakemake.input.embedding, allow_pickle=False) as kept:
    figure = plots.embedding_panels({loss: kept[loss] for loss in LOSSES}, kept["labels"], titles, names)
plots.save(figure, snakemake.output)
