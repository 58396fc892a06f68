"""What every figure has to keep to, and how it is saved."""

import re
from types import SimpleNamespace

import figures
import matplotlib
import numpy as np
import pytest
from figures import EMBEDDINGS, FIGURES, LABELS, LOSSES, NAMES, SHOWN
from matplotlib.figure import Figure
from matplotlib.text import Text
from PIL import Image

from amc_loss.study.names import Losses
from amc_loss.views import scatter, style

SIX = style.LossStyle(Losses(LOSSES | dict.fromkeys("xyz", "other"), "amc", "euclidean", "cross_entropy"))


@pytest.mark.parametrize("name", FIGURES)
def test_text_is_large_enough_and_inside_a_figure_of_column_or_page_width(name, drawn):
    figure = FIGURES[name]()
    texts = drawn(figure)
    assert figure.get_figwidth() in (3.25, 6.75)
    width, height = figure.bbox.size
    assert len(texts) > 5
    for text, box in texts:
        assert text.get_fontsize() >= 7, text
        assert box.x0 >= -1, text
        assert box.x1 <= width + 1, text
        assert box.y0 >= -1, text
        assert box.y1 <= height + 1, text


@pytest.mark.parametrize(
    "name", [name for name in FIGURES if name.startswith(("figure3", "figure6", "figure7"))]
)
def test_no_text_lies_on_another(name, drawn):
    """In the figures whose texts no layout keeps apart."""
    texts = drawn(FIGURES[name]())
    for index, (text, box) in enumerate(texts):
        for other, its_box in texts[index + 1 :]:
            assert not box.overlaps(its_box), (text, other)


@pytest.mark.parametrize("name", FIGURES)
def test_no_panel_is_empty(name):
    for axis in FIGURES[name]().axes:
        if axis.axison or axis.get_title():
            assert axis.has_data() or axis.images or axis.patches, axis


@pytest.mark.parametrize("name", ["figure2", "figure4", "figure5", "confusion"])
def test_panels_of_losses_are_lettered_and_in_the_paper_s_words(name):
    titles = [axis.get_title().split("\n")[0] for axis in FIGURES[name]().axes if axis.get_title()]
    # Figures of matrices have them a second time, as differences.
    assert titles[:3] == ["(a) Cross-entropy", "(b) + Euclid", "(c) + AMC-Loss"]


@pytest.mark.parametrize("name", ["figure4", "figure5", "figure6", "confusion"])
def test_a_loss_alone_keeps_its_letter_and_its_data(name):
    """So that one figure can be laid over another."""
    whole, alone = FIGURES[name](), FIGURES[f"{name}, alone"]()
    words = [text.get_text().replace("\N{NO-BREAK SPACE}", " ") for text in alone.findobj(Text)]
    assert any(word.startswith("(b) + Euclid") for word in words)
    assert not any("(a)" in word or "(c)" in word for word in words)
    if name == "figure5":
        limits = [(axis.get_xlim(), axis.get_ylim()) for axis in (whole.axes[1], alone.axes[0])]
        assert limits[0] == limits[1]
    # Of an image's four pictures the third is that of + Euclid.
    in_whole = whole.axes[2:120:4] if name == "figure6" else whole.axes[1:2]
    by_itself = alone.axes[1:60:2] if name == "figure6" else alone.axes[:1]
    for one, other in zip(in_whole, by_itself, strict=True):
        shown = [
            [drawn.get_array() for drawn in axis.images]
            + [getattr(drawn, "_offsets3d", drawn.get_offsets()) for drawn in axis.collections]
            for axis in (one, other)
        ]
        assert len(shown[0]) == len(shown[1]) > 0
        for first, second in zip(*shown, strict=True):
            np.testing.assert_array_equal(first, second)
        assert one.get_xlabel() == other.get_xlabel()


@pytest.mark.parametrize(
    ("name", "entries"), [("figure1", 10), ("figure4", 10), ("figure5", 10), ("figure7", 3), ("curves", 3)]
)
def test_there_is_one_legend(name, entries):
    figure = FIGURES[name]()
    assert len(figure.legends) == 1
    assert all(axis.get_legend() is None for axis in figure.axes)
    assert len(figure.legends[0].get_texts()) == entries


@pytest.mark.parametrize("name", ["figure2", "figure3", "figure6", "figure7"])
def test_saved_as_vectors_and_at_200_dpi_at_its_width_and_twice_the_same(name, tmp_path):
    ends = ("pdf", "png")
    for turn in ("first", "second"):
        style.save(FIGURES[name](), [str(tmp_path / f"{turn}.{end}") for end in ends])
    for end in ends:
        assert (tmp_path / f"first.{end}").read_bytes() == (tmp_path / f"second.{end}").read_bytes()
    width = FIGURES[name]().get_figwidth()
    with Image.open(tmp_path / "first.png") as picture:
        assert picture.width == round(200 * width)
    box = re.search(rb"/MediaBox \[ 0 0 ([\d.]+) ", (tmp_path / "first.pdf").read_bytes())
    assert float(box[1]) == pytest.approx(72 * width)


def test_the_whole_is_saved_and_each_loss_under_its_name(tmp_path):
    paths = [str(tmp_path / f"figure-{loss}.png") for loss in LOSSES]
    output = SimpleNamespace(pdf=str(tmp_path / "a.pdf"), png=str(tmp_path / "a.png"), single_loss=paths)

    def draw(losses):
        """As many inches wide as its number says."""
        return Figure(figsize=(3 if len(losses) > 1 else 4 + list(LOSSES).index(*losses), 1))

    style.save_by_loss(draw, list(LOSSES), output)
    widths = [Image.open(path).width // 200 for path in [output.png, *paths]]
    assert widths == [3, 4, 5, 6]
    assert (tmp_path / "a.pdf").stat().st_size


def test_of_a_figure_of_a_single_loss_there_is_the_whole(tmp_path):
    output = SimpleNamespace(pdf=str(tmp_path / "a.pdf"), png=str(tmp_path / "a.png"), single_loss=[])
    style.save_by_loss(lambda losses: Figure(figsize=(3, 1)), ["amc"], output)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.pdf", "a.png"]


def test_copies_of_a_loss_alone_are_the_same_picture(tmp_path):
    paths = [str(tmp_path / f"{number}-{loss}.png") for number in (1, 2) for loss in LOSSES]
    output = SimpleNamespace(pdf=str(tmp_path / "a.pdf"), png=str(tmp_path / "a.png"), single_loss=paths)
    notes = dict.fromkeys(LOSSES, "a note")
    style.save_by_loss(
        lambda some: scatter.embedding_panels(EMBEDDINGS, LABELS, notes, NAMES, SHOWN, some),
        list(LOSSES),
        output,
    )
    for loss in LOSSES:
        first, second = (tmp_path / f"{number}-{loss}.png" for number in (1, 2))
        assert first.read_bytes() == second.read_bytes()


# Machado, Oliveira and Fernandes (2009), severity 1, on linear RGB.
DEFICIENCIES = {
    "none": np.eye(3),
    "protanopia": [[0.1523, 1.0526, -0.2049], [0.1145, 0.7863, 0.0992], [-0.0039, -0.0481, 1.0520]],
    "deuteranopia": [[0.3673, 0.8606, -0.2280], [0.2801, 0.6725, 0.0474], [-0.0118, 0.0429, 0.9689]],
    "tritanopia": [[1.2555, -0.0767, -0.1788], [-0.0784, 0.9309, 0.1476], [0.0047, 0.6914, 0.3039]],
}


def lab(colours, deficiency):
    """CIELAB of sRGB colours as they are seen."""
    colours = np.array(colours)
    linear = np.where(colours <= 0.04045, colours / 12.92, ((colours + 0.055) / 1.055) ** 2.4)
    seen = np.clip(linear @ np.transpose(DEFICIENCIES[deficiency]), 0, 1)
    xyz = seen @ np.array([[0.4125, 0.2127, 0.0193], [0.3576, 0.7152, 0.1192], [0.1804, 0.0722, 0.9503]])
    f = np.cbrt(xyz / [0.9505, 1, 1.0888])
    return np.stack([116 * f[:, 1] - 16, 500 * (f[:, 0] - f[:, 1]), 200 * (f[:, 1] - f[:, 2])], axis=1)


@pytest.mark.parametrize("deficiency", DEFICIENCIES)
def test_classes_and_losses_differ_for_every_eye(deficiency):
    for colours in ([style.class_style(label)[0] for label in range(10)], list(SIX.colours.values())):
        seen = lab(colours, deficiency)
        distances = np.linalg.norm(seen[:, None] - seen, axis=2)
        assert distances[~np.eye(len(seen), dtype=bool)].min() > 15


def test_a_class_and_a_loss_have_one_style():
    styles = {style.class_style(label) for label in range(100)}
    assert len(styles) == 100
    assert list(SIX.lines) == list(SIX.losses.titles)
    assert len(set(SIX.lines.values())) == len(set(SIX.colours.values())) == 6
    # Whatever else is compared, these three look as they do in the paper's study.
    paper = {"cross_entropy": style.RED, "euclidean": style.ORANGE, "amc": style.BLUE}
    assert {loss: SIX.colours[loss] for loss in LOSSES} == SHOWN.colours == paper
    white = np.array(style.pale(style.RED))
    assert (white > style.RED).all()
    assert matplotlib.get_backend() == "agg"


def test_no_number_stands_beside_a_name_that_is_one():
    assert [style.numbered(3, name) for name in ("3", "12", "cat", "3D")] == ["3", "12", "3 cat", "3 3D"]
    assert [style.short_name(3, name) for name in ("3", "12", "cat")] == ["3", "12", "3"]


ODD = [
    "$5 - $10",
    "A$$AP",
    "_private_",
    r"\alpha^2_x",
    "{x}",
    "<b>*bold*</b>",
    "100% C#",
    "& ~ `code`",
    "line\nbreak",
    "the very long name of a class that ends in A",
]


@pytest.mark.parametrize("name", [name for name in FIGURES if "20 classes" not in name])
def test_a_name_is_text_wherever_it_stands(name, monkeypatch, drawn):
    """Drawn as it is written, and not as a formula; in one line, and of a length for which there is room."""
    monkeypatch.setattr(figures, "NAMES", ODD)
    monkeypatch.setattr(figures, "TITLE", ODD[0])
    figure = FIGURES[name]()
    texts = {text.get_text().replace("\n", " "): text for text, _ in drawn(figure)}
    shown = [*ODD[:8], "line break", "the very long na…that ends in A"]
    for number, label in enumerate(shown):
        found = [words for words in texts if label in words]
        if name.startswith(("figure1", "figure4", "figure5", "figure6", "confusion")):
            assert found, label
        elif name.startswith("figure7") and number == 0:
            assert found
        for words in found:
            assert not texts[words].get_parse_math()


def test_a_very_long_name_loses_its_middle():
    assert style.shown("large_omnivores_and_herbivores") == "large_omnivores_and_herbivores"
    first, second = (style.shown(f"{'the same beginning of all ' * 3}{end}") for end in "AB")
    assert first != second
    assert style.shown("漢" * 17) == f"{'漢' * 8}…{'漢' * 7}"
    for name in (first, second, style.shown("漢" * 40), style.shown("x" * 33)):
        assert 30 <= style.breadth(name) <= 32
        assert "…" in name


def test_a_hundred_classes_are_told_apart_and_more_are_not_listed():
    for classes, entries in ((100, 100), (150, 1)):
        names = [f"class {number}" for number in range(classes)]
        figure = scatter.embedding_panels(EMBEDDINGS, LABELS, dict.fromkeys(LOSSES, ""), names, SHOWN)
        assert len(figure.legends[0].get_texts()) == entries
    assert "150 classes" in figure.legends[0].get_texts()[0].get_text()
