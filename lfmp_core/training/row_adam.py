"""Adam with L2 on a table, touching only the rows of the batch, and yet the same mathematics.

Dense Adam moves every row at every step: a row outside the batch still decays (its gradient is λw) and
still coasts on its moments. Those steps need nothing but the row itself, so they can wait until the row is
next read, and are then made up one by one in registers:

    g = λw;  m ← β₁m + (1−β₁)g;  v ← β₂v + (1−β₂)g²;  w ← w − η m/(1−β₁ᵗ) / (√(v/(1−β₂ᵗ)) + ε)

for each missed step t with that step's own bias corrections. In exact arithmetic the weights that any
forward pass reads are those of `torch.optim.Adam(weight_decay=λ)`; in float32 they differ by rounding. What
is saved is memory traffic: no gradient of n×D is zeroed, filled and read, and no row passes through memory
that the batch has not touched. What is not saved is arithmetic: a row pays for every missed step when it
is read, at the latest at the end of an epoch.
"""

import numba
import numpy as np
import torch
from torch import Tensor, nn

from ..kernels import compiled, run_kernel

BETA1, BETA2, EPSILON = 0.9, 0.999, 1e-8


@numba.njit(inline="always")
def _move(weight, m, v, i, d, g, rate, scale):
    """One step of Adam for one number of the table."""
    # 1 − β rounded once: 1 − float32(.999) would be off by 1e-5
    m[i, d] = np.float32(BETA1) * m[i, d] + np.float32(1 - BETA1) * g
    v[i, d] = np.float32(BETA2) * v[i, d] + np.float32(1 - BETA2) * g * g
    weight[i, d] -= rate * m[i, d] / (np.sqrt(v[i, d]) * scale + np.float32(EPSILON))


@compiled
def _catch_up(rows, upto, weight, m, v, last, rates, scales, l2):
    for r in numba.prange(len(rows)):
        i = rows[r]
        for t in range(last[i] + 1, upto + 1):
            rate, scale = rates[t], scales[t]
            for d in range(weight.shape[1]):
                g = l2 * weight[i, d]
                _move(weight, m, v, i, d, g, rate, scale)
        last[i] = upto


@compiled
def _step(rows, t, weight, grad, m, v, last, rates, scales, l2):
    for r in numba.prange(len(rows)):
        i = rows[r]
        for d in range(weight.shape[1]):
            g = grad[r, d] + l2 * weight[i, d]
            _move(weight, m, v, i, d, g, rates[t], scales[t])
        last[i] = t


@numba.njit(cache=True)
def _distinct(ids, mark, stamp, slot, rows):
    """Slot of each id among the distinct ones; `mark[i]` is stamp + slot of an id seen in this call."""
    count = 0
    for k in range(len(ids)):
        i = ids[k]
        if mark[i] < stamp:
            mark[i] = stamp + count
            rows[count] = i
            count += 1
        slot[k] = mark[i] - stamp
    return count


@numba.njit(cache=True)
def _gather_gradient(slot, grad, out):
    for k in range(len(slot)):
        for d in range(grad.shape[1]):
            out[slot[k], d] += grad[k, d]


class RowAdam:
    """Adam's state of one table, and the rows of the batch under way.

    Args:
        weight: the table's parameter [n, D] on a CPU, float32.
        learning_rate: η.
        l2: λ.
    """

    def __init__(self, weight: nn.Parameter, learning_rate: float, l2: float):
        if not weight.is_cpu or weight.dtype != torch.float32:
            raise ValueError("row-wise Adam works on float32 tables on a CPU; take optimizer='dense'")
        self.weight, self.learning_rate, self.l2 = weight, learning_rate, np.float32(l2)
        self.exp_avg, self.exp_avg_sq = torch.zeros_like(weight), torch.zeros_like(weight)
        self.steps = 0
        self._last = torch.zeros(len(weight), dtype=torch.int64)
        self._mark = np.full(len(weight), -1, np.int64)
        self._stamp = 0
        self._rates, self._scales = torch.zeros(0), torch.zeros(0)
        self._pending: list[tuple[Tensor, Tensor]] = []

    def lookup(self, ids: Tensor) -> Tensor:
        """Vectors [..., D] of integer ids [...], rows caught up first; backward leaves the gradient here."""
        flat = ids.detach().reshape(-1).numpy()
        slot, rows = np.empty(len(flat), np.int64), np.empty(min(len(flat), len(self._mark)), np.int64)
        count = _distinct(flat, self._mark, self._stamp, slot, rows)
        self._stamp += count
        distinct = torch.from_numpy(rows[:count])
        self._catch_up(distinct)
        return _Lookup.apply(self.weight, ids, self, distinct, slot)

    def receive(self, rows: Tensor, slot: np.ndarray, grad: Tensor) -> None:
        """Sum the gradients [.., D] of one lookup by row, for the next step."""
        summed = grad.new_zeros(len(rows), grad.shape[-1])
        _gather_gradient(slot, grad.reshape(len(slot), -1).contiguous().numpy(), summed.numpy())
        self._pending.append((rows, summed))

    def step(self) -> None:
        """One step of Adam; rows outside the batch make theirs up when they are next read."""
        self.steps += 1
        self._prepare(self.steps)
        if not self._pending:  # nothing was looked up: every row just has a step to make up
            return
        rows, grad = self._pending[0]
        if len(self._pending) > 1:
            rows, slot = torch.cat([r for r, _ in self._pending]).unique(return_inverse=True)
            grad = grad.new_zeros(len(rows), grad.shape[1])
            grad.index_add_(0, slot, torch.cat([g for _, g in self._pending]))
        own = (self.weight, grad, self.exp_avg, self.exp_avg_sq, self._last, self._rates, self._scales)
        run_kernel(_step, rows, self.steps, *own, self.l2)
        self._pending.clear()

    def flush(self) -> None:
        """Catch every row up, so that the weights may be read."""
        self._catch_up(torch.arange(len(self.weight)))

    def state(self) -> dict[str, Tensor]:
        """Moments and step count as `torch.optim.Adam` names them; flushes."""
        self.flush()
        step = torch.tensor(float(self.steps))
        return {"step": step, "exp_avg": self.exp_avg, "exp_avg_sq": self.exp_avg_sq}

    def load(self, state: dict[str, Tensor]) -> None:
        """Take over what `state`, or a dense Adam, kept."""
        self.exp_avg.copy_(state["exp_avg"])
        self.exp_avg_sq.copy_(state["exp_avg_sq"])
        self.steps = int(state["step"])
        self._last.fill_(self.steps)

    def _catch_up(self, rows: Tensor) -> None:
        self._prepare(self.steps)
        own = (self.weight, self.exp_avg, self.exp_avg_sq, self._last, self._rates, self._scales)
        run_kernel(_catch_up, rows, self.steps, *own, self.l2)

    def _prepare(self, upto: int) -> None:
        """η/(1−β₁ᵗ) and 1/√(1−β₂ᵗ) for every step so far."""
        if len(self._rates) <= upto:
            t = np.arange(max(1024, 2 * upto) + 1, dtype=np.float64)
            with np.errstate(divide="ignore"):
                rates, scales = self.learning_rate / (1 - BETA1**t), 1 / np.sqrt(1 - BETA2**t)
            self._rates, self._scales = torch.tensor(rates).float(), torch.tensor(scales).float()


class _Lookup(torch.autograd.Function):
    @staticmethod
    def forward(ctx, weight: Tensor, ids: Tensor, owner: RowAdam, rows: Tensor, slot: np.ndarray) -> Tensor:
        ctx.owner, ctx.rows, ctx.slot = owner, rows, slot
        return nn.functional.embedding(ids, weight)

    @staticmethod
    def backward(ctx, grad: Tensor):
        ctx.owner.receive(ctx.rows, ctx.slot, grad)
        return None, None, None, None, None
