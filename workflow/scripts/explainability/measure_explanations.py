from amc_loss.jobs.logs import redirect

redirect(snakemake.log[0])

from amc_loss.data.dataset import load_dataset
from amc_loss.jobs.files import write_json
from amc_loss.measures.explainability import (
    ExplainedRun,
    agreement,
    losses_against_seeds,
    measure_runs,
)
from amc_loss.runs.activations import read_activations
from amc_loss.runs.features import read_features

dataset = load_dataset(snakemake.input.data)
files = zip(snakemake.params.runs, snakemake.input.features, snakemake.input.activations, strict=True)
runs = [
    ExplainedRun(loss, seed, read_features(features), read_activations(activations))
    for (loss, seed), features, activations in files
]
given = snakemake.params
values = measure_runs(runs, dataset, given.strokes, given.baseline, given.shown)
values.to_csv(snakemake.output.values, index=False)
pairs = agreement(runs, dataset.y_test)
pairs.to_csv(snakemake.output.pairs, index=False)
write_json(losses_against_seeds(pairs), snakemake.output.agreement)
