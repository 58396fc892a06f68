"""Names of datasets and losses as the paper writes them."""

LOSSES = {"cross_entropy": "Cross-entropy", "euclidean": "+ Euclid", "amc": "+ AMC-Loss"}
DATASETS = {
    "mnist": "MNIST",
    "cifar10": "CIFAR-10",
    "svhn": "SVHN",
    "cifar100_coarse": "CIFAR-100 (20 superclasses)",
    "digits": "Digits",
}
