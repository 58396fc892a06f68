from amc_loss.jobs.logs import redirect

redirect(snakemake.log[0])

import json
from functools import partial
from pathlib import Path

from amc_loss.measures import aggregates
from amc_loss.study.names import Losses
from amc_loss.study.tuned import tuned
from amc_loss.views import tables

trials, losses = snakemake.params.trials, Losses(**snakemake.params.compared)
if not trials:
    raise SystemExit("nothing is tuned: name losses and what to try under study.tune")
table = aggregates.tuning(aggregates.collect(snakemake.input.metrics), trials)
paths = [path for path in snakemake.output if path != snakemake.output.configuration]
tables.write(table, partial(tables.readable_tuning, titles=snakemake.params.titles, losses=losses), paths)
best = dict(table.loc[table["chosen"], ["loss", "settings"]].itertuples(index=False))
chosen = {
    trial["loss"]: trial["settings"]
    for trial in trials
    if aggregates.describe_trial(trial["settings"]) == best[trial["loss"]]
}
configuration = tuned(list(losses.titles), snakemake.params.losses, chosen)
# JSON is YAML.
text = json.dumps(configuration, indent=2, ensure_ascii=False)
Path(snakemake.output.configuration).write_text(f"{text}\n")
