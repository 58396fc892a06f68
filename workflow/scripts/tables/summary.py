from amc_loss.jobs.logs import redirect

redirect(snakemake.log[0])

from io import StringIO
from pathlib import Path

import pandas as pd

from amc_loss.jobs.files import read_json
from amc_loss.measures import aggregates
from amc_loss.study.names import Losses
from amc_loss.views.claims import sentence
from amc_loss.views.summary import summary

losses = Losses(**snakemake.params.compared)
metrics, paper = aggregates.collect(snakemake.input.metrics), pd.read_csv(StringIO(snakemake.params.paper))
text = summary(
    snakemake.params.study,
    snakemake.params.protocol,
    snakemake.params.changed,
    aggregates.trainings(snakemake.input.provenances, snakemake.input.histories),
    aggregates.table1(metrics, paper, losses, snakemake.params.equal_variances),
    aggregates.clustering(metrics),
    snakemake.params.titles,
    losses,
    {
        record["origin"]["dataset"]: record["in_both_splits"]
        for record in map(read_json, snakemake.input.data)
    },
    sentence(pd.read_csv(snakemake.input.claims), snakemake.params.full_scale),
)
Path(snakemake.output[0]).write_text(text)
