"""Captions say what the settings are."""

from types import SimpleNamespace

import jinja2
import pytest
import yaml
from checkout import ROOT

from amc_loss.study.study import Study
from amc_loss.views import captions


def caption(name, **changes):
    config = yaml.safe_load((ROOT / "config.yaml").read_text())
    for section, values in changes.items():
        config[section] = {**config.get(section, {}), **values}
    study = Study(config, yaml.safe_load((ROOT / "workflow/schemas/config.schema.yaml").read_text()))
    as_text, study = captions.names(study), study.config
    text = (ROOT / f"workflow/report/{name}.rst").read_text()
    snakemake = SimpleNamespace(
        config={**study, "as_text": as_text},
        params=SimpleNamespace(figure=study["figures"].get(name)),
        wildcards=SimpleNamespace(dataset="mnist"),
    )
    template = jinja2.Template(text, undefined=jinja2.StrictUndefined)
    files = [SimpleNamespace(target="summary.md", path=ROOT / "README.md")]
    return " ".join(template.render(snakemake=snakemake, files=files).split())


@pytest.mark.parametrize("path", sorted((ROOT / "workflow/report").glob("*.rst")), ids=lambda path: path.stem)
def test_every_caption_renders(path):
    assert caption(path.stem)


def test_the_front_page_has_the_summary():
    assert " ".join((ROOT / "README.md").read_text().split()) in caption("workflow")


@pytest.mark.parametrize(
    ("name", "changes", "before", "after"),
    [
        ("table1", {"evaluation": {"equal_variances": True}}, "of Welch's t-test", "of Student's t-test"),
        ("figure7", {"evaluation": {"equal_variances": True}}, "p is Welch's", "p is Student's"),
        (
            "clustering",
            {"evaluation": {"clusters": "k_means"}},
            "of the predicted labels",
            "of k-means clusters",
        ),
        (
            "figure2",
            {"grad_cam": {"layer": "conv1_2"}},
            "of the last convolution for",
            "of layer conv1_2 for",
        ),
        ("figure6", {"grad_cam": {"target": "true_label"}}, "the predicted class", "the true class"),
        ("figure2", {"grad_cam": {"target": "ship"}}, "the predicted class,", 'the class "ship",'),
        (
            "table1_differences",
            {"evaluation": {"equal_variances": True}},
            "of Welch's t-test",
            "of Student's t-test",
        ),
        (
            "figure6",
            {"grad_cam": {"divide_by_rms": True}},
            "class, on",
            "class, gradients divided by their root mean",
        ),
        (
            "figure5",
            {"evaluation": {"clusters": "k_means"}},
            "completeness of the predicted labels on",
            "completeness of the clusters that k-means finds in the features on",
        ),
        ("figure2", {"grad_cam": {"start": 1}}, "class, under (a)", "class, added to 1, under (a)"),
        (
            "figure2",
            {"grad_cam": {"alignment": "receptive_field"}},
            "class, under (a)",
            "class, each cell drawn at the centre of its receptive field, under (a)",
        ),
        (
            "figure6",
            {"grad_cam": {"alignment": "receptive_field"}},
            "class, on",
            "class, each cell drawn at the centre of its receptive field, on",
        ),
    ],
)
def test_captions_follow_the_settings(name, changes, before, after):
    assert before in caption(name)
    assert after in caption(name, **changes)
    assert before not in caption(name, **changes)


def test_caption_of_figure_5_follows_the_normalisation():
    config = yaml.safe_load((ROOT / "config.yaml").read_text())["figures"]
    changed = caption("figure5", figures={"figure5": {**config["figure5"], "normalised": False}})
    assert "of the L2-normalised deep" in caption("figure5")
    assert "of the deep" in changed


@pytest.mark.parametrize(
    ("losses", "seeds", "expected"),
    [
        (0.3, 0.5, "the loss changes a map more than the seed does; a"),
        (
            0.5,
            0.3,
            "the loss changes a map less than the seed does, so that pictures of one seed cannot tell",
        ),
    ],
)
def test_maps_that_correlate_less_are_changed_more(losses, seeds, expected):
    sentence = captions.alike({"losses": losses, "seeds": seeds, "neither": 0.2, "p": 0.0304})
    assert (
        f"correlate by {losses:.2f} (Spearman), under one loss and two seeds by {seeds:.2f}: {expected}"
        in sentence
    )
    assert sentence.endswith("p = 0.0304.")


def test_nothing_is_said_of_maps_where_there_is_one_seed():
    assert captions.alike({"losses": 0.5, "seeds": None, "neither": None, "p": None}) == ""
