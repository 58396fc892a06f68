from amc_loss.jobs.logs import redirect

redirect(snakemake.log[0])

from functools import partial

import pandas as pd
import yaml

from amc_loss.measures.explainability import explainability
from amc_loss.runs.values import read_values
from amc_loss.study.names import Losses
from amc_loss.views import tables

losses, measures = Losses(**snakemake.params.compared), yaml.safe_load(snakemake.params.claims)["measures"]
files = zip(snakemake.params.datasets, snakemake.input, strict=True)
values = pd.concat([read_values(path).assign(dataset=dataset) for dataset, path in files])
values = values[values["class"].isna()]
tables.write(
    explainability(values, measures, losses, snakemake.params.equal_variances),
    partial(tables.readable_explainability, titles=snakemake.params.titles, losses=losses, measures=measures),
    snakemake.output,
)
