from amc_loss.jobs.logs import redirect

redirect(snakemake.log[0])

from amc_loss.data.dataset import load_dataset
from amc_loss.measures.geometry import radial_share, select
from amc_loss.runs.features import read_features
from amc_loss.views import scatter, style

figure = snakemake.params.figure
names = load_dataset(snakemake.input.data).class_names
panels = {}
for split, name in (("train", "training"), ("test", "test")):
    run = read_features(snakemake.input.features[0], split)
    shown = select(run.labels, names, figure["classes"], figure["points"])
    features, labels = run.features[shown], run.labels[shown]
    title = f"{style.shown(snakemake.params.title)}, {name} set"
    share = radial_share(features, labels)
    panels[f"{title}\nradial share of within-class variance {share:.0%}"] = features, labels
style.save(scatter.feature_plane(panels, names), snakemake.output)
