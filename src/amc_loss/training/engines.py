"""How a device gets the steps of a training: each operation by itself, or a whole step as one CUDA graph.

At the paper's width a step is some 200 operations of a few microseconds each, which a GPU does faster than
Python asks for them. A graph is asked for once.
"""

from collections.abc import Callable, Sequence
from functools import cache
from typing import Literal

import torch
from torch import Tensor

Engine = Literal["eager", "graph", "compiled"]


def resolve_engine(engine: Engine | Literal["auto"], device: torch.device, own: bool = True) -> Engine:
    """The engine of a training: on a CPU ``eager``; with ``auto`` on a GPU the fastest that works there.

    Args:
        engine: The setting.
        device: Where to train.
        own: Whether its losses are this package's. Others may wait for the GPU or have shapes of their own,
            which a graph has not: with ``auto`` they are ``eager``.

    Raises:
        ValueError: If ``engine`` is unknown.
        RuntimeError: If it is ``compiled`` and torch's compiler does not work.
    """
    if engine not in ("auto", "eager", "graph", "compiled"):
        raise ValueError(f"engine must be 'auto', 'eager', 'graph' or 'compiled', not {engine!r}")
    if device.type != "cuda" or (engine == "auto" and not own):
        return "eager"
    if engine in ("eager", "graph"):
        return engine
    if (fault := _fault_of_compiler(device)) is None:
        return "compiled"
    if engine == "compiled":
        raise RuntimeError(
            f"training.engine is compiled, but torch.compile does not work here ({fault}): install a C "
            "compiler and Python's headers, or set training.engine to graph"
        )
    return "graph"


@cache
def _fault_of_compiler(device: torch.device) -> str | None:
    """Why torch.compile does not work on a device; None if it compiles a small function for it.

    It needs Triton, a C compiler and Python's headers, which not every machine has that has a GPU.
    """
    try:
        torch.compile(lambda x: (x + 1).exp())(torch.zeros(8, device=device))
    except Exception as error:  # Whatever a compiler, a linker or an import raises.
        return str(error).strip().partition("\n")[0] or type(error).__name__
    return None


class Graph:
    """Does steps on whole minibatches by replaying one CUDA graph; others as they are asked for.

    A graph keeps the addresses and the Python numbers with which it was captured. What changes from step to
    step lies therefore in tensors that are written in place. β1 does not: Adam's fused kernel takes it as a
    number, so that a step with another β1 ends the graph, and the next one with the same captures anew. Where
    β1 changes in each step there is none.

    Args:
        step: One step on the minibatch of some indices, shape (n,), which waits for nothing.
        batch_size: Indices of a whole minibatch.
        device: The GPU.
    """

    # cuDNN chooses its algorithms, cuBLAS takes its workspace and Adam makes its state before a capture.
    WARM_UP = 3

    def __init__(self, step: Callable[[Tensor], None], batch_size: int, device: torch.device) -> None:
        self.step = step
        self.index = torch.zeros(batch_size, dtype=torch.int64, device=device)
        self.numbers: list[Tensor] = []
        self.forget()

    def forget(self) -> None:
        """Begin anew, after the tensors that a step writes have become others."""
        self.graph: torch.cuda.CUDAGraph | None = None
        self.beta1: float | None = None
        self.asked = 0

    def scalars(self, values: Sequence[float]) -> Sequence[Tensor]:
        """Numbers of a step, each time as many, as the same scalars on the GPU, which the graph reads."""
        if not self.numbers:
            self.numbers = [torch.zeros((), device=self.index.device) for _ in values]
        return [number.fill_(value) for number, value in zip(self.numbers, values, strict=True)]

    def __call__(self, index: Tensor, beta1: float) -> None:
        """One step on the minibatch of these indices, with the optimiser's β1 of this step."""
        changed, self.beta1 = beta1 != self.beta1, beta1
        if changed:
            # Its memory goes back before the next one takes some.
            self.graph = None
        if len(index) < len(self.index) or changed or self.asked < self.WARM_UP:
            self.asked += 1
            self.step(index)
            return
        self.index.copy_(index)
        if self.graph is None:
            self.graph = self._capture()
        self.graph.replay()

    def _capture(self) -> torch.cuda.CUDAGraph:
        """Record a step, which is not done by that."""
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph):
            self.step(self.index)
        return graph
