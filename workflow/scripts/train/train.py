from amc_loss.jobs.logs import redirect

redirect(snakemake.log[0])

import os
from pathlib import Path

import torch

from amc_loss.jobs.gpus import pick_device
from amc_loss.runs.training import train_run
from amc_loss.training.arithmetic import keep_freed_memory
from amc_loss.training.criteria import LossError

torch.set_num_threads(snakemake.threads)
keep_freed_memory()
device = pick_device(snakemake.resources.gpu, snakemake.resources.get("gres", ""))
print(f"training on {device}, of the GPUs {os.environ.get('CUDA_VISIBLE_DEVICES', 'none')}")
try:
    train_run(
        Path(snakemake.output.model).parent,
        Path(snakemake.input.data),
        snakemake.params.settings,
        device,
        code=snakemake.params.code,
        # Of the configuration, since neither changes a result: as parameters they would train again.
        protocol=snakemake.config["protocol"],
        checkpoint_every=snakemake.config["training"]["checkpoint_every"],
    )
except (LossError, TimeoutError) as error:
    raise SystemExit(str(error)) from None
