"""The paper's losses, and settings of tiny runs under them."""

from amc_loss.study.names import Losses

LOSSES = {"cross_entropy": "Cross-entropy", "euclidean": "+ Euclid", "amc": "+ AMC-Loss"}
STUDY = Losses(LOSSES, proposed="amc", reference="euclidean", baseline="cross_entropy")
# What may be set otherwise and makes other steps; ``arguments`` are those of the loss.
CHANGES = [
    {},
    {"ema_decay": 0.9, "translation": 2},
    {"schedules_change": "step", "deterministic": True},
    {"drop_last": False, "batch_size": 24},
    {"kept_epoch": "best"},
    {"precision": "bfloat16"},
    {"arguments": {"pairs": "all", "neighbours": "true"}},
]

CLASSES = {"euclidean": "EuclideanContrastiveLoss", "amc": "AngularMarginContrastiveLoss"}


def of_loss(loss, **arguments):
    """What `amc_loss.study.study.Study.settings` says of a run's loss; ``arguments`` replace those of its class."""
    if loss == "cross_entropy":
        return {"loss": loss, "weight": None, "auxiliary_loss": None, "auxiliary_schedule": None}
    return {
        "loss": loss,
        "weight": 0.1,
        "auxiliary_loss": {"class": CLASSES[loss], "arguments": {"margin": 0.5, **arguments}},
        "auxiliary_schedule": {"maximum": 1, "first_epoch": "ramp", "ramps_down": False},
    }
