"""What the report's captions call what the user has named."""

from typing import Any

from amc_loss.study.study import Study
from amc_loss.views.markup import escaped


def names(study: Study) -> dict[str, Any]:
    """Names that captions show, none of which reStructuredText takes for markup.

    Returns:
        ``titles`` of the datasets; for Figures 1, 2 and 6 the classes that the configuration names, each
        under the figure; and ``target``, the class that Grad-CAM explains.
    """
    figures = study.config["figures"]
    classes = {
        "figure1": figures["figure1"]["classes"] or [],
        "figure2": [figures["figure2"]["class"] or ""],
        "figure6": figures["figure6"]["classes"] or [],
        "target": [study.config["grad_cam"]["target"]],
    }
    return {
        "titles": {name: escaped(title) for name, title in study.titles.items()},
        **{key: ", ".join(map(escaped, values)) for key, values in classes.items()},
    }
