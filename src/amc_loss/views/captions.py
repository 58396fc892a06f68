"""What the report's captions call what the user has named."""

from typing import Any

from amc_loss.study.study import Study
from amc_loss.views.markup import escaped, panel_title


def names(study: Study) -> dict[str, Any]:
    """Names that captions show, none of which reStructuredText takes for markup.

    Returns:
        ``titles`` of the datasets; for Figures 1, 2 and 6 the classes that the configuration names, each
        under the figure; ``target``, the class that Grad-CAM explains; ``vary``, what
        Figure 7 varies; ``losses``, those of each figure with
        the letters of their panels; ``proposed``, ``reference``, ``baseline`` and ``varied``, the loss of
        Figure 7.
    """
    figures = study.config["figures"]
    classes = {
        "figure1": figures["figure1"]["classes"] or [],
        "figure2": [figures["figure2"]["class"] or ""],
        "figure6": figures["figure6"]["classes"] or [],
        "vary": ["λ" if name == "weight" else name for name in study.vary],
        "target": [study.config["grad_cam"]["target"]],
    }
    losses = {name: escaped(title) for name, title in study.losses.titles.items()}
    shown = {figure: study.shown(figure) for figure in ("figure2", "figure4", "figure5", "figure6")}
    shown["confusion"] = list(losses)
    roles = {role: getattr(study.losses, role) for role in ("proposed", "reference", "baseline")}
    return {
        "losses": {
            figure: ", ".join(panel_title(at, losses[name]) for at, name in enumerate(names))
            for figure, names in shown.items()
        },
        **{role: losses[name] for role, name in (roles | {"varied": study.varied_loss}).items()},
        "titles": {name: escaped(title) for name, title in study.titles.items()},
        **{key: ", ".join(map(escaped, values)) for key, values in classes.items()},
    }
