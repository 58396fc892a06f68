"""Names of datasets and losses as the paper writes them, and of a file that a run keeps."""

LOSSES = {"cross_entropy": "Cross-entropy", "euclidean": "+ Euclid", "amc": "+ AMC-Loss"}
DATASETS = {
    "mnist": "MNIST",
    "cifar10": "CIFAR-10",
    "svhn": "SVHN",
    "cifar100_coarse": "CIFAR-100 (20 superclasses)",
    "digits": "Digits",
}

# Columns of the table that compares protocols, besides a column for each.
PROTOCOL_COLUMNS = ("setting", "meaning", "source")

# The second name of a run's model, by which it outlives Snakemake's deletion of what is to be made again.
KEPT_MODEL = ".model.pt"
