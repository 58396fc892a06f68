"""What the report's captions call what the user has named."""

from collections.abc import Mapping
from typing import Any

from amc_loss.study.study import Study
from amc_loss.views.markup import escaped, panel_title


def names(study: Study, agreement: Mapping[str, Mapping[str, float | None]] | None = None) -> dict[str, Any]:
    """Names that captions show, none of which reStructuredText takes for markup.

    Args:
        study: The study.
        agreement: For each dataset whose explanations were measured what
            `amc_loss.measures.explainability.losses_against_seeds` gave.

    Returns:
        ``titles`` of the datasets; for Figures 1, 2 and 6 the classes that the configuration names, each
        under the figure; ``target``, the class that Grad-CAM explains; ``vary``, what
        Figure 7 varies; ``losses``, those of each figure with
        the letters of their panels; ``proposed``, ``reference``, ``baseline`` and ``varied``, the loss of
        Figure 7; and ``agreement``, for each dataset a sentence on how alike maps are, empty where it was not
        measured.
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
    roles = {**study.config["study"]["compare"], "varied": study.varied_loss}
    return {
        "losses": {
            figure: ", ".join(panel_title(at, losses[name]) for at, name in enumerate(names))
            for figure, names in shown.items()
        },
        **{role: losses[name] for role, name in roles.items()},
        "agreement": {name: alike((agreement or {}).get(name, {})) for name in study.titles},
        "titles": {name: escaped(title) for name, title in study.titles.items()},
        **{key: ", ".join(map(escaped, values)) for key, values in classes.items()},
    }


def alike(found: Mapping[str, float | None]) -> str:
    """Whether losses change maps more than seeds do, in a sentence; nothing where that is not known.

    Args:
        found: As `amc_loss.measures.explainability.losses_against_seeds` gives it.
    """
    losses, seeds, p_value = (found.get(key) for key in ("losses", "seeds", "p"))
    if losses is None or seeds is None or p_value is None:
        return ""
    if losses < seeds:
        verdict = "the loss changes a map more than the seed does"
    else:
        verdict = (
            "the loss changes a map less than the seed does, so that pictures of one seed cannot tell its "
            "effect from the seed's"
        )
    return (
        "On the test images that all runs classify correctly, the maps of one image under two losses of one "
        f"seed, which share initial weights and the order of images, correlate by {losses:.2f} (Spearman), "
        f"under one loss and two seeds by {seeds:.2f}: {verdict}; a permutation test of no effect of the "
        f"loss at all gives p = {p_value:.3g}."
    )
