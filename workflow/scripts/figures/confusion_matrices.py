from amc_loss.jobs.logs import redirect

redirect(snakemake.log[0])

from amc_loss.data.dataset import load_dataset
from amc_loss.measures.scores import confusions
from amc_loss.runs.features import read_features
from amc_loss.study.names import Losses
from amc_loss.views import confusion, style

names = load_dataset(snakemake.input.data).class_names
runs = {}
for loss, path in zip(snakemake.params.losses, snakemake.input.features, strict=True):
    runs.setdefault(loss, []).append(read_features(path))
counts = confusions(runs, len(names))
losses = style.LossStyle(Losses(**snakemake.params.compared))
style.save_by_loss(
    lambda some: confusion.confusion_matrices({loss: counts[loss] for loss in some}, names, losses),
    losses.shown,
    snakemake.output,
)
