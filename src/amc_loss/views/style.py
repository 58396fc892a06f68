"""One style for every figure: sizes, fonts, and a fixed colour for each class and each loss."""

import shutil
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import wraps
from pathlib import Path
from typing import Any, ParamSpec

import matplotlib
import seaborn as sns
from matplotlib.figure import Figure

from amc_loss.study.names import Losses
from amc_loss.views import fonts
from amc_loss.views.markup import one_line, panel_title

Colour = tuple[float, float, float]
Arguments = ParamSpec("Arguments")

COLUMN, PAGE = 3.25, 6.75  # inches: column and page width of a two-column paper
SMALL = 7  # points: no text is smaller
# Petroff (2021), chosen for the distance that these colours keep under every colour-vision deficiency.
PALETTE: list[Colour] = [
    matplotlib.colors.to_rgb(colour) for colour in matplotlib.color_sequences["petroff10"]
]
MARKERS = "o^sDvP*X<>"
DISTINCT = len(PALETTE) * len(MARKERS)  # classes that are told apart
BLUE, ORANGE, RED = PALETTE[:3]
LINES: list[Any] = ["-", "--", ":", "-.", (0, (5, 1)), (0, (1, 1)), (0, (3, 1, 1, 1, 1, 1))]
CAM_COLOURS = "jet"  # the paper's: blue is small, red is large

RC = {
    "font.size": 8,
    "axes.titlesize": 8,
    "axes.labelsize": 8,
    "xtick.labelsize": SMALL,
    "ytick.labelsize": SMALL,
    "legend.fontsize": SMALL,
    "legend.title_fontsize": SMALL,
    "axes.linewidth": 0.8,
    "xtick.major.width": 0.8,
    "ytick.major.width": 0.8,
    "xtick.major.size": 3,
    "ytick.major.size": 3,
    "figure.dpi": 100,
    "savefig.dpi": 200,
    "savefig.bbox": None,  # "tight" would change the width
    "pdf.fonttype": 42,
    "text.parse_math": False,  # names are text; our own formulas say that they are such
}
LONGEST = 32  # characters of a name; what is longer loses its middle


@contextmanager
def style() -> Iterator[None]:
    """The look of every figure, which matplotlib has while the context lasts."""
    with matplotlib.rc_context():
        sns.set_theme(context="paper", style="ticks", rc=RC)
        yield


def styled(draw: Callable[Arguments, Figure]) -> Callable[Arguments, Figure]:
    """Decorator of a function that draws a figure: it does so in `style`."""

    @wraps(draw)
    def drawn(*arguments: Arguments.args, **keywords: Arguments.kwargs) -> Figure:
        with style():
            return draw(*arguments, **keywords)

    return drawn


def save(figure: Figure, paths: Iterable[str]) -> None:
    """Write a figure to each path; the ending says in which format. The same figure gives the same bytes."""
    with style():
        if fonts.complete(figure):
            # Matplotlib calls fonts with PostScript's outlines TrueType where it embeds them whole.
            matplotlib.rcParams["pdf.fonttype"] = 3
        for path in paths:
            metadata = {"CreationDate": None} if Path(path).suffix == ".pdf" else None
            figure.savefig(path, metadata=metadata)


def save_by_loss(draw: Callable[[Sequence[str]], Figure], losses: Sequence[str], output: Any) -> None:
    """Write a figure with a panel for each loss, and of each loss one of its own.

    Args:
        draw: Draws the figure of the losses that it is given.
        losses: Those of the figure.
        output: The rule's output: ``pdf`` and ``png`` for the whole, and ``single_loss``, paths that end in
            ``-<loss>.png``.
    """
    save(draw(losses), [output.pdf, output.png])
    for loss in losses:
        paths = [path for path in output.single_loss if Path(path).stem.rpartition("-")[2] == loss]
        if paths:  # of a single loss there are none
            save(draw([loss]), paths[:1])
        # Saved again, a figure's layout would move by a little.
        for path in paths[1:]:
            shutil.copyfile(paths[0], path)


def width(panels: int) -> float:
    """Width in inches of a figure with panels side by side: one has a column, several the page."""
    return COLUMN if panels == 1 else PAGE


def class_style(label: int) -> tuple[Colour, str]:
    """Colour and marker of a class, the same in every figure; after ten classes the next marker."""
    return PALETTE[label % len(PALETTE)], MARKERS[label // len(PALETTE) % len(MARKERS)]


def pale(colour: Colour) -> Colour:
    """A colour mixed with white."""
    red, green, blue = (0.35 * value + 0.65 for value in colour)
    return red, green, blue


def shown(name: str) -> str:
    """A name as figures show it: on one line, and with an ellipsis for the middle of what is very long."""
    name = one_line(name)
    if breadth(name) <= LONGEST:
        return name
    # As much from the end as from the start, for names that differ at one of them alone.
    half = LONGEST // 2
    start = max(n for n in range(len(name)) if breadth(name[:n]) <= half)
    end = max(n for n in range(len(name)) if breadth(name[-n:]) < half)
    return f"{name[:start].rstrip()}…{name[-end:].lstrip()}"


def breadth(text: str) -> int:
    """Characters that a text is wide; Chinese, Japanese and Korean ones are as wide as two others."""
    return sum(2 if unicodedata.east_asian_width(character) in "WF" else 1 for character in text)


def short_name(label: int, name: str) -> str:
    """What stands for a class where its name has no room: its number, or the name if that is a number."""
    return name if name.isdecimal() else str(label)


def numbered(label: int, name: str) -> str:
    """A class's number before its name, or the name alone where that is a number."""
    return name if name.isdecimal() else f"{label} {shown(name)}"


class LossStyle:
    """How figures show the losses of a study.

    Args:
        losses: The losses.
        shown: Those of the figure, in the order of its panels; all if None.
    """

    def __init__(self, losses: Losses, shown: Sequence[str] | None = None) -> None:
        self.losses = losses
        self.shown = list(losses.titles if shown is None else shown)
        # Red for the baseline, as in the paper's Figure 7.
        roles = {losses.proposed: BLUE, losses.reference: ORANGE, losses.baseline: RED}
        others = [name for name in losses.titles if name not in roles]
        rest = [colour for colour in PALETTE if colour not in roles.values()]
        self.colours = roles | {name: rest[at % len(rest)] for at, name in enumerate(others)}
        self.lines = {name: LINES[at % len(LINES)] for at, name in enumerate(losses.titles)}

    def name(self, loss: str) -> str:
        """What the loss is called, on one line and not very long."""
        return shown(self.losses.titles[loss])

    def title(self, loss: str) -> str:
        """Title of a panel that shows a loss, which has the same letter when it is shown alone."""
        return panel_title(self.shown.index(loss), self.name(loss))


def grid(panels: int) -> tuple[int, int]:
    """Rows and columns of a figure with a panel for each loss."""
    columns = panels if panels <= 3 else 2 if panels == 4 else 3
    return -(-panels // columns), columns
