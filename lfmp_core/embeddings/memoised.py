"""Rows that cost much to work out and are the same until the table learns again."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from ..kernels import fits
from .compressed import CompressedTable
from .kept_rows import KeptRows


class MemoisedTable(CompressedTable):
    """A compressed table that, while it is only read, works each row out once.

    In eval mode and without gradients a row is kept when it is first asked for, so that scoring a split costs
    one formula an id and then one lookup an id. The rows take up to n×D numbers of memory while the table
    is served; they are not stored, are no parameters, and are not in `num_bytes`, which speaks of the compact
    form. They are forgotten as soon as a parameter changes or the table goes back to training. Where there is
    not so much memory, `keep_often` says which rows are kept; the others are worked out each time.

    Attributes:
        memoise: False works every row out at every lookup, to measure the compact form.
        often: ids whose rows alone are kept, ascending; None: all that are asked for.
    """

    memoise = True
    often: Tensor | None = None
    _known: tuple[Any, Any] | None = None

    def forward(self, ids: Tensor) -> Tensor:
        reading = not self.training and not torch.is_grad_enabled() and not torch.compiler.is_exporting()
        if not (reading and self.memoise):
            return super().forward(ids)
        known = self.known()
        return self._from_some(ids, known) if isinstance(known, KeptRows) else self._from_all(ids, known)

    def known(self) -> Any:
        """The rows that are kept: KeptRows of those asked for often, or a tensor [n, D] of all."""
        tensors = [*self.parameters(), *self.buffers()]
        state = [(t.data_ptr(), t._version) for t in tensors]
        if self._known is None or self._known[0] != state:
            # outside inference mode, whose tensors can't be written to later
            with torch.inference_mode(False), torch.no_grad():
                self._known = state, self._kept(tensors[0])
        return self._known[1]

    def _kept(self, like: Tensor) -> KeptRows | Tensor:
        # the loop over the smaller store reads float32 on a CPU
        if self.often is not None and fits(like):
            return KeptRows(self.often, self.rows(self.often), self.n)
        vectors = torch.empty(self.n, self.dim, dtype=like.dtype, device=like.device)
        vectors[:, 0] = torch.nan  # of rows not worked out yet: no second look-up to know them by
        return vectors

    def _from_all(self, ids: Tensor, vectors: Tensor) -> Tensor:
        found = torch.nn.functional.embedding(ids, vectors)
        absent = ids[found[..., 0].isnan()]
        if not len(absent):
            return found
        new = torch.unique(absent).long()
        vectors[new] = self.rows(new).to(vectors.dtype)
        return torch.nn.functional.embedding(ids, vectors)

    def _from_some(self, ids: Tensor, kept: KeptRows) -> Tensor:
        flat = ids.reshape(-1)
        out = torch.empty(len(flat), self.dim)
        absent = kept.find(flat, out)
        if len(absent):
            out[absent] = self.some_rows(flat[absent])
        return out.view(*ids.shape, self.dim)

    def some_rows(self, ids: Tensor) -> Tensor:
        """Rows [k, D] of ids [k] in any order, repeated ones too."""
        distinct, slot = torch.unique(ids, return_inverse=True)
        return self.rows(distinct.long())[slot]

    def train(self, mode: bool = True):
        if mode:
            self._known = None
        return super().train(mode)


def remembering(model: nn.Module) -> list[MemoisedTable]:
    """The tables of a model that keep rows."""
    return [part for part in model.modules() if isinstance(part, MemoisedTable) and part.memoise]


def keep_often(table: MemoisedTable, counts: np.ndarray, limit: int) -> int:
    """Let a table that is served keep the rows of its most frequent ids, as many as fit, and no others.

    Args:
        counts: occurrences of each id [n], in training rows; of equals the lower id is kept.
        limit: bytes of the rows and their index.

    Returns:
        How many rows these are.

    Raises:
        ValueError: there are not n counts, or not a single row fits.
    """
    rows = min(table.n, KeptRows.fitting(limit, table.n, table.dim))
    if len(counts) != table.n or not rows:
        raise ValueError(f"needs {table.n} counts and room for a row, not {len(counts)} and {limit} bytes")
    order = np.argsort(-np.asarray(counts), kind="stable")[:rows]
    table.often, table._known = torch.from_numpy(np.sort(order)), None
    return rows


@contextmanager
def compact(model: nn.Module) -> Iterator[bool]:
    """In the block no table of a model remembers rows; whether there are tables that would."""
    tables = remembering(model)
    for part in tables:
        part.memoise = False
    try:
        yield bool(tables)
    finally:
        for part in tables:
            part.memoise = True
