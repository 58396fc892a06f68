from amc_loss.jobs.logs import redirect

redirect(snakemake.log[0])

from sklearn.preprocessing import normalize

from amc_loss.data.dataset import load_dataset
from amc_loss.data.sampling import sample
from amc_loss.measures.geometry import angular_spread
from amc_loss.runs.features import read_features
from amc_loss.study.names import Losses
from amc_loss.views import scatter, style

data = load_dataset(snakemake.input.data)
shown = sample(len(data.y_test), snakemake.params.figure["points"])
losses = style.LossStyle(Losses(**snakemake.params.compared), snakemake.params.shown)
panels, notes = {}, {}
for loss, path in zip(losses.shown, snakemake.input.features, strict=True):
    run = read_features(path)
    features, labels = run.features[shown], run.labels[shown]
    panels[loss] = normalize(features), labels
    within, between = angular_spread(features, labels)
    notes[loss] = f"mean angle within a class {within:.1f}°\nsmallest between classes {between:.1f}°"
style.save_by_loss(
    lambda some: scatter.feature_spheres(
        {loss: panels[loss] for loss in some}, notes, data.class_names, losses
    ),
    losses.shown,
    snakemake.output,
)
