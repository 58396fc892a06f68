import torch

from amc_loss.data.dataset import load_dataset
from amc_loss.jobs.gpus import pick_device
from amc_loss.training import cost
from amc_loss.training.arithmetic import keep_freed_memory

torch.set_num_threads(snakemake.threads)
keep_freed_memory()
own = {
    name: cost.measured_size(load_dataset(path))
    for name, path in zip(snakemake.params.own, snakemake.input, strict=True)
}
device = pick_device(snakemake.resources.gpu, snakemake.resources.get("gres", ""))
with open(snakemake.log[0], "w", buffering=1) as log:
    for line in cost.table(snakemake.params.kinds, own, device, snakemake.params.titles):
        print(line, flush=True)
        log.write(f"{line}\n")
