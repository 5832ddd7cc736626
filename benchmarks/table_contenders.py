"""One table under measurement, in training or in serving, and the sizes and rows that all share."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from lfmp_core.data import Rows
from lfmp_core.data.planted import CRITEO_SIZES
from lfmp_core.embeddings import Table
from lfmp_core.embeddings.memoised import MemoisedTable
from lfmp_core.embeddings.tt_rec import TTRecTable
from lfmp_core.models import BackboneSettings, build_model
from lfmp_core.training import Trainer, TrainingSettings, to_batch

from .common import zipf_rows

ZIPF = 1.1
CHECKED = 64  # rows on which two ways of one table are compared


@dataclass(frozen=True)
class Bench:
    """Sizes of a measurement.

    Attributes:
        sizes: ids of each field.
        dim: D.
        hidden: widths of DeepFM's perceptron.
        sparsity: t of every compressed table that is no CSR.
        batch: B.
        small_batch: B beside the ways that need too much memory at B.
        batches: held in memory, seen in turn.
        counted: rows that only say which ids are frequent.
        precision: of training, see `TrainingSettings`.
        device: where tables and batches lie.
        tolerance: least relative distance from the budget that is allowed to a table.
        seed: of everything random.
    """

    sizes: tuple[int, ...] = CRITEO_SIZES
    dim: int = 16
    hidden: tuple[int, ...] = (400, 400, 400)
    sparsity: float = 0.8
    batch: int = 2048
    small_batch: int = 128
    batches: int = 8
    counted: int = 100_000
    precision: str = "float32"
    device: str = "cpu"
    tolerance: float = 0.0
    seed: int = 0

    def quick(self) -> "Bench":
        """The same in a second or two: every part runs, no figure means anything."""
        sizes = tuple(max(2, size // 500) for size in self.sizes)
        small = {"batch": 32, "small_batch": 8, "batches": 2, "counted": 500}
        return replace(self, sizes=sizes, hidden=(8,), tolerance=0.2, **small)


class Drawn:
    """Generated rows, in batches, and counts of rows that no batch holds.

    Args:
        bench: sizes.
        batch: B.
    """

    def __init__(self, bench: Bench, batch: int):
        need = bench.batches * batch
        rows = zipf_rows(bench.sizes, need + bench.counted, ZIPF, bench.seed, permuted=True)
        self.rows: Rows = rows[:need]
        self.counts = np.bincount(rows.ids[need:].ravel(), minlength=sum(bench.sizes))
        starts = range(0, need, batch)
        self.batches = [to_batch(self.rows, slice(a, a + batch), bench.device) for a in starts]

    def fill_cache(self, table: Table) -> None:
        """Let a TT-Rec table keep its most frequent rows plainly, as after its first epoch."""
        if isinstance(table, TTRecTable) and table.cache is not None:
            table.populate(self.counts)


class Contender(ABC):
    """One table under measurement: `act(k)` is what the clock is held to."""

    parameters: int
    bytes: int

    @abstractmethod
    def act(self, k: int) -> Tensor | None:
        """One step or look-up of batch k, counted round and round."""

    @abstractmethod
    def vectors(self, ids: Tensor) -> Tensor:
        """What the table says of ids [...], [..., D], for comparison."""


Maker = Callable[[tuple[int, ...], int, torch.Generator], Table]


class Trained(Contender):
    """DeepFM on a table: forward, backward, Adam.

    Args:
        bench: sizes.
        drawn: batches.
        make: the table.
    """

    def __init__(self, bench: Bench, drawn: Drawn, make: Maker):
        settings = BackboneSettings(
            name="deepfm", embedding_dim=bench.dim, hidden=bench.hidden, dropout=0.2, batch_norm=True
        )
        self.model = build_model(settings, bench.sizes, seed=bench.seed, table=make)
        self.table: Any = self.model.table
        drawn.fill_cache(self.table)
        batch = len(drawn.batches[0][0])
        where = {"precision": bench.precision, "device": bench.device}
        training = TrainingSettings.model_validate({"batch_size": batch, **where})
        self.trainer = Trainer(self.model, drawn.rows, training, seed=bench.seed)
        self.batches = drawn.batches
        self.parameters, self.bytes = self.table.num_parameters(), self.table.num_bytes()

    def act(self, k: int) -> Tensor:
        self.model.train()
        return self.trainer.step(self.batches[k % len(self.batches)])

    @torch.no_grad()
    def vectors(self, ids: Tensor) -> Tensor:
        self.model.eval()
        return self.table(ids)


class ProductsAlone(Contender):
    """The matrix products that a step can't do without on DHE's network, for the distinct ids of a batch.

    Forward, the gradient of each layer's weights, and that of its inputs but of the codes. No codes are made,
    nothing is normalised or activated, no other part of the model takes part, and Adam moves nothing.

    Args:
        bench, drawn, make: as of `Trained`; the table is a `DHETable`.
    """

    def __init__(self, bench: Bench, drawn: Drawn, make: Maker):
        table: Any = make(bench.sizes, bench.dim, torch.Generator().manual_seed(bench.seed))
        dtype = torch.bfloat16 if bench.precision == "bfloat16" else torch.float32
        weights = [linear.weight.detach().to(bench.device, dtype) for linear in table.linears]
        self.counts = [len(torch.unique(ids)) for ids, *_ in drawn.batches]
        most = max(self.counts)
        outs = [weight.new_empty(most, len(weight)) for weight in weights]
        ins = [weights[0].new_ones(most, weights[0].shape[1]), *outs[:-1]]
        self.layers = [
            (x, weight, out.fill_(1), torch.empty_like(weight), torch.empty_like(x))
            for x, weight, out in zip(ins, weights, outs, strict=True)
        ]
        self.parameters, self.bytes = table.num_parameters(), table.num_bytes()

    def act(self, k: int) -> None:
        n = self.counts[k % len(self.counts)]
        for x, weight, out, _, _ in self.layers:
            torch.mm(x[:n], weight.T, out=out[:n])
        for layer, (x, weight, out, grad_weight, grad_x) in reversed([*enumerate(self.layers)]):
            torch.mm(out[:n].T, x[:n], out=grad_weight)
            if layer:
                torch.mm(out[:n], weight, out=grad_x[:n])

    def vectors(self, ids: Tensor) -> Tensor:
        raise NotImplementedError("these are no rows of a table")


class Served(Contender):
    """A table, or what stands for one, that is only read: ids [B, m] to vectors [B, m, D].

    Args:
        drawn: batches.
        table: called with ids.
        source: table whose size is told; None where there is none to tell.
    """

    def __init__(self, drawn: Drawn, table: Any, source: Table | None):
        self.table, self.batches = table.eval() if isinstance(table, nn.Module) else table, drawn.batches
        self.parameters = source.num_parameters() if source else 0
        self.bytes = source.num_bytes() if source else 0
        if isinstance(table, MemoisedTable) and table.memoise:
            self.bytes += table.n * (table.dim * 4 + 1)  # the rows, and which of them are known
            for k in range(len(self.batches)):  # reading for the first time is what "as stored" measures
                self.act(k)

    def act(self, k: int) -> None:
        with torch.inference_mode():
            self.table(self.batches[k % len(self.batches)][0])

    def vectors(self, ids: Tensor) -> Tensor:
        with torch.inference_mode():
            return self.table(ids)


def difference(one: Contender, other: Contender, ids: Sequence[Tensor]) -> float:
    """Largest distance between two contenders' vectors, relative to the largest entry.

    Args:
        one, other: made from the same seed and not trained yet.
        ids: batches [B, m]; the first rows of the first are compared.
    """
    few = ids[0][:CHECKED]
    a, b = one.vectors(few), other.vectors(few)
    return float((a - b).abs().max() / a.abs().max())
