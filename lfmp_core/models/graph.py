"""Propagation over the graph of users and items, with its backward pass.

Â = D^{-½} A D^{-½}, where A joins each user with the items that it took. A row of the product reads only the
rows of its neighbours; Â is symmetric, so the gradient of a product is another product with Â, and no
transpose is ever made. Rows that nobody asks for are left out: of the last layer only those of the batch are
needed, and on the way back the first product starts from these few.
"""

from typing import Any

import numba
import numpy as np
import torch
from torch import Tensor

from ..data.interactions import Interactions
from ..kernels import compiled, run_kernel


@compiled
def _product(starts, neighbours, scale, x, out):
    """out = Â x."""
    for r in numba.prange(len(out)):
        row = out[r]
        row[:] = 0
        for k in range(starts[r], starts[r + 1]):
            c = neighbours[k]
            s = scale[c]
            for d in range(row.shape[0]):
                row[d] += s * x[c, d]
        for d in range(row.shape[0]):
            row[d] *= scale[r]


@compiled
def _product_at(starts, neighbours, scale, x, rows, out):
    """out[i] = (Â x)[rows[i]]."""
    for i in numba.prange(len(rows)):
        row = out[i]
        row[:] = 0
        for k in range(starts[rows[i]], starts[rows[i] + 1]):
            c = neighbours[k]
            s = scale[c]
            for d in range(row.shape[0]):
                row[d] += s * x[c, d]
        for d in range(row.shape[0]):
            row[d] *= scale[rows[i]]


@compiled
def _product_of(starts, neighbours, scale, place, x, out):
    """out = Â X, where row r of X is x[place[r]], and zero where place[r] is −1."""
    for r in numba.prange(len(out)):
        row = out[r]
        row[:] = 0
        for k in range(starts[r], starts[r + 1]):
            i = place[neighbours[k]]
            if i >= 0:
                s = scale[neighbours[k]]
                for d in range(row.shape[0]):
                    row[d] += s * x[i, d]
        for d in range(row.shape[0]):
            row[d] *= scale[r]


class Graph:
    """The symmetric, normalised neighbours of users (first) and items (after them), as compressed rows.

    Args:
        pairs: the edges.

    Attributes:
        starts: int64 [n + 1]. neighbours: int32 [2 pairs]. scale: d^{-½} float32 [n], 0 of a lone node.
    """

    def __init__(self, pairs: Interactions):
        order = np.argsort(pairs.items, kind="stable")  # by item, users ascending
        degrees = np.concatenate([pairs.degrees(), pairs.item_degrees()])
        self.starts = np.concatenate([[0], degrees.cumsum()]).astype(np.int64)
        items = pairs.items + np.int32(pairs.num_users)
        self.neighbours = np.concatenate([items, pairs.users()[order]])
        self.scale = np.zeros(len(degrees), np.float32)
        self.scale[degrees > 0] = degrees[degrees > 0] ** -0.5

    def __len__(self) -> int:
        return len(self.starts) - 1

    def product(self, x: Tensor) -> Tensor:
        """Â x for x [n, D], float32 on a CPU."""
        out = torch.empty_like(x)
        run_kernel(_product, *self._edges, x, out)
        return out

    def product_at(self, x: Tensor, rows: Tensor) -> Tensor:
        """(Â x)[rows] for rows [B]."""
        out = x.new_empty(len(rows), x.shape[1])
        run_kernel(_product_at, *self._edges, x, rows, out)
        return out

    def product_of(self, x: Tensor, rows: Tensor) -> Tensor:
        """Â X, where X is zero but for X[rows] = x; rows [B] are distinct."""
        place = np.full(len(self), -1, np.int32)
        place[rows.numpy()] = np.arange(len(rows))
        out = x.new_empty(len(self), x.shape[1])
        run_kernel(_product_of, *self._edges, place, x, out)
        return out

    @property
    def _edges(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        return self.starts, self.neighbours, self.scale


def propagate(graph: Graph, e: Tensor, layers: int, rows: Tensor | None = None) -> Tensor:
    """Mean over layers 0..L of Â^l E, of some rows.

    The gradient of E is Σ_l Â^l G / (L + 1), by Horner's rule H ← G + Â H, where G has rows with a gradient
    in `rows` alone.

    Args:
        e: E [n, D], float32 on a CPU.
        layers: L.
        rows: distinct rows that are asked for [B]; None: all of them.

    Source: He et al. 2020, LightGCN, eq. 7–8.
    """
    return _Propagated.apply(e, graph, layers, rows)


class _Propagated(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, e: Tensor, graph: Graph, layers: int, rows: Tensor | None) -> Tensor:
        ctx.graph, ctx.layers, ctx.rows = graph, layers, rows
        layer = e.detach().contiguous()
        total = layer.clone() if rows is None else layer[rows]
        for depth in range(1, layers + 1):
            if rows is not None and depth == layers:
                total += graph.product_at(layer, rows)
            else:
                layer = graph.product(layer)
                total += layer if rows is None else layer[rows]
        return total.div_(layers + 1)

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None, None, None]:
        graph, layers, rows = ctx.graph, ctx.layers, ctx.rows
        grad = grad.contiguous() / (layers + 1)
        if rows is None:
            found = grad
            for _ in range(layers):
                found = graph.product(found).add_(grad)
            return found, None, None, None
        found = graph.product_of(grad, rows) if layers else grad.new_zeros(len(graph), grad.shape[1])
        found.index_add_(0, rows, grad)
        for _ in range(layers - 1):
            found = graph.product(found).index_add_(0, rows, grad)
        return found, None, None, None
