"""Several processes that train one model: each learns from its part of every batch.

The step is that of one process on the whole batch: the loss of a batch is the mean over its rows, so its
gradient is the sum of the parts' gradients, each weighted by its share of the rows. Torch's
DistributedDataParallel sums those of the dense parts; those of plain tables are lists of rows (see
`row_adam`), and are sent as such. Sums over rows are taken in another order than by one process, and so are
rounded otherwise.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from ..embeddings import FullTable
from ..errors import LfmpError
from ..models.layers import Dropout
from ..models.model import Model
from .batches import Epochs
from .row_adam import RowAdam
from .settings import TrainingSettings
from .sharded import ShardedTable

_PATIENCE = timedelta(days=1)  # for one that prepares data or writes a model while the others wait


@dataclass(frozen=True)
class Processes:
    """The processes that torchrun started, seen by one of them; they talk by gloo.

    Attributes:
        rank: which one this is, from 0. count: W, how many there are.
        shard_from: plain tables of so many ids or more are sharded: row i is kept by process i mod W alone.
            Smaller ones are kept by all.
    """

    rank: int
    count: int
    shard_from: int = 1 << 20

    def check(self, model: Model, settings: TrainingSettings) -> None:
        """Refuse what several processes would compute otherwise than one.

        Raises:
            LfmpError: the model normalises over a batch or drops at random, or trains on a GPU.
        """
        problem = ""
        if any(isinstance(module, nn.BatchNorm1d) for module in model.modules()):
            problem = "batch norm looks at all rows of a batch: leave batch_norm out"
        elif any(isinstance(module, Dropout) and module.level for module in model.modules()):
            problem = "each would drop others: leave dropout out"
        elif settings.device != "cpu":
            problem = f"they train on CPUs, not on {settings.device}"
        if problem:
            raise LfmpError(f"{self.count} processes can't train this model as one would: {problem}")

    def shard(self, model: Model) -> None:
        """Keep only this process's rows of the large tables, in place."""
        for name, table in model.named_children():
            if isinstance(table, FullTable) and sum(table.field_sizes) >= self.shard_from:
                setattr(model, name, ShardedTable(table, self.rank, self.count))

    def gather(self, model: Model) -> None:
        """Put whole tables back into the model of process 0; the others' keep their shards."""
        for name, table in model.named_children():
            if isinstance(table, ShardedTable) and (whole := table.gathered()) is not None:
                setattr(model, name, whole)

    def wrap(self, model: Model, tables: dict[str, RowAdam]) -> nn.Module:
        """What to call instead of the model, so that gradients of all but `tables` are summed.

        Args:
            tables: by module name; those that are not sharded get the rows of all processes too.
        """
        names = [f"{name}.weight" for name in tables]
        for name, rows in tables.items():
            if not isinstance(model.get_submodule(name.rpartition(".")[0]), ShardedTable):
                rows.others = self.rows_of_all
        DistributedDataParallel._set_params_and_buffers_to_ignore_for_model(model, names)
        wrapped = DistributedDataParallel(model, forward_sync_buffers=False)
        wrapped.register_comm_hook(None, _summed)
        return wrapped

    def part(self, batches: Epochs, batch: Any) -> tuple[Any, float]:
        """This process's rows of a batch, and their share of it: 0, of another's row, where none is left."""
        parts = batches.split(batch, self.count)
        return parts[self.rank] if self.rank < len(parts) else (parts[0][0], 0.0)

    def rows_of_all(self, rows: Tensor, grad: Tensor) -> tuple[Tensor, Tensor]:
        """Gradients [r, D] of distinct rows [r] of every process, summed by row; the same in each."""
        lengths = [torch.zeros(1, dtype=torch.long) for _ in range(self.count)]
        dist.all_gather(lengths, torch.tensor([len(rows)]))
        most = int(torch.cat(lengths).max())
        found = []
        for own in (rows, grad):
            padded = own.new_zeros(most, *own.shape[1:])
            padded[: len(own)] = own
            theirs = [torch.empty_like(padded) for _ in lengths]
            dist.all_gather(theirs, padded)
            found.append(torch.cat([t[: int(n)] for t, n in zip(theirs, lengths, strict=True)]))
        distinct, slot = found[0].unique(return_inverse=True)
        return distinct, grad.new_zeros(len(distinct), grad.shape[1]).index_add_(0, slot, found[1])

    def sum_up(self, number: Tensor) -> None:
        """Add the other processes' numbers to this one, in place."""
        dist.all_reduce(number)

    @contextmanager
    def first(self) -> Iterator[None]:
        """Let process 0 do what is inside before the others do."""
        if self.rank:
            dist.barrier()
        yield
        if not self.rank:
            dist.barrier()


def _summed(state: Any, bucket: dist.GradBucket) -> torch.futures.Future[Tensor]:
    future = dist.all_reduce(bucket.buffer(), async_op=True).get_future()
    return future.then(lambda done: done.value()[0])


@contextmanager
def launched(shard_from: int = 1 << 20) -> Iterator[Processes | None]:
    """The processes that torchrun started this one with; None of a process on its own.

    Args:
        shard_from: see `Processes`.
    """
    if int(os.environ.get("WORLD_SIZE", "1")) < 2:
        yield None
        return
    dist.init_process_group("gloo", timeout=_PATIENCE)
    try:
        yield Processes(dist.get_rank(), dist.get_world_size(), shard_from)
    finally:
        dist.destroy_process_group()
