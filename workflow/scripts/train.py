from amc_loss.logs import redirect

redirect(snakemake.log[0])

import csv
import json
from pathlib import Path

import torch

from amc_loss import checkpoints, datasets, provenance, training
from amc_loss.devices import pick_device

settings = snakemake.params.settings
torch.set_num_threads(snakemake.threads)
device = pick_device(snakemake.resources.gpu)
dataset = datasets.load(snakemake.input.data)
network, history = training.train(dataset, settings, device)
checkpoints.save_model(network, settings, dataset, snakemake.output.model)
with open(snakemake.output.history, "w", newline="") as file:
    writer = csv.DictWriter(file, history[0])
    writer.writeheader()
    writer.writerows(history)
record = provenance.provenance(settings, datasets.checksum(snakemake.input.data), device)
Path(snakemake.output.provenance).write_text(json.dumps(record, indent=2) + "\n")
