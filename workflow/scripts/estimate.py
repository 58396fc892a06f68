from pathlib import Path

import torch

from amc_loss import datasets, estimate
from amc_loss.devices import keep_freed_memory
from amc_loss.gpus import pick_device

torch.set_num_threads(snakemake.threads)
keep_freed_memory()
own = {Path(path).stem: estimate.measured_size(datasets.load(path)) for path in snakemake.input}
text = estimate.table(
    snakemake.params.kinds, own, pick_device(snakemake.resources.gpu, snakemake.resources.get("gres", ""))
)
Path(snakemake.log[0]).write_text(text + "\n")
print(text, flush=True)
