from amc_loss.jobs.logs import redirect

redirect(snakemake.log[0])

import pandas as pd
import yaml

from amc_loss.study.names import Losses
from amc_loss.views import style
from amc_loss.views.forest import forest

figure = forest(
    pd.read_csv(snakemake.input[0]),
    yaml.safe_load(snakemake.params.claims)["measures"],
    snakemake.params.titles,
    style.LossStyle(Losses(**snakemake.params.compared)),
)
style.save(figure, snakemake.output)
