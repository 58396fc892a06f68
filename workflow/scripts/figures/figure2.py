from amc_loss.jobs.logs import redirect

redirect(snakemake.log[0])

from amc_loss.runs.explanations import read_explanations
from amc_loss.study.names import Losses
from amc_loss.views import heatmaps, style

kept = read_explanations(snakemake.input[0])
shown = {loss: values[0] for loss, values in kept.probabilities.items()}
figure = heatmaps.activation_map(
    kept.images[0],
    {loss: maps[0] for loss, maps in kept.maps.items()},
    [f"{style.shown(kept.class_names[p.argmax()])}, {p.max():.0%}" for p in shown.values()],
    style.LossStyle(Losses(**snakemake.params.compared), list(kept.maps)),
    f"test image {kept.index[0]}",
)
style.save(figure, snakemake.output)
