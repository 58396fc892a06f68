from amc_loss.logs import redirect

redirect(snakemake.log[0])

import numpy as np
import torch
from scipy.special import softmax

from amc_loss import checkpoints, datasets, explain
from amc_loss.labels import LOSSES

figure = snakemake.params.figure
settings = dict(snakemake.params.grad_cam)
explained = settings.pop("target")
device = torch.device("cpu")
dataset = datasets.load(snakemake.input.data)
logits = {}
for loss, path in zip(LOSSES, snakemake.input.features, strict=True):
    with np.load(path, allow_pickle=False) as arrays:
        logits[loss] = arrays["logits_test"]
predicted = {loss: values.argmax(1) for loss, values in logits.items()}

if "class" in figure:
    chosen = [explain.find_image(dataset, predicted, figure["class"], figure["image"])]
else:
    chosen = [
        index
        for label in range(len(dataset.class_names))
        for index in explain.choose_images(dataset, predicted, label, figure["images_per_class"])
    ]
kept = {
    "index": np.array(chosen),
    "images": dataset.x_test[chosen],
    "labels": dataset.y_test[chosen],
    "class_names": np.array(dataset.class_names),
}
for loss, path in zip(LOSSES, snakemake.input.models, strict=True):
    network = checkpoints.load_model(path, device)
    targets = explain.targets(explained, predicted[loss][chosen], kept["labels"], dataset.class_names)
    kept[f"maps_{loss}"] = explain.grad_cam(network, kept["images"], targets, device, **settings)
    kept[f"probabilities_{loss}"] = softmax(logits[loss][chosen], axis=1)
np.savez(snakemake.output[0], **kept)
