"""Rows that cost much to work out and are the same until the table learns again."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from .compressed import CompressedTable


class MemoisedTable(CompressedTable):
    """A compressed table that, while it is only read, works each row out once.

    In eval mode and without gradients a row is kept when it is first asked for, so that scoring a split costs
    one formula an id and then one lookup an id. The rows take up to n×D numbers of memory while the table
    is served; they are not stored, are no parameters, and are not in `num_bytes`, which speaks of the compact
    form. They are forgotten as soon as a parameter changes or the table goes back to training.

    Attributes:
        memoise: False works every row out at every lookup, to measure the compact form.
    """

    memoise = True
    _known: tuple[Any, Tensor] | None = None

    def forward(self, ids: Tensor) -> Tensor:
        reading = not self.training and not torch.is_grad_enabled() and not torch.compiler.is_exporting()
        return self._looked_up(ids) if reading and self.memoise else super().forward(ids)

    def _looked_up(self, ids: Tensor) -> Tensor:
        tensors = [*self.parameters(), *self.buffers()]
        state = [(t.data_ptr(), t._version) for t in tensors]
        if self._known is None or self._known[0] != state:
            # outside inference mode, whose tensors can't be written to later
            with torch.inference_mode(False):
                vectors = torch.empty(self.n, self.dim, dtype=tensors[0].dtype, device=tensors[0].device)
                vectors[:, 0] = torch.nan  # of rows not worked out yet: no second look-up to know them by
                self._known = state, vectors
        _, vectors = self._known
        found = torch.nn.functional.embedding(ids, vectors)
        absent = ids[found[..., 0].isnan()]
        if not len(absent):
            return found
        new = torch.unique(absent).long()
        vectors[new] = self.rows(new).to(vectors.dtype)
        return torch.nn.functional.embedding(ids, vectors)

    def train(self, mode: bool = True):
        if mode:
            self._known = None
        return super().train(mode)


@contextmanager
def compact(model: nn.Module) -> Iterator[bool]:
    """In the block no table of a model remembers rows; whether there are tables that would."""
    tables = [part for part in model.modules() if isinstance(part, MemoisedTable) and part.memoise]
    for part in tables:
        part.memoise = False
    try:
        yield bool(tables)
    finally:
        for part in tables:
            part.memoise = True
