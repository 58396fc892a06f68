"""Fonts for every character that a figure shows."""

from functools import cache

import matplotlib
from matplotlib import font_manager
from matplotlib.figure import Figure
from matplotlib.ft2font import FT2Font
from matplotlib.text import Text

# They join characters, or choose between forms of one, and are nothing themselves.
INVISIBLE = dict.fromkeys(map(ord, "\u200b\u200c\u200d\u2060\ufe0e\ufe0f\ufeff"))
# Their glyphs are boxes, one for each script.
BOXES = ("Last Resort", "LastResort", "Adobe Blank")
REMEDY = (
    "warning: figures have boxes in place of characters that no font of this machine has; install one that "
    "has them, such as Debian's fonts-noto-cjk for Chinese, Japanese and Korean, or fonts-symbola for emoji"
)


def complete(figure: Figure) -> bool:
    """Give texts of a figure further fonts of this machine for characters that its own font has not.

    What no font has is warned of in the log.

    Returns:
        Whether there are further fonts.
    """
    families = matplotlib.rcParams["font.family"]
    own = _characters(font_manager.findfont(font_manager.FontProperties(family=families)))
    incomplete = {}
    for text in figure.findobj(Text):
        assert isinstance(text, Text)
        text.set_text(text.get_text().translate(INVISIBLE))
        if missing := {character for character in text.get_text() if not character.isspace()} - own:
            incomplete[text] = missing
    missing = set().union(*incomplete.values())
    fallbacks = []
    while missing:
        best = max(
            _others(), key=lambda path: (len(missing & _characters(path)), _is_regular(path)), default=None
        )
        if best is None or not missing & _characters(best):
            print(REMEDY)
            print(f"boxes for {' '.join(sorted(missing))}")
            break
        fallbacks.append(_family(best))
        missing -= _characters(best)
    for text in incomplete:
        text.set_fontfamily([*families, *fallbacks])
    return bool(fallbacks)


@cache
def _others() -> list[str]:
    """Paths of the machine's fonts, of which matplotlib's list lacks those that are newer than the list."""
    return sorted(
        set(font_manager.findSystemFonts()) | {font.fname for font in font_manager.fontManager.ttflist}
    )


@cache
def _characters(path: str) -> frozenset[str]:
    """What a font has glyphs for; nothing if it cannot be drawn with."""
    try:
        font = FT2Font(path)
        if font.family_name.startswith(BOXES) or not font.scalable:
            return frozenset()
        return frozenset(map(chr, font.get_charmap()))
    except (OSError, RuntimeError, UnicodeDecodeError):
        return frozenset()


@cache
def _is_regular(path: str) -> bool:
    """Whether a font that can be read is neither bold nor light nor slanted."""
    return bool(_characters(path)) and FT2Font(path).style_name == "Regular"


def _family(path: str) -> str:
    """Name of a font's family, under which matplotlib finds it from now on."""
    if path not in {font.fname for font in font_manager.fontManager.ttflist}:
        font_manager.fontManager.addfont(path)
    return FT2Font(path).family_name
