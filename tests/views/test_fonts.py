"""Characters that a figure's own font has not."""

import warnings

import pytest
from figures import render
from fontTools.fontBuilder import FontBuilder
from fontTools.pens.ttGlyphPen import TTGlyphPen
from matplotlib.figure import Figure

from amc_loss.views import fonts, style


def make_font(path, family, characters):
    """A font with a square for each character."""
    builder = FontBuilder(1000, isTTF=True)
    glyphs = {".notdef": None, **{f"u{ord(character):x}": character for character in characters}}
    builder.setupGlyphOrder(list(glyphs))
    builder.setupCharacterMap({ord(c): name for name, c in glyphs.items() if c})
    pen = TTGlyphPen(None)
    for command, point in (
        ("moveTo", (0, 0)),
        ("lineTo", (0, 700)),
        ("lineTo", (700, 700)),
        ("lineTo", (700, 0)),
    ):
        getattr(pen, command)(point)
    pen.closePath()
    builder.setupGlyf(dict.fromkeys(glyphs, pen.glyph()))
    builder.setupHorizontalMetrics(dict.fromkeys(glyphs, (1000, 0)))
    builder.setupHorizontalHeader(ascent=800, descent=-200)
    builder.setupNameTable({"familyName": family, "styleName": "Regular"})
    builder.setupOS2()
    builder.setupPost()
    builder.save(path)
    return str(path)


@pytest.fixture
def machine(monkeypatch, tmp_path):
    """Fonts that the machine has: one with two rare characters, one with one of them and a third."""
    found = [
        make_font(tmp_path / "one.ttf", "Test One", "\ue000\ue001"),
        make_font(tmp_path / "two.ttf", "Test Two", "\ue001\ue002"),
    ]
    monkeypatch.setattr(fonts, "_others", lambda: found)


def complete(*texts):
    figure = Figure()
    for text in texts:
        figure.text(0.5, 0.5, text)
    with style.style():
        fonts.complete(figure)
    return figure


def test_they_come_from_other_fonts_of_the_machine(machine, capsys):
    figure = complete("plain", "a \ue000", "\ue002\ue001")
    plain, *others = (text.get_fontfamily() for text in figure.texts)
    assert plain == ["sans-serif"]
    assert others == [["sans-serif", "Test One", "Test Two"]] * 2
    assert capsys.readouterr().out == ""
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # of a glyph that is missing
        render(figure)


def test_what_no_font_has_is_told_of_with_what_to_do(machine, capsys):
    figure = complete("\ue000\ue003")
    assert figure.texts[0].get_fontfamily() == ["sans-serif", "Test One"]
    lines = capsys.readouterr().out.splitlines()
    assert lines == [fonts.REMEDY, "boxes for \ue003"]
    assert lines[0].startswith("warning: ")
    assert "fonts-noto-cjk" in lines[0]


def test_what_only_joins_others_is_no_box(machine, capsys):
    assert complete("a\u200db\ufe0f").texts[0].get_text() == "ab"
    assert capsys.readouterr().out == ""


def test_a_font_that_cannot_be_read_is_none(monkeypatch, tmp_path, capsys):
    (tmp_path / "broken.ttf").write_bytes(b"no font")
    monkeypatch.setattr(fonts, "_others", lambda: [str(tmp_path / "broken.ttf")])
    complete("\ue000")
    assert capsys.readouterr().out.startswith("warning: ")


def test_it_is_done_when_a_figure_is_saved(machine, tmp_path):
    figure = Figure()
    text = figure.text(0.5, 0.5, "\ue000")
    style.save(figure, [str(tmp_path / "a.png"), str(tmp_path / "a.pdf")])
    assert "Test One" in text.get_fontfamily()
