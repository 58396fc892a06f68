"""That the steps of an epoch ask a GPU for nothing: each answer would wait until all that was asked before is done."""

from collections import Counter

import pytest
import torch
from settings import CHANGES, LOSSES, of_loss
from torch.utils._python_dispatch import TorchDispatchMode

from amc_loss.training import loop

CPU = torch.device("cpu")
# They give Python a value of a tensor, or make a shape of values.
READS = {
    "aten._local_scalar_dense",
    "aten.nonzero",
    "aten.masked_select",
    "aten.equal",
    "aten.is_nonzero",
    "aten._unique2",
    "aten.repeat_interleave",
}


class Reads(TorchDispatchMode):
    """Counts the operations that read, under what ``when`` gives."""

    def __init__(self, when=lambda: None):
        super().__init__()
        self.when, self.seen = when, Counter()

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        name = str(func).rsplit(".", 1)[0]
        masked = name in ("aten.index", "aten.index_put", "aten.index_put_") and any(
            index is not None and index.dtype == torch.bool for index in args[1]
        )
        if name in READS or masked:
            self.seen[self.when()] += 1
        return func(*args, **(kwargs or {}))


@pytest.mark.parametrize(
    "read",
    [
        lambda x: x.sum().item(),
        lambda x: bool(x.sum() > 0),
        lambda x: x[x > 0],
        lambda x: x.nonzero(),
        lambda x: x.masked_select(x > 0),
        lambda x: x.unique(),
        lambda x: torch.equal(x, x),
        lambda x: x.index_put_((x > 0,), torch.tensor(1.0)),
    ],
)
def test_a_read_is_found(read):
    with Reads() as reads:
        read(torch.arange(4.0))
    assert reads.seen[None] >= 1


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("changes", CHANGES, ids=lambda changes: ", ".join(changes) or "paper")
def test_an_epoch_reads_at_its_end_alone(dataset, settings, loss, changes):
    of = of_loss(loss, **changes.get("arguments", {}))
    training = loop.Training(dataset, {**settings, **changes, **of}, CPU)
    with Reads(lambda: training.step) as reads:
        training.run_epoch()
        training.run_epoch()
    # That the weights are finite, and with `best` the accuracy; the sums come as a copy.
    assert set(reads.seen) == {training.steps}
    assert reads.seen[training.steps] == 2 * (1 + (changes.get("kept_epoch") == "best"))
