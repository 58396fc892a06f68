from amc_loss.jobs.logs import redirect

redirect(snakemake.log[0])

from amc_loss.data.sampling import sample
from amc_loss.measures.geometry import tsne
from amc_loss.runs.embeddings import write_embeddings
from amc_loss.runs.features import read_features

figure = snakemake.params.figure
runs = {
    loss: read_features(path) for loss, path in zip(snakemake.params.losses, snakemake.input, strict=True)
}
# The test images, and so the labels, are the same for all.
labels = next(iter(runs.values())).labels
shown = sample(len(labels), figure["points"])
embeddings = {
    loss: tsne(run.features[shown], figure["perplexity"], figure["seed"], figure["normalised"])
    for loss, run in runs.items()
}
write_embeddings(embeddings, labels[shown], snakemake.output[0])
