"""What compressed tables are held against: the ways that they replaced, torch's and SciPy's rows, a floor."""

import math
import warnings

import torch
from scipy import sparse
from torch import Tensor
from torch.nn import functional

from lfmp_core.embeddings.dhe import DHETable
from lfmp_core.embeddings.quantised import QuantisedTable
from lfmp_core.embeddings.sparse import SparseTable
from lfmp_core.embeddings.tt_rec import TTRecTable


class SlicesGathered(TTRecTable):
    """TT-Rec in plain tensor operations, as public code runs it on a CPU.

    Each occurrence of an id copies its slice of every core, r_{k−1}·d_k·r_k numbers, multiplies the copies
    and lets autograd scatter their gradients back. Without cached rows.
    """

    def forward(self, ids: Tensor) -> Tensor:
        rest, below = ids.reshape(-1).long(), math.prod(self.row_split)
        left = self.cores[0].new_ones(len(rest), 1, 1)
        for core, number in zip(self.cores, self.row_split, strict=True):
            below //= number
            digit, rest = rest // below, rest % below
            product = torch.bmm(left, core[digit].flatten(2))
            left = product.view(len(rest), -1, core.shape[3])
        return left.view(*ids.shape, self.dim)


class EveryOccurrence(DHETable):
    """DHE that hashes every occurrence of an id and sends it through the network.

    In training its norms see an id as often as it occurs; in eval mode the rows are those of `DHETable`.
    """

    def forward(self, ids: Tensor) -> Tensor:
        return self.exported(ids)


class TorchProduct:
    """Rows of torch's own CSR matrix; `index_select` knows no CSR, so they are a product with a selector.

    Args:
        table: whose rows, [n, D]. Indices are 32 bits, which MKL takes without a copy.
    """

    def __init__(self, table: SparseTable):
        self.shape = (len(table.starts) - 1, table.dim)
        self.matrix = _csr(table.starts, columns_of(table), table.values.detach(), self.shape)

    def __call__(self, ids: Tensor) -> Tensor:
        flat = ids.reshape(-1)
        begun, ones = torch.arange(len(flat) + 1, dtype=torch.int32), torch.ones(len(flat))
        selector = _csr(begun, flat.int(), ones, (len(flat), self.shape[0]))
        return (selector @ self.matrix).to_dense().view(*ids.shape, self.shape[1])


def columns_of(table: SparseTable) -> Tensor:
    """The column of every number, the index that other libraries have instead of masks."""
    return table.bits(torch.arange(len(table.masks))).nonzero()[:, 1].int()


def _csr(starts: Tensor, columns: Tensor, values: Tensor, shape: tuple[int, int]) -> Tensor:
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Sparse CSR tensor support is in beta")
        return torch.sparse_csr_tensor(starts, columns, values, shape, check_invariants=False)


class SciPyRows:
    """Rows of SciPy's CSR matrix, made dense.

    Args:
        table: whose rows, [n, D].
    """

    def __init__(self, table: SparseTable):
        parts = (table.values.detach(), columns_of(table), table.starts)
        shape = (len(table.starts) - 1, table.dim)
        self.matrix = sparse.csr_matrix(tuple(part.numpy() for part in parts), shape)

    def __call__(self, ids: Tensor) -> Tensor:
        rows = self.matrix[ids.reshape(-1).numpy()].toarray()
        return torch.from_numpy(rows).view(*ids.shape, rows.shape[1])


class TorchBits:
    """Rows of torch's own tables in few bits, given the same codes and scales.

    Args:
        table: a plain one rounded, with a scale for each row. torch keeps codes and scale of a row side by
            side, the scale of eight bits in float32.
    """

    def __init__(self, table: QuantisedTable):
        packed = table.packed()["weight"]
        scale = packed.scale.float() if packed.bits == 8 else packed.scale
        codes = packed.codes.view(len(scale), -1)
        self.rows = torch.cat([codes, scale.detach().contiguous().view(torch.uint8)], dim=1)
        name = {8: "byte", 4: "4bit", 2: "2bit"}[packed.bits]
        self.look_up = getattr(torch.ops.quantized, f"embedding_bag_{name}_rowwise_offsets")

    def __call__(self, ids: Tensor) -> Tensor:
        flat = ids.reshape(-1)
        bags = torch.arange(len(flat) + 1, dtype=flat.dtype)  # of one row each
        return self.look_up(self.rows, flat, bags, include_last_offset=True).view(*ids.shape, -1)


class BytesGather:
    """A plain gather that reads as many bytes for an id as a table in few bits, and unpacks none.

    Args:
        table: whose codes, and scales where a row has its own, count.
    """

    def __init__(self, table: QuantisedTable):
        rows = sum(table.field_sizes)
        index = 4 if table.per == "row" else 0
        width = table.dim * table.bits // 8 + index
        self.rows = torch.ones(rows, width, dtype=torch.uint8, device=table.packed()["weight"].codes.device)

    def __call__(self, ids: Tensor) -> Tensor:
        return self.rows.index_select(0, ids.reshape(-1)).view(*ids.shape, -1)


class NarrowGather:
    """A plain gather that reads as many bytes for an id as a sparse table does on average.

    That is a floor for reading: one place in memory instead of three, no index to follow, and fewer
    numbers written than a vector has.

    Args:
        table: whose average row counts: a start, a mask, and its numbers.
    """

    def __init__(self, table: SparseTable):
        rows, entries = len(table.starts) - 1, len(table.values)
        index = table.starts.element_size() + table.masks.shape[1] * table.masks.element_size()
        self.width = math.ceil((index + table.values.element_size() * entries / rows) / 4)
        # ones: fresh zeros would be one page of memory, mapped again and again
        self.weight = torch.ones(rows, self.width, device=table.values.device)

    def __call__(self, ids: Tensor) -> Tensor:
        return functional.embedding(ids, self.weight)
