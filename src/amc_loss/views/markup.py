"""Names that users give, as text in Markdown (``md``), reStructuredText and LaTeX (``tex``)."""

import re
from string import ascii_lowercase

# What Markdown or reStructuredText would not take as it is; an underscore within a word they do.
MARKUP = r"([\\`*|<>\[\]~$&]|_(?![^\W_])|(?<![^\W_])_)"

# What LaTeX would take for an instruction, or join to another sign; tables escape what else there is.
LATEX = str.maketrans(
    {character: f"\\{character}" for character in "{}$"}
    | {
        "\\": r"\textbackslash{}",
        "^": r"\textasciicircum{}",
        "~": r"\textasciitilde{}",
        ">": r"\textgreater{}",
        "|": r"\textbar{}",
        '"': r"{\ttfamily\char34}",
        "'": r"\textquotesingle{}",
        "`": r"\textasciigrave{}",
        "-": r"{-}",
    }
)


def as_text(name: str, markup: str) -> str:
    """A name that a user gave, for a table in Markdown or LaTeX to show as it is."""
    return escaped(name) if markup == "md" else one_line(name).translate(LATEX)


def escaped(name: str) -> str:
    """A name that Markdown, and reStructuredText, show as it is."""
    return re.sub(MARKUP, r"\\\1", one_line(name))


def one_line(name: str) -> str:
    """A name with a space for line breaks and the like."""
    return " ".join(name.split())


def panel_title(index: int, text: str) -> str:
    """``(a) text`` for the first panel and so on."""
    return f"({ascii_lowercase[index]}) {text}"
