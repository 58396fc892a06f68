from amc_loss.jobs.logs import redirect

redirect(snakemake.log[0])

from amc_loss.data.dataset import load_dataset
from amc_loss.runs.embeddings import read_embeddings
from amc_loss.runs.metrics import read_metrics
from amc_loss.study.names import Losses
from amc_loss.views import scatter, style

names = load_dataset(snakemake.input.data).class_names
embeddings, labels = read_embeddings(snakemake.input.embedding)
of = {"predicted_labels": "of predicted labels", "k_means": "of clusters by k-means"}[
    snakemake.params.clusters
]
notes = {
    run["loss"]: f"homogeneity {run['homogeneity']:.4f}\ncompleteness {run['completeness']:.4f}\n{of}"
    for run in map(read_metrics, snakemake.input.metrics)
}
losses = style.LossStyle(Losses(**snakemake.params.compared), list(embeddings))
style.save_by_loss(
    lambda some: scatter.embedding_panels(embeddings, labels, notes, names, losses, some),
    losses.shown,
    snakemake.output,
)
