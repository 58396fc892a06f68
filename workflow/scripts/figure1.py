from amc_loss.logs import redirect

redirect(snakemake.log[0])

import numpy as np

from amc_loss import datasets, embedding, scatter, style

figure = snakemake.params.figure
names = datasets.load(snakemake.input.data).class_names
panels = {}
with np.load(snakemake.input.features[0], allow_pickle=False) as arrays:
    for split, name in (("train", "training"), ("test", "test")):
        labels = arrays[f"labels_{split}"]
        shown = embedding.select(labels, names, figure["classes"], figure["points"])
        features, labels = arrays[f"features_{split}"][shown], labels[shown]
        share = embedding.radial_share(features, labels)
        title = f"{snakemake.params.title}, {name} set"
        panels[f"{title}\nradial share of within-class variance {share:.0%}"] = features, labels
style.save(scatter.feature_plane(panels, names), snakemake.output)
