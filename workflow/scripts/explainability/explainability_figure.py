from amc_loss.jobs.logs import redirect

redirect(snakemake.log[0])

import yaml

from amc_loss.runs.values import read_values
from amc_loss.study.names import Losses
from amc_loss.views import charts, style

measures = yaml.safe_load(snakemake.params.claims)["measures"]
values = {
    dataset: read_values(path).query("`class`.isna()")
    for dataset, path in zip(snakemake.params.datasets, snakemake.input, strict=True)
}
figure = charts.measured(
    values, measures, snakemake.params.titles, style.LossStyle(Losses(**snakemake.params.compared))
)
style.save(figure, snakemake.output)
