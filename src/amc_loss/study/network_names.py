"""Names of networks, which say the column of Table 2 and the dimension of the deep features."""

from typing import Literal, cast, get_args

Column = Literal["top", "bottom"]


def parse_network(name: str) -> tuple[Column, int | None]:
    """Column of Table 2 and feature dimension of a network's name in a study.

    ``top`` and ``bottom`` have the table's own feature dimension, ``bottom2d`` is the bottom brought to two.

    Raises:
        ValueError: If the name is neither ``top`` nor ``bottom`` nor ``bottom<dimension>d``.
    """
    if name in get_args(Column):
        return cast(Column, name), None
    if name.startswith("bottom") and name.endswith("d") and name[6:-1].isdecimal():
        return "bottom", int(name[6:-1])
    raise ValueError(f"{name!r} names no network of Table 2; there are 'top' and, say, 'bottom2d'")
