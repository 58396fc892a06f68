from amc_loss.jobs.logs import redirect

redirect(snakemake.log[0])

from functools import partial
from io import StringIO

import pandas as pd
import yaml

from amc_loss.measures import aggregates
from amc_loss.measures.claims import decide
from amc_loss.measures.evidence import Evidence, dose
from amc_loss.runs.history import read_history
from amc_loss.runs.values import gathered
from amc_loss.study.names import Losses
from amc_loss.views import claims, tables

given, losses = yaml.safe_load(snakemake.params.claims), Losses(**snakemake.params.compared)
sweep = aggregates.collect(snakemake.input.sweep)
histories = map(read_history, snakemake.input.histories)
doses = [dose(*run) for run in zip(histories, sweep["weight"], strict=True)]
evidence = Evidence(
    values=gathered(
        dict(zip(snakemake.params.values, snakemake.input.values, strict=True)),
        dict(zip(snakemake.params.explained, snakemake.input.explanations, strict=True)),
    ),
    sweep=sweep.join(pd.DataFrame(doses)),
    own=snakemake.params.own,
    vary=snakemake.params.vary,
    varied_loss=snakemake.params.varied_loss,
    paper=pd.read_csv(StringIO(snakemake.params.paper)),
    losses=losses,
    measures=given["measures"],
    full_scale=snakemake.params.full_scale,
)
tables.write(
    decide(given["claims"], evidence),
    partial(
        claims.readable_claims,
        titles=snakemake.params.titles,
        losses=losses,
        measures=given["measures"],
        full_scale=snakemake.params.full_scale,
    ),
    snakemake.output,
)
