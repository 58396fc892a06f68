"""One of each figure, drawn of numbers that a test knows."""

import numpy as np
import pandas as pd
import yaml
from checkout import ROOT
from matplotlib.backends.backend_agg import FigureCanvasAgg
from settings import LOSSES, STUDY

from amc_loss.study.names import Losses
from amc_loss.training import networks
from amc_loss.views import charts, confusion, curves, diagram, heatmaps, scatter, style


def render(figure):
    """Draw a figure, so that what is in it has its place."""
    with style.style():
        FigureCanvasAgg(figure).draw()


SHOWN = style.LossStyle(STUDY)
VARY = {"weight": [1, 0.1, 0.01, 0.001], "margin": [0.5, 0.75, 1.0, 1.25, 1.5]}
OWN = {"weight": 0.1, "margin": 0.5}
TITLE = "My data"
NAMES = [str(digit) for digit in range(10)]
LABELS = np.arange(200) % 10
GENERATOR = np.random.default_rng(0)

PLANE = {title: (GENERATOR.normal(size=(200, 2)), LABELS) for title in ("train", "test")}
CLOUDS = {loss: GENERATOR.normal(size=(200, 3)) for loss in LOSSES}
SPHERES = {loss: x / np.linalg.norm(x, axis=1, keepdims=True) for loss, x in CLOUDS.items()}
EMBEDDINGS = {loss: GENERATOR.normal(size=(200, 2)) for loss in LOSSES}
IMAGES = GENERATOR.integers(0, 256, (30, 32, 32, 3), dtype=np.uint8)
BLOCKS = np.arange(10).repeat(3)
MAPS = {loss: GENERATOR.random((30, 32, 32)) for loss in LOSSES}
PROBABILITIES = {
    loss: 0.4 * np.eye(10)[BLOCKS] + (0.06 + 0.01 * number) for number, loss in enumerate(LOSSES)
}
PROBABILITIES["amc"][17] = 0.46 * np.eye(10)[8] + 0.06
EPOCHS = 4


def sweep_metrics():
    points = [
        (1.0, 0.5),
        (0.1, 0.5),
        (0.01, 0.5),
        (0.001, 0.5),
        (0.1, 0.75),
        (0.1, 1.0),
        (0.1, 1.25),
        (0.1, 1.5),
    ]
    rows = [("cross_entropy", np.nan, np.nan, seed, 80 + seed) for seed in range(3)]
    rows += [("amc", w, m, seed, 82 + w + m + seed) for w, m in points for seed in range(3)]
    metrics = pd.DataFrame(rows, columns=["loss", "weight", "margin", "seed", "accuracy"])
    return metrics.assign(dataset="cifar10")


def histories():
    """Histories of three seeds, whose mean is that of the second and whose range is 0.2 of it."""
    found = {}
    for number, loss in enumerate(LOSSES, 1):
        curve = number * np.linspace(2, 1, EPOCHS)
        columns = {
            "cross_entropy": curve,
            "auxiliary": 0.01**number * curve if loss != "cross_entropy" else 0 * curve,
            "accuracy": 10 * curve,
            "gradient_share": 0.1 * curve if loss != "cross_entropy" else 0 * curve,
        }
        frame = pd.DataFrame({"epoch": range(EPOCHS), **columns})
        found[loss] = [
            frame.assign(**{name: scale * frame[name] for name in columns}) for scale in (0.9, 1, 1.1)
        ]
    return found


SCHEDULED = {
    "epochs": EPOCHS,
    "ramp_up": 1,
    "ramp_down": 2,
    "ramp_down_steepness": 12.5,
    "learning_rate": 0.003,
    "beta1": 0.9,
    "beta1_end": 0.5,
    "schedules_change": "step",
    "auxiliary_schedule": {"maximum": 1, "first_epoch": "ramp", "ramps_down": False},
}
SCHEDULES = curves.planned(SCHEDULED)
MEASURES = yaml.safe_load((ROOT / "resources/paper/claims.yaml").read_text())["measures"]
PANELS = [name for name, about in MEASURES.items() if about.get("panel")]


def measured(losses=LOSSES):
    """Of three seeds each measure is the place of its name, of the loss, and tenths of the seed."""
    rows = [
        (loss, seed, name, at + number + 0.1 * seed)
        for at, name in enumerate(MEASURES)
        for number, loss in enumerate(losses)
        for seed in range(3)
    ]
    return pd.DataFrame(rows, columns=["loss", "seed", "measure", "value"])


def explained(count=3, datasets=("mine",)):
    losses = shown(count)
    values = {name: measured(losses.shown) for name in datasets}
    return charts.measured(values, MEASURES, dict.fromkeys(datasets, TITLE), losses)


def confused(classes=10, losses=LOSSES):
    generator = np.random.default_rng(1)
    return {loss: generator.integers(1, 50, (classes, classes)) for loss in losses}


# As many losses as a figure shows at most, and one more.
OTHERS = {f"other{number}": f"+ Another loss, number {number}" for number in range(4)}
SEVEN = Losses(LOSSES | OTHERS, proposed="amc", reference="euclidean", baseline="cross_entropy")


def shown(count):
    return style.LossStyle(SEVEN, list(SEVEN.titles)[:count])


def of_others(values, count):
    """The same numbers for so many losses."""
    given = list(values.values())
    return {loss: given[at % len(given)] for at, loss in enumerate(shown(count).shown)}


def architecture(name="top", channels=3, classes=10, **settings):
    network = networks.build(name, channels, classes, **settings)
    return networks.summarise(network, (channels, 32, 32))


LONG = ["large omnivores and herbivores", *(f"vehicles {number}" for number in range(19))]
ALONE = "euclidean"
NOTES = {loss: f"a note\nof {loss}" for loss in LOSSES}
FIGURES = {
    "figure1": lambda: scatter.feature_plane(PLANE, NAMES),
    "figure2": lambda: heatmaps.activation_map(
        IMAGES[0],
        {loss: maps[0] for loss, maps in MAPS.items()},
        ["airplane 99%"] * 3,
        SHOWN,
        "test image 782",
    ),
    **{
        f"figure2, {n} losses": lambda n=n: heatmaps.activation_map(
            IMAGES[0], {k: maps[0] for k, maps in of_others(MAPS, n).items()}, ["airplane 99%"] * n, shown(n)
        )
        for n in (2, 5, 6)
    },
    **{
        f"figure4, {n} losses": lambda n=n: scatter.feature_spheres(
            {k: (points, LABELS) for k, points in of_others(SPHERES, n).items()},
            of_others(NOTES, n),
            NAMES,
            shown(n),
        )
        for n in (2, 5, 6)
    },
    **{
        f"figure5, {n} losses": lambda n=n: scatter.embedding_panels(
            of_others(EMBEDDINGS, n), LABELS, of_others(NOTES, n), NAMES, shown(n)
        )
        for n in (2, 5, 6)
    },
    **{
        f"figure6, {n} losses": lambda n=n: heatmaps.activation_blocks(
            IMAGES, of_others(MAPS, n), of_others(PROBABILITIES, n), BLOCKS, NAMES, shown(n)
        )
        for n in (2, 5, 6)
    },
    **{
        f"curves, {n} losses": lambda n=n: curves.training_curves(
            of_others(histories(), n), SCHEDULES, shown(n)
        )
        for n in (2, 5, 7)
    },
    **{
        f"confusion, {n} losses": lambda n=n: confusion.confusion_matrices(
            of_others(confused(), n), NAMES, shown(n)
        )
        for n in (2, 5, 7)
    },
    "figure7, of another loss": lambda: charts.sweep(
        sweep_metrics().rename(columns={"margin": "temperature"}),
        "amc",
        {"weight": 0.1, "temperature": 0.5},
        {"temperature": VARY["margin"]},
        SHOWN,
        TITLE,
    ),
    "figure3": lambda: diagram.framework(architecture()),
    "figure3, bottom": lambda: diagram.framework(architecture("bottom")),
    "figure4": lambda: scatter.feature_spheres(
        {loss: (points, LABELS) for loss, points in SPHERES.items()},
        NOTES,
        NAMES,
        SHOWN,
    ),
    "figure5": lambda: scatter.embedding_panels(EMBEDDINGS, LABELS, NOTES, NAMES, SHOWN),
    "figure5, 20 classes": lambda: scatter.embedding_panels(EMBEDDINGS, LABELS, NOTES, LONG, SHOWN),
    "figure4, alone": lambda: scatter.feature_spheres({ALONE: (SPHERES[ALONE], LABELS)}, NOTES, NAMES, SHOWN),
    "figure5, alone": lambda: scatter.embedding_panels(EMBEDDINGS, LABELS, NOTES, NAMES, SHOWN, [ALONE]),
    "figure6, alone": lambda: heatmaps.activation_blocks(
        IMAGES, {ALONE: MAPS[ALONE]}, PROBABILITIES, BLOCKS, NAMES, SHOWN
    ),
    "confusion, alone": lambda: confusion.confusion_matrices({ALONE: confused()[ALONE]}, NAMES, SHOWN),
    "confusion, alone, 20 classes": lambda: confusion.confusion_matrices(
        {ALONE: confused(20)[ALONE]}, LONG, SHOWN
    ),
    "figure6": lambda: heatmaps.activation_blocks(IMAGES, MAPS, PROBABILITIES, BLOCKS, NAMES, SHOWN),
    "figure7": lambda: charts.sweep(sweep_metrics(), "amc", OWN, VARY, SHOWN, TITLE, angular=True),
    "figure7, level": lambda: charts.sweep(
        sweep_metrics().assign(accuracy=lambda runs: 82 + runs["seed"] % 2), "amc", OWN, VARY, SHOWN, TITLE
    ),
    "curves": lambda: curves.training_curves(histories(), SCHEDULES, SHOWN),
    "confusion": lambda: confusion.confusion_matrices(confused(), NAMES, SHOWN),
    "explainability": explained,
    "explainability, 2 datasets": lambda: explained(3, ("mine", "others")),
    "explainability, 6 losses": lambda: explained(6),
    "confusion, 20 classes": lambda: confusion.confusion_matrices(confused(20), LONG, SHOWN),
}
