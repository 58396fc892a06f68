from amc_loss.logs import redirect

redirect(snakemake.log[0])

import csv
import json
from pathlib import Path

import numpy as np
import torch

from amc_loss import checkpoints, datasets, evaluation, inference
from amc_loss.gpus import pick_device

torch.set_num_threads(snakemake.threads)
device = pick_device(snakemake.resources.gpu, snakemake.resources.get("gres", ""))
dataset = datasets.load(snakemake.input.data)
network = checkpoints.load_model(snakemake.input.model, device)

arrays = {}
for split in snakemake.params.splits:
    images, labels = getattr(dataset, f"x_{split}"), getattr(dataset, f"y_{split}")
    features, logits = inference.extract(network, images, device)
    arrays |= {f"features_{split}": features, f"logits_{split}": logits, f"labels_{split}": labels}
np.savez(snakemake.output.features, **arrays)

with open(snakemake.input.history) as file:
    seconds = [float(row["seconds"]) for row in csv.DictReader(file)]
metrics = {
    "run": snakemake.wildcards.run,
    **snakemake.params.run,
    **evaluation.measure(
        dataset.y_test,
        arrays["logits_test"].argmax(1),
        arrays["features_test"],
        snakemake.params.clusters,
    ),
    "seconds_per_epoch": evaluation.seconds_per_epoch(seconds),
}
Path(snakemake.output.metrics).write_text(json.dumps(metrics, indent=2) + "\n")
