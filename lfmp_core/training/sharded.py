"""A plain table whose rows lie in several processes."""

from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor

from ..embeddings import FullTable, Table
from ..embeddings.gather import gather


class ShardedTable(Table):
    """Of W processes, number i mod W has row i, at place i div W of its shard.

    A look-up asks each process for the distinct rows of a batch that it has, and gets them (all-to-all); the
    way back takes their gradients to where they lie. All processes look up at the same time.

    Args:
        table: the whole one, of which this process's rows are copied.
        rank: of this process. count: W.
    """

    uncuttable = "its rows lie in several processes: cut the fields before it is trained, or after"

    def __init__(self, table: FullTable, rank: int, count: int):
        super().__init__()
        self.field_sizes, self.dim, self.rank, self.count = table.field_sizes, table.dim, rank, count
        own = table.weight.detach()[rank::count]
        self.shard = FullTable((len(own),), self.dim, std=0, generator=torch.Generator())
        self.shard.weight.data = own.clone()

    def forward(self, ids: Tensor) -> Tensor:
        distinct, slot = ids.long().unique(return_inverse=True)
        owner = distinct % self.count
        order = owner.argsort(stable=True)
        asking = owner.bincount(minlength=self.count)
        asked = torch.empty_like(asking)
        dist.all_to_all_single(asked, asking)
        sent, received = asking.tolist(), asked.tolist()
        wanted = _Exchange.apply((distinct // self.count)[order], sent, received)
        vectors = _Exchange.apply(self.shard.unchecked(wanted), received, sent)
        place = torch.empty_like(order)
        place[order] = torch.arange(len(order))
        return gather(vectors, place[slot])

    def gathered(self) -> FullTable | None:
        """The whole table, in process 0; None in the others."""
        rows = sum(self.field_sizes)
        padded = self.shard.weight.new_zeros(-(-rows // self.count), self.dim)
        padded[: len(self.shard.weight)] = self.shard.weight.detach()
        parts = [torch.empty_like(padded) for _ in range(self.count)] if not self.rank else None
        dist.gather(padded, parts)
        if parts is None:
            return None
        whole = FullTable(self.field_sizes, self.dim, std=0, generator=torch.Generator())
        for k, part in enumerate(parts):
            whole.weight.data[k :: self.count] = part[: len(range(k, rows, self.count))]
        return whole

    def weight_view(self) -> Tensor:
        return self(torch.arange(sum(self.field_sizes)))

    @torch.no_grad()
    def scale_fields(self, factors: Tensor) -> None:
        sizes = torch.tensor(self.field_sizes)
        self.shard.weight.mul_(factors.repeat_interleave(sizes)[self.rank :: self.count].unsqueeze(1))


class _Exchange(torch.autograd.Function):
    """To each process its part of what is sent; the gradient goes the other way."""

    @staticmethod
    def forward(ctx: Any, given: Tensor, sent: list[int], received: list[int]) -> Tensor:
        ctx.sent, ctx.received = sent, received
        out = given.new_empty(sum(received), *given.shape[1:])
        dist.all_to_all_single(out, given.contiguous(), received, sent)
        return out

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None, None]:
        out = grad.new_empty(sum(ctx.sent), *grad.shape[1:])
        dist.all_to_all_single(out, grad.contiguous(), ctx.sent, ctx.received)
        return out, None, None
