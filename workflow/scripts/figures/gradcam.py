from amc_loss.jobs.logs import redirect

redirect(snakemake.log[0])

import torch

from amc_loss.data.dataset import load_dataset
from amc_loss.measures.gradcam import explain
from amc_loss.runs.explanations import write_explanations
from amc_loss.runs.features import read_features
from amc_loss.runs.model import read_model

losses = snakemake.params.losses
cpu = torch.device("cpu")
explanations = explain(
    load_dataset(snakemake.input.data),
    {loss: read_model(path, cpu) for loss, path in zip(losses, snakemake.input.models, strict=True)},
    {loss: read_features(path).logits for loss, path in zip(losses, snakemake.input.features, strict=True)},
    snakemake.params.figure,
    snakemake.params.grad_cam,
)
write_explanations(explanations, snakemake.output[0])
