from amc_loss.logs import redirect

redirect(snakemake.log[0])

from pathlib import Path

import pandas as pd

from amc_loss import statistics, summary

metrics, paper = statistics.collect(snakemake.input.metrics), pd.read_csv(snakemake.input.paper)
text = summary.summary(
    snakemake.params.study,
    snakemake.params.protocol,
    snakemake.params.changed,
    summary.trainings(snakemake.input.provenances, snakemake.input.histories),
    statistics.table1(metrics, paper, snakemake.params.equal_variances),
    statistics.clustering(metrics),
    snakemake.params.titles,
)
Path(snakemake.output[0]).write_text(text)
