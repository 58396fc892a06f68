from amc_loss.jobs.logs import redirect

redirect(snakemake.log[0])

import torch
from scipy.special import softmax

from amc_loss.data.dataset import load_dataset
from amc_loss.jobs.gpus import pick_device
from amc_loss.measures.interventions import explain_run
from amc_loss.runs.activations import write_activations
from amc_loss.runs.features import read_features
from amc_loss.runs.model import read_model

torch.set_num_threads(snakemake.threads)
device = pick_device(snakemake.resources.gpu, snakemake.resources.get("gres", ""))
activations = explain_run(
    read_model(snakemake.input.model, device),
    load_dataset(snakemake.input.data),
    [softmax(read_features(path).logits, axis=1) for path in snakemake.input.features],
    device,
    **snakemake.params.settings,
)
write_activations(activations, snakemake.output[0])
