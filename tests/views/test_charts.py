"""Figure 7, training curves, confusion matrices and the diagram, read off the figures' objects."""

import numpy as np
import pytest
from figures import (
    FIGURES,
    LOSSES,
    MEASURES,
    OWN,
    PANELS,
    SHOWN,
    VARY,
    architecture,
    explained,
    measured,
    render,
    sweep_metrics,
)
from matplotlib import colors
from matplotlib.patches import Circle, FancyArrowPatch, FancyBboxPatch, Polygon

from amc_loss.views import charts, diagram


def test_figure_7_shows_means_errors_p_values_and_baseline():
    figure = FIGURES["figure7"]()
    over_weight, over_margin = figure.axes
    assert over_weight.get_xscale() == "log"
    assert over_weight.get_ylabel() == "accuracy on My data (%)"
    assert [axis.get_title() for axis in figure.axes] == ["(a) at $m_g$ = 0.5", "(b) at λ = 0.1"]
    assert over_weight.get_ylim() == over_margin.get_ylim()
    for axis, x, y in (
        (over_weight, [0.001, 0.01, 0.1, 1], [83.501, 83.51, 83.6, 84.5]),
        (over_margin, [0.5, 0.75, 1.0, 1.25, 1.5], [83.6, 83.85, 84.1, 84.35, 84.6]),
    ):
        container = axis.containers[0]
        np.testing.assert_allclose(container.lines[0].get_xydata(), np.column_stack([x, y]))
        for segment, mean in zip(container.lines[2][0].get_segments(), y, strict=True):
            np.testing.assert_allclose(segment[:, 1], [mean - 1, mean + 1])
        assert colors.to_rgb(container.lines[0].get_color()) == SHOWN.colours["amc"]
        dashed = next(line for line in axis.lines if line.get_linestyle() == "--")
        assert set(dashed.get_ydata()) == {81}
        assert colors.to_rgb(dashed.get_color()) == SHOWN.colours["cross_entropy"]
        band = axis.patches[0].get_window_extent().transformed(axis.transData.inverted())
        assert (band.y0, band.y1) == pytest.approx((80, 82))
        assert len(axis.texts) == len(x)
        render(figure)
        for text, top in zip(axis.texts, np.add(y, 1), strict=True):
            assert text.get_window_extent().y0 > axis.transData.transform((x[0], top))[1]
        # Ticks say where was measured.
        np.testing.assert_allclose(axis.get_xticks(), x)
        assert not len(axis.get_xticks(minor=True))
        assert [text.get_text() for text in axis.get_xticklabels()] == [f"{value:g}" for value in x]
    names = [text.get_text() for text in figure.legends[0].get_texts()]
    assert names[2] == "p: two-sided Welch's t-test against Cross-entropy"
    # Welch for means 84.5 and 81, both with SD 1 and n = 3: t = 4.287, 4 degrees of freedom.
    assert over_weight.texts[-1].get_text() == "p =\n0.0128"


def test_figure_7_has_the_test_that_it_is_given():
    metrics = sweep_metrics()
    metrics.loc[metrics["loss"] == "cross_entropy", "accuracy"] = [81, 81.1, 81.2]
    texts = [
        charts.sweep(metrics, "amc", OWN, VARY, SHOWN, "x", True, equal).axes[0].texts[-1].get_text()
        for equal in (False, True)
    ]
    assert texts[0] != texts[1]


def test_figure_3_takes_its_numbers_from_the_network():
    texts = []
    for layers in (architecture(classes=20), architecture(channels=1, classes=7, width_multiplier=0.25)):
        figure = diagram.framework(layers)
        texts.append("\n".join(text.get_text() for text in figure.axes[0].texts))
    for part in (
        "32×32×3",
        "3 convolutions\nof 32×32×128",
        "3 convolutions\nof 16×16×256",
        "6×6×512\n6×6×256\n6×6×128",
        "128-d",
        "20 classes",
    ):
        assert part in texts[0]
    for part in (
        "32×32×1",
        "3 convolutions\nof 32×32×32",
        "3 convolutions\nof 16×16×64",
        "6×6×128\n6×6×64\n6×6×32",
        "32-d",
        "7 classes",
    ):
        assert part in texts[1]


def test_figure_3_of_the_bottom_of_table_2():
    texts = [text.get_text() for text in FIGURES["figure3, bottom"]().axes[0].texts]
    assert [text for text in texts if text.startswith("Conv.")] == ["Conv. 1", "Conv. 2", "Conv. 3"]
    assert {"32×32×64", "16×16×64", "6×6×128\n6×6×64", "64-d"} <= set(texts)


def test_a_measure_has_a_dot_for_each_run_a_line_for_each_seed_and_the_margin_as_a_band():
    figure = FIGURES["explainability"]()
    panels = [axis for axis in figure.axes if axis.axison]
    assert len(panels) == len(PANELS) == 12
    for axis, name in zip(panels, PANELS, strict=True):
        about, base = MEASURES[name], list(MEASURES).index(name)
        assert axis.get_title().replace("\n", " ").startswith(about["title"])
        seeds = [line for line in axis.lines if line.get_linestyle() == "-"]
        for seed, line in enumerate(seeds):
            np.testing.assert_allclose(line.get_xydata(), [(n, base + n + 0.1 * seed) for n in range(3)])
        dots = [line for line in axis.lines if line.get_linestyle() == "None"]
        for number, (line, loss) in enumerate(zip(dots, LOSSES, strict=True)):
            np.testing.assert_allclose(line.get_ydata(), base + number + np.array([0, 0.1, 0.2]))
            assert set(line.get_xdata()) == {number}
            assert colors.to_rgb(line.get_color()) == SHOWN.colours[loss]
        band = axis.patches[0].get_window_extent().transformed(axis.transData.inverted())
        middle = base + 2 + 0.1  # AMC-Loss, the second seed
        assert (band.y0, band.y1) == pytest.approx((middle - about["margin"], middle + about["margin"]))
        # Far below the runs chance is named, so that it does not squash them.
        edge = [f"by chance {about['chance']:g} ↓"] if "chance" in about else []
        assert [text.get_text() for text in axis.texts] == edge
        assert axis.get_ylim()[0] > base - 1


@pytest.mark.parametrize("above", [0.01, 0.03])
def test_chance_is_a_line_where_the_runs_are_or_close_to_them(above):
    values = measured()
    values.loc[values["measure"] == "pointing", "value"] = MEASURES["pointing"]["chance"] + above
    figure = charts.measured({"mine": values}, MEASURES, {"mine": "My data"}, SHOWN)
    axis = figure.axes[PANELS.index("pointing")]
    [line] = [line for line in axis.lines if line.get_linestyle() == ":"]
    assert list(line.get_ydata()) == [0.25, 0.25]
    assert not axis.texts


def test_each_dataset_begins_a_row_of_panels():
    values = measured()
    fewer = values[~values["measure"].isin(PANELS[:3])]
    titles = {"a": "First", "b": "Second"}
    figure = charts.measured({"a": fewer, "b": values}, MEASURES, titles, SHOWN)
    of = [axis.get_title().rpartition("\n")[2] if axis.axison else "" for axis in figure.axes]
    assert of == ["First"] * 9 + [""] * 3 + ["Second"] * 12


def test_a_measure_that_is_nowhere_defined_has_no_panel():
    values = measured()
    values.loc[values["measure"] == "strokes", "value"] = np.nan
    figure = charts.measured({"mine": values}, MEASURES, {"mine": "My data"}, SHOWN)
    titles = [axis.get_title() for axis in figure.axes if axis.axison]
    assert len(titles) == 11
    assert not any("strokes" in title for title in titles)
    assert len([axis for axis in explained(3, ("a", "b")).axes if axis.axison]) == 24


def test_where_nothing_was_measured_there_is_an_empty_figure():
    values = measured().assign(value=np.nan)
    figure = charts.measured({"mine": values}, MEASURES, {"mine": "My data"}, SHOWN)
    assert not any(axis.axison for axis in figure.axes)


def test_figure_3_s_arrows_meet_what_they_join():
    axis = FIGURES["figure3"]().axes[0]
    ends = [
        end
        for arrow in axis.patches
        if isinstance(arrow, FancyArrowPatch) and arrow.get_arrowstyle().__class__.__name__ != "Curve"
        for end in arrow._posA_posB
    ]
    boxes = [patch for patch in axis.patches if isinstance(patch, (Polygon, Circle, FancyBboxPatch))]
    formula = next(text for text in axis.texts if "\\frac" in text.get_text()).get_position()
    near = [end for end in ends if np.hypot(*np.subtract(end, formula)) > 2.5]
    assert len(ends) - len(near) == 2
    for end in near:
        outlines = [box.get_path().transformed(box.get_patch_transform()) for box in boxes]
        on_one = [
            outline.contains_point(end, radius=0.05) != outline.contains_point(end, radius=-0.05)
            for outline in outlines
        ]
        assert any(on_one), end


def test_panels_of_measures_say_which_loss_and_what_is_better():
    figure = FIGURES["explainability"]()
    for axis, name in zip(figure.axes, PANELS, strict=True):
        base = list(MEASURES).index(name)
        assert axis.get_title()[-1] == {"higher": "↑", "lower": "↓"}[MEASURES[name]["panel"]]
        assert [text.get_text() for text in axis.get_xticklabels()] == ["(a)", "(b)", "(c)"]
        means = [of.get_segments()[0][:, 1].tolist() for of in axis.collections]
        assert means == [pytest.approx([base + at + 0.1] * 2) for at in range(3)]
    [legend] = figure.legends
    assert [text.get_text() for text in legend.get_texts()] == [
        "(a) Cross-entropy",
        "(b) + Euclid",
        "(c) + AMC-Loss",
    ]
    keys = [colors.to_rgb(key.get_color()) for key in legend.legend_handles]
    assert keys == [SHOWN.colours[loss] for loss in LOSSES]


def test_chance_far_above_the_runs_is_named_at_the_upper_edge():
    values = measured()
    values.loc[values["measure"] == "pointing", "value"] -= 100
    axis = charts.measured({"mine": values}, MEASURES, {"mine": "My data"}, SHOWN).axes[
        PANELS.index("pointing")
    ]
    assert [(text.get_text(), text.get_position()[1]) for text in axis.texts] == [("by chance 0.25 ↑", 0.97)]
    assert axis.get_ylim()[1] < 0
    # Room for it over the dots, and none more below them.
    dots = np.concatenate([line.get_ydata() for line in axis.lines])
    low, high = axis.get_ylim()
    assert high - dots.max() > 2 * (dots.min() - low)


def test_axes_of_figure_7_name_what_is_varied_and_the_test():
    figure = FIGURES["figure7"]()
    assert [axis.get_xlabel() for axis in figure.axes] == ["λ", "$m_g$ in radians"]
    of_euclid = charts.sweep(sweep_metrics(), "amc", OWN, VARY, SHOWN, "x", False, True)
    assert [axis.get_xlabel() for axis in of_euclid.axes] == ["λ", "margin"]
    assert "two-sided Student's t-test" in of_euclid.legends[0].get_texts()[2].get_text()


def test_a_weight_of_0_has_its_place_on_the_axis():
    metrics = sweep_metrics().replace({"weight": {0.001: 0}})
    axis = charts.sweep(metrics, "amc", OWN, {**VARY, "weight": [1, 0.1, 0.01, 0]}, SHOWN, "x").axes[0]
    assert axis.get_xscale() == "linear"
