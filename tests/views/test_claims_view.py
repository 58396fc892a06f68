"""The ledger as a table, a sentence and a figure, and several side by side."""

from functools import partial
from io import StringIO

import numpy as np
import pandas as pd
import pytest
from figures import MEASURES, SHOWN
from matplotlib import colors
from settings import STUDY

from amc_loss.measures.claims import COLUMNS
from amc_loss.measures.rules import VERDICTS
from amc_loss.study.names import Losses
from amc_loss.views import claims, style, tables
from amc_loss.views import forest as plots

pytestmark = pytest.mark.filterwarnings("error")

TITLES = {"svhn": "SVHN", "mine": "R&D #1_data"}
READABLE = [
    *("Section", "Claim", "Verdict", "Measured", "Effect", "95% CI", "p (Holm)"),
    *("Margin", "This row", "Runs", "Seeds needed", "Dose", "Note"),
]


def row(claim="maps", verdict="holds", **others):
    """A row as `decide` gives it; of two seeds and more if nothing else is said."""
    given = dict.fromkeys(COLUMNS) | {
        "kind": "claim",
        "claim": claim,
        "verdict": verdict,
        "claim_verdict": verdict,
    }
    given |= {"section": "1, 2", "statement": f"It is so of {claim}.", "runs": "table1", "dataset": "svhn"}
    given |= {"measure": "gini", "of": "amc", "against": "euclidean", "claimed": "higher", "n": 5}
    given |= {"effect": 0.06, "interval_low": 0.03, "interval_high": 0.09, "p": 0.01, "p_holm": 0.02}
    return given | {"margin": 0.03} | others


def ledger(*rows):
    """As it is read from the file that it was written to."""
    return pd.read_csv(StringIO(pd.DataFrame(rows, columns=COLUMNS).to_csv(index=False)))


THICK = 2.4
NOTHING = dict.fromkeys(["effect", "interval_low", "interval_high", "p", "p_holm", "margin", "n"])
LEDGER = ledger(
    row(verdict="holds", claim_verdict="mixed", dose=0.1234, p_holm=0.00001),
    row(
        verdict="undecided",
        claim_verdict="mixed",
        dataset="mine",
        effect=-12.34,
        interval_low=-20.5,
        interval_high=1.25,
        seeds=12345,
        note="50% & more_or_less",
    ),
    row(
        "bound",
        "does not hold",
        measure="within_angle",
        against=None,
        effect=2,
        p=None,
        p_holm=None,
        margin=None,
    ),
    row(
        "printed",
        "holds",
        measure="accuracy",
        runs="paper",
        p_holm=None,
        against="cross_entropy",
        **dict.fromkeys(["interval_low", "margin"]),
    ),
    row("elsewhere", "not tested", of="center", note="snakemake --workflow-profile x", **NOTHING),
    row("text", runs="paper", **NOTHING | dict.fromkeys(["dataset", "measure", "of", "against"])),
)


def readable(markup="md", full_scale=True, table=LEDGER):
    return claims.readable_claims(table, markup, TITLES, STUDY, MEASURES, full_scale)


def test_a_command_in_a_note_is_code_that_can_be_copied():
    command = "snakemake --config 'study={datasets: [mnist]}' -- claims"
    table = ledger(row("elsewhere", "not tested", note=command, **NOTHING), row("it", note="[a] *b*"))
    assert readable(table=table)["Note"].tolist() == [f"`{command}`", r"\[a\] \*b\*"]
    assert "`" not in readable("tex", table=table)["Note"][0]


@pytest.mark.parametrize(
    ("note", "expected"),
    [("λ 0.1", "+0.700"), ("7 of 10 classes", "0.700"), ("effect: ratio of standard deviations", "0.700")],
)
def test_only_a_difference_has_a_sign(note, expected):
    table = ledger(row("it", effect=0.7, note=note), row("same"))
    assert readable(table=table)["Effect"][0] == expected


@pytest.mark.parametrize(
    ("verdicts", "full_scale", "expected"),
    [
        (
            {"holds": 12, "does not hold": 2, "undecided": 3, "mixed": 4, "not tested": 5},
            True,
            "of 26 claims 12 hold, 2 do not hold, 3 are undecided, 4 are mixed over datasets and 5 are not tested",
        ),
        (
            dict.fromkeys(VERDICTS, 1),
            False,
            "of 5 claims 1 holds, 1 does not hold, 1 is undecided, 1 is mixed over datasets and 1 is not tested "
            "in this study, which is smaller than the paper's",
        ),
        (
            {"holds": 1},
            True,
            "of 1 claims 1 holds, 0 do not hold, 0 are undecided, 0 are mixed over datasets and 0 are not tested",
        ),
    ],
)
def test_a_sentence_counts_claims_and_not_their_parts(verdicts, full_scale, expected):
    rows = [
        row(f"{verdict} {number}", "undecided", claim_verdict=verdict)
        for verdict, count in verdicts.items()
        for number in range(count)
        for _ in range(3)
    ]
    assert claims.sentence(ledger(*rows), full_scale) == expected


def test_in_markdown():
    table = readable()
    assert list(table) == READABLE
    assert table.values.tolist() == [
        [
            *(
                "1, 2",
                "It is so of maps.",
                "mixed",
                "Gini index, + AMC-Loss against + Euclid, SVHN",
                "+0.060",
            ),
            *("[0.030, 0.090]", "< 0.0001", "0.03", "holds", "5", "", "12%", ""),
        ],
        [
            *("", "", "", r"Gini index, + AMC-Loss against + Euclid, R\&D #1_data", "−12.3"),
            *("[-20.5, 1.250]", "0.0200", "0.03", "undecided", "5", "12,345", "", r"50% \& more_or_less"),
        ],
        [
            *("1, 2", "It is so of bound.", "does not hold"),
            *("Angle to the class mean (°), + AMC-Loss, SVHN", "2.000", "[0.030, 0.090]"),
            *("", "", "", "5", "", "", ""),
        ],
        [
            *("1, 2", "It is so of printed.", "holds"),
            *("Accuracy (%), + AMC-Loss against Cross-entropy, SVHN", "+0.060", "", ""),
            *("", "", "5", "", "", ""),
        ],
        [
            *("1, 2", "It is so of elsewhere.", "not tested", "Gini index, center against + Euclid, SVHN"),
            *[""] * 8,
            "`snakemake --workflow-profile x`",
        ],
        ["1, 2", "It is so of text.", "holds", *[""] * 10],
    ]


def test_in_latex():
    table = readable("tex")
    assert list(table) == [name.replace("%", r"\%") for name in READABLE]
    first, second = table.values.tolist()[:2]
    assert first[3:7] == [
        "Gini index, + AMC{-}Loss against + Euclid, SVHN",
        "$+0.060$",
        "[0.030, 0.090]",
        "$<$ 0.0001",
    ]
    assert first[11] == r"12\%"
    assert second[3:5] == [r"Gini index, + AMC{-}Loss against + Euclid, R\&D \#1\_data", "$-12.3$"]
    assert second[-1] == r"50\% \& more\_or\_less"
    assert not any("−" in text for text in table.to_numpy().ravel())


def test_a_smaller_study_says_here_but_for_what_follows_from_the_paper():
    verdicts = ["mixed here", "", "does not hold here", "holds", "not tested", "holds"]
    assert readable(full_scale=False)["Verdict"].tolist() == verdicts
    assert readable()["Verdict"].tolist() == [text.removesuffix(" here") for text in verdicts]


@pytest.mark.parametrize("table", [LEDGER, LEDGER[4:], LEDGER[:0]])
def test_written_in_every_format(table, tmp_path):
    paths = [tmp_path / f"claims.{end}" for end in ("csv", "md", "tex", "html")]
    draw = partial(claims.readable_claims, titles=TITLES, losses=STUDY, measures=MEASURES)
    tables.write(table, draw, map(str, paths))
    assert list(pd.read_csv(paths[0])) == COLUMNS
    if len(table):
        assert paths[1].read_text().splitlines()[0].split("|")[1].strip() == "Section"
        sides = r"\begin{tabular}{llllrrrrlrrrl}"
        assert sides in paths[2].read_text()
        assert paths[3].read_text().count("<tr>") == len(table) + 1


def test_studies_side_by_side():
    """A claim that one of them lacks has no verdict there, and comes where the first that has it has it."""
    one = ledger(row("a", "holds"), row("a", "undecided", claim_verdict="holds"), row("b", "mixed"))
    other = ledger(row("b", "undecided"), row("c", "not tested", kind="check"))
    table = claims.side_by_side({"demo": one, "laptop": other})
    assert list(table) == ["section", "claim", "demo", "laptop"]
    assert table.values.tolist() == [
        [section, f"{mark}It is so of {name}.", *verdicts]
        for section, mark, name, *verdicts in [
            ("1, 2", "", "a", "holds", ""),
            ("1, 2", "", "b", "mixed", "undecided"),
            ("1, 2", "*Check:* ", "c", "", "not tested"),
        ]
    ]
    assert claims.side_by_side({"demo": one})["demo"].tolist() == ["holds", "mixed"]


def test_studies_of_other_losses_do_not_share_a_row():
    one = ledger(row("a", "holds"), row("b", "mixed"))
    table = claims.side_by_side({"one": one, "other": one.assign(statement=one["statement"] + " Of mine.")})
    assert table.drop(columns="section").to_numpy().tolist() == [
        ["It is so of a.", "holds", ""],
        ["It is so of a. Of mine.", "", "holds"],
        ["It is so of b.", "mixed", ""],
        ["It is so of b. Of mine.", "", "mixed"],
    ]


def forest(table, losses=SHOWN, titles=TITLES):
    return plots.forest(table, MEASURES, titles, losses)


LONG = "a name that is much too long for any figure of a column or a page"
WIDE = style.LossStyle(
    Losses(
        {"amc": LONG, "euclidean": LONG[::-1], "cross_entropy": LONG.upper()},
        "amc",
        "euclidean",
        "cross_entropy",
    )
)
MANY = ledger(
    *(
        row(
            f"claim_{number}",
            VERDICTS[part % 3],
            measure=measure,
            margin=MEASURES[measure]["margin"],
            against=("euclidean", "cross_entropy")[part % 2],
            dataset=("svhn", "mine")[part // 2],
            effect=(part - 1.5) * number * MEASURES[measure]["margin"],
        )
        for number in range(13)
        for measure in ("gini", "pointing_centred")
        for part in range(4)
    )
)
FORESTS = {
    "of nothing": lambda: forest(LEDGER[:0]),
    "of what has no margin": lambda: forest(LEDGER[2:]),
    "of one row": lambda: forest(LEDGER[:1]),
    "of a hundred rows": lambda: forest(MANY),
    "of long names": lambda: forest(MANY[:8], WIDE, {"svhn": "the very same" * 3, "mine": LONG}),
    "of many datasets": lambda: forest(
        ledger(*(row(dataset=f"{name}{name}") for name in "abcdefg")),
        titles={name * 2: f"{name} very long name" for name in "abcdefg"},
    ),
    "of a sweep": lambda: forest(
        ledger(
            *(row(f"{name} of a sweep", argument="weight", note="λ 0.001", claimed="same") for name in "ab")
        )
    ),
}


@pytest.mark.parametrize("name", FORESTS)
def test_text_is_large_enough_inside_the_figure_and_not_on_other_text(name, drawn):
    figure = FORESTS[name]()
    texts = drawn(figure)
    assert figure.get_figwidth() == style.PAGE
    width, height = figure.bbox.size
    for index, (text, box) in enumerate(texts):
        assert text.get_fontsize() >= 7, text
        assert box.x0 >= -1, text
        assert box.x1 <= width + 1, text
        assert box.y0 >= -1, text
        assert box.y1 <= height + 1, text
        assert not text.get_parse_math()
        for other, its_box in texts[index + 1 :]:
            assert not box.overlaps(its_box), (text, other)
    # Room for marks is left, however long the names are.
    assert sum(axis.get_window_extent().width for axis in figure.axes) > 0.15 * width


def marks(figure):
    """Of each line but those of 90% its points, in margins, its marker and its colour."""
    return [
        (np.round(line.get_xdata(), 9).tolist(), line.get_marker(), colors.to_rgb(line.get_color()))
        for line in figure.axes[0].lines[1:]
        if line.get_linewidth() != THICK
    ]


def test_the_90_percent_interval_is_thick():
    figure = forest(ledger(row(effect=0.06, interval_low=0.03, interval_high=0.09, margin=0.03)))
    [line] = [line for line in figure.axes[0].lines if line.get_linewidth() == THICK]
    # Student's t of four degrees of freedom at 95% and 97.5%.
    half = 2.131847 / 2.776445
    assert line.get_xdata() == pytest.approx([2 - half, 2 + half], abs=1e-6)


@pytest.mark.parametrize("about", [{"argument": "weight", "note": "λ 1"}, {"measure": "seconds_per_epoch"}])
def test_where_a_claim_does_not_begin_at_0_is_marked(about):
    marked = [points for points, marker, _ in marks(forest(ledger(row(**about)))) if marker == "|"]
    assert marked == [[-1]]


def test_effects_are_in_margins_and_on_the_right_as_claimed():
    about = {"effect": 0.06, "interval_low": 0.015, "interval_high": 0.09, "margin": 0.03}
    figure = forest(
        ledger(
            row("a", "holds", **about),
            row("b", "does not hold", **about, claimed="lower"),
            row("c", "undecided", **about, claimed="same"),
        )
    )
    assert marks(figure) == [
        ([0.5, 3], "None", style.BLUE),
        ([2], "o", style.BLUE),
        ([-0.5, -3], "None", style.RED),
        ([-2], "s", style.RED),
        ([0.5, 3], "None", style.ORANGE),
        ([2], "o", style.ORANGE),
    ]
    heights = [line.get_ydata()[0] for line in figure.axes[0].lines[1:]]
    assert heights == sorted(heights)
    band = figure.axes[0].patches[0].get_window_extent().transformed(figure.axes[0].transData.inverted())
    assert (band.x0, band.x1) == pytest.approx((-1, 1))


@pytest.mark.parametrize(
    ("effect", "low", "high", "expected"),
    [
        (7, 5, 9, [([5, 6], "None"), ([6], ">"), ([6], ">")]),
        (-9, -12, -7, [([-6, -6], "None"), ([-6], "<"), ([-6], "<"), ([-6], "<")]),
        (0, -20, 20, [([-6, 6], "None"), ([0], "o"), ([-6], "<"), ([6], ">")]),
        (6, None, None, [([6], "o")]),
        (8, None, None, [([6], ">")]),
    ],
)
def test_what_is_beyond_the_axis_points_there(effect, low, high, expected):
    ends = {"interval_low": low, "interval_high": high}
    found = marks(forest(ledger(row(effect=effect, **ends, margin=1))))
    if low is None:
        assert np.isnan(found.pop(0)[0]).all()
    assert [(points, marker) for points, marker, _ in found] == expected


def test_rows_are_under_their_claim_and_measure():
    table = ledger(
        row("two_forms"),
        row("two_forms", measure="gini_centred"),
        row("two_forms", "undecided", against="cross_entropy", dataset="mine"),
        row("swept", argument="weight", note="λ 0.1", claimed="same"),
        row("bound", margin=None),
        row("not_tested", "not tested", **NOTHING),
    )
    figure = forest(table)
    texts = [text for axis in figure.axes for text in axis.texts]
    places = [text.get_position()[1] if "against" not in text.get_text() else text.xy[1] for text in texts]
    assert [
        text.get_text() for _, text in sorted(zip(places, texts, strict=True), key=lambda pair: pair[0])
    ] == [
        *("two forms: Gini index of + AMC-Loss", "against + Euclid", "against Cross-entropy"),
        *("two forms: Gini index, centred weights of + AMC-Loss", "against + Euclid"),
        *("swept: Gini index of + AMC-Loss, claimed to be the same", "against + Euclid, λ 0.1"),
    ]
    assert len(set(places)) == len(places)


def test_a_panel_is_a_dataset_and_a_row_is_one_comparison():
    figure = forest(
        ledger(
            row(effect=0.06),
            row(verdict="undecided", dataset="mine", effect=-0.03),
            row("other", dataset="mine"),
            row("does_not", "does not hold", against="cross_entropy"),
        )
    )
    assert [axis.get_title() for axis in figure.axes] == ["SVHN", "R&D #1_data"]
    points = [
        {line.get_ydata()[0]: line for line in axis.lines if line.get_marker() in "os"}
        for axis in figure.axes
    ]
    assert [sorted(found) for found in points] == [[1, 5.5], [1, 3.25]]
    shown, undecided, failed = points[0][1], points[1][1], points[0][5.5]
    assert [line.get_xdata()[0] for line in (shown, undecided)] == pytest.approx([2, -1])
    # Verdicts can be told without colours.
    assert (shown.get_marker(), failed.get_marker(), undecided.get_marker()) == ("o", "s", "o")
    assert shown.get_markerfacecolor() != "white" == undecided.get_markerfacecolor()
    [legend] = figure.legends
    assert [text.get_text() for text in legend.get_texts()] == ["holds", "does not hold", "undecided"]
    for handle, line in zip(legend.legend_handles, (shown, failed, undecided), strict=True):
        for look in ("color", "marker", "markerfacecolor"):
            assert getattr(handle, f"get_{look}")() == getattr(line, f"get_{look}")()


def test_a_long_heading_takes_no_room_from_the_marks(drawn):
    """It is over them, in a row of its own; at the left edge are the longest labels."""
    short = style.LossStyle(
        Losses(dict(zip(["amc", "euclidean", "b"], "ABC", strict=True)), "amc", "euclidean", "b")
    )
    for claim in ("short", "long " * 12):
        figure = forest(LEDGER[:1].assign(claim=claim), short, {"svhn": "S"})
        [label] = [box for text, box in drawn(figure) if text.get_text() == "against B"]
        assert label.x0 < 0.1 * figure.dpi


def test_a_loss_that_the_study_lacks_is_called_what_the_paper_calls_it():
    mine = Losses({"mine": "Mine"}, "mine", "mine", "mine")
    readable = claims.readable_claims(
        ledger(row(of="mine", against="euclidean", note="a note")), "md", TITLES, mine, MEASURES
    )
    assert readable["Measured"].item() == "Gini index, Mine against + Euclid, SVHN"


def test_a_dataset_that_the_study_lacks_is_called_what_it_is_elsewhere():
    table = ledger(*(row(dataset=name, note="a note") for name in ("cifar10", "mine", "whatever")))
    readable = claims.readable_claims(table, "md", TITLES, STUDY, MEASURES)
    names = [text.rpartition(", ")[2] for text in readable["Measured"]]
    assert names == ["CIFAR-10", r"R\&D #1_data", "whatever"]
