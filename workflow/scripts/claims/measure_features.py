from amc_loss.jobs.logs import redirect

redirect(snakemake.log[0])

import pandas as pd

from amc_loss.data.dataset import read_outline
from amc_loss.measures.evidence import values_of
from amc_loss.measures.geometry import shown_classes
from amc_loss.runs.features import read_features
from amc_loss.runs.history import read_history
from amc_loss.runs.metrics import read_metrics

figure, given = snakemake.params.figure, snakemake.input
shown = None
if figure:
    names = read_outline(given.data).class_names
    shown = [names.index(name) for name in shown_classes(names, figure["classes"])]
files = zip(given.metrics, given.features, given.histories, strict=True)
runs = [
    values_of(read_metrics(metrics), read_features(features), read_history(history), shown)
    for metrics, features, history in files
]
pd.concat(runs).to_csv(snakemake.output[0], index=False)
