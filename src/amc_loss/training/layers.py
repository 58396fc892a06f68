"""Rows of Table 2, which tables and diagrams show without torch."""

from dataclasses import dataclass


@dataclass(frozen=True)
class LayerSummary:
    """What a layer is called, what it does, the shape it puts out (without batch), its parameters."""

    name: str
    description: str
    output_shape: tuple[int, ...]
    parameters: int
