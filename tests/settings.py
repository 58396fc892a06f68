"""Settings of tiny runs under the paper's losses."""

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
