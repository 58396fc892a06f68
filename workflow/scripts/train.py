from amc_loss.logs import redirect

redirect(snakemake.log[0])

import csv
import json
import os
from pathlib import Path

import torch
from filelock import FileLock, Timeout

from amc_loss import checkpoints, datasets, provenance, training
from amc_loss.devices import autocast_dtype, keep_freed_memory
from amc_loss.gpus import pick_device

settings = snakemake.params.settings
folder = Path(snakemake.output.model).parent
torch.set_num_threads(snakemake.threads)
keep_freed_memory()
device = pick_device(snakemake.resources.gpu, snakemake.resources.get("gres", ""))
print(f"training on {device}, of the GPUs {os.environ.get('CUDA_VISIBLE_DEVICES', 'none')}")
try:
    # A process that was told to stop may still be writing its checkpoint.
    with FileLock(folder / ".lock", timeout=20):
        dataset = datasets.load(snakemake.input.data)
        data_checksum = datasets.checksum(snakemake.input.data)
        record = provenance.provenance(settings, data_checksum, device)
        record["protocol"] = snakemake.config["protocol"]
        checkpoint = checkpoints.Checkpoint(
            folder / "checkpoint.pt",
            snakemake.config["training"]["checkpoint_every"],
            {
                "settings": settings,
                "data": data_checksum,
                "code": snakemake.params.code,
                "device": f"{device.type}, {autocast_dtype(settings['precision'], device)}",
            },
        )
        network, history = training.train(dataset, settings, device, checkpoint)
        with open(snakemake.output.history, "w", newline="") as file:
            writer = csv.DictWriter(file, history[0])
            writer.writeheader()
            writer.writerows(history)
        Path(snakemake.output.provenance).write_text(json.dumps(record, indent=2) + "\n")
        checkpoints.save_model(network, settings, dataset, snakemake.output.model)
        checkpoint.remove()
except Timeout:
    raise SystemExit(f"another process trains in {folder}; let it end or stop it, then run again") from None
