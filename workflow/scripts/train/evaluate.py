from amc_loss.jobs.logs import redirect

redirect(snakemake.log[0])

from pathlib import Path

import torch

from amc_loss.jobs.gpus import pick_device
from amc_loss.measures.evaluation import evaluate_run

torch.set_num_threads(snakemake.threads)
evaluate_run(
    Path(snakemake.output.metrics).parent,
    Path(snakemake.input.data),
    snakemake.params.run,
    pick_device(snakemake.resources.gpu, snakemake.resources.get("gres", "")),
    splits=snakemake.params.splits,
    clusters=snakemake.params.clusters,
)
