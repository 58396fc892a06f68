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
chosen = aggregates.chosen_settings(table, trials)
configuration = tuned(list(losses.titles), snakemake.params.losses, chosen)
# JSON is YAML.
text = json.dumps(configuration, indent=2, ensure_ascii=False)
Path(snakemake.output.configuration).write_text(f"{text}\n")
