"""Adam with L2 on a table without a gradient of n×D.

A batch touches few rows of a table. Autograd would still fill, scatter into and read back a gradient of all
n×D numbers; here the gradient stays a list of rows. Two ways of stepping, both the mathematics of
`torch.optim.Adam(weight_decay=λ)`:

* every row at every step: one pass over weight and moments,
      g = λw (+ the row's gradient);  m ← β₁m + (1−β₁)g;  v ← β₂v + (1−β₂)g²;
      w ← w − η m/(1−β₁ᵗ) / (√(v/(1−β₂ᵗ)) + ε).
* lazily: only the rows of the batch. What the others miss (their decay λw, and their moments' coasting)
  depends on nothing but the row itself, so it can wait until the row is next read, and is then made up step
  by step in the cache, with each missed step's own bias corrections.

In exact arithmetic every forward pass reads the same weights in all three; in float32 they differ by
rounding. Laziness saves passes over memory, not arithmetic: a row pays for every missed step when it is
read, at the latest at the end of an epoch.
"""

from collections.abc import Callable

import numba
import numpy as np
import torch
from torch import Tensor, nn

from ..embeddings.base import refuse_outside
from ..embeddings.gather import add_rows
from ..kernels import compiled, run_kernel

BETA1, BETA2, EPSILON = 0.9, 0.999, 1e-8
# Numbers of a table worked on at a time: weight and both moments of a block stay in the cache.
BLOCK = 4096


@numba.njit(inline="always")
def _move(weight, m, v, k, g, rate, scale):
    """One step of Adam for one number of the table."""
    # 1 − β rounded once: 1 − float32(.999) would be off by 1e-5
    m[k] = np.float32(BETA1) * m[k] + np.float32(1 - BETA1) * g
    v[k] = np.float32(BETA2) * v[k] + np.float32(1 - BETA2) * g * g
    weight[k] -= rate * m[k] / (np.sqrt(v[k]) * scale + np.float32(EPSILON))


@numba.njit(fastmath={"contract"}, error_model="numpy")
def _decay(weight, m, v, rate, scale, l2):
    """One step of rows that no batch touched; flat arrays, so that it runs on vector units."""
    for k in range(len(weight)):
        _move(weight, m, v, k, l2 * weight[k], rate, scale)


@numba.njit(fastmath={"contract"}, error_model="numpy")
def _learn(weight, m, v, grad, rate, scale, l2):
    """One step of touched rows."""
    for k in range(len(weight)):
        _move(weight, m, v, k, grad[k] + l2 * weight[k], rate, scale)


@compiled
def _every_row(slots, grad, dim, weight, m, v, rate, scale, l2):
    size = max(1, BLOCK // dim)
    for b in numba.prange((len(slots) + size - 1) // size):
        untouched = b * size  # start of the run of rows that only decay
        end = min(len(slots), untouched + size)
        for i in range(untouched, end):
            if slots[i] >= 0:
                a, k, z = untouched * dim, i * dim, (i + 1) * dim
                _decay(weight[a:k], m[a:k], v[a:k], rate, scale, l2)
                _learn(weight[k:z], m[k:z], v[k:z], grad[slots[i]], rate, scale, l2)
                untouched = i + 1
        a, z = untouched * dim, end * dim
        _decay(weight[a:z], m[a:z], v[a:z], rate, scale, l2)


@compiled
def _touched(rows, grad, weight, m, v, rate, scale, l2):
    for r in numba.prange(len(rows)):
        i = rows[r]
        _learn(weight[i], m[i], v[i], grad[r], rate, scale, l2)


@compiled
def _catch_up(rows, upto, weight, m, v, last, rates, scales, l2):
    dim = weight.shape[1]
    size = max(1, BLOCK // dim)
    for b in numba.prange((len(rows) + size - 1) // size):
        own = rows[b * size : (b + 1) * size]
        # longest waiting first: the rows that owe step t are then the first ones of the block
        own = own[np.argsort(last[own])]
        count = len(own)
        w_ = np.empty(count * dim, weight.dtype)
        m_, v_ = np.empty_like(w_), np.empty_like(w_)
        for r in range(count):
            w_[r * dim : (r + 1) * dim] = weight[own[r]]
            m_[r * dim : (r + 1) * dim] = m[own[r]]
            v_[r * dim : (r + 1) * dim] = v[own[r]]
        owing = 0
        for t in range(last[own[0]] + 1, upto + 1):
            while owing < count and last[own[owing]] < t:
                owing += 1
            _decay(w_[: owing * dim], m_[: owing * dim], v_[: owing * dim], rates[t], scales[t], l2)
        for r in range(count):
            weight[own[r]] = w_[r * dim : (r + 1) * dim]
            m[own[r]] = m_[r * dim : (r + 1) * dim]
            v[own[r]] = v_[r * dim : (r + 1) * dim]
            last[own[r]] = upto


@numba.njit(cache=True)
def _distinct(ids, mark, stamp, slot, rows):
    """Slot of each id among the distinct ones; `mark[i]` is stamp + slot of an id seen in this call.

    How many they are, or −1 where an id has no mark: the loop writes where the ids point.
    """
    count = 0
    for k in range(len(ids)):
        i = ids[k]
        if i < 0 or i >= len(mark):
            return -1
        if mark[i] < stamp:
            mark[i] = stamp + count
            rows[count] = i
            count += 1
        slot[k] = mark[i] - stamp
    return count


class RowIndex:
    """Distinct rows of a batch's ids, found once for all tables that look the same ids up.

    Args:
        num_rows: n.
    """

    def __init__(self, num_rows: int):
        self._mark = np.full(num_rows, -1, np.int64)
        self._stamp = 0
        self._ids: Tensor | None = None
        self._found: tuple[Tensor, np.ndarray]

    def __call__(self, ids: Tensor) -> tuple[Tensor, np.ndarray]:
        """(distinct rows [R], position among them of each id [ids.numel()])."""
        if ids is not self._ids:
            flat = ids.detach().reshape(-1).numpy()
            slot, rows = np.empty(len(flat), np.int64), np.empty(min(len(flat), len(self._mark)), np.int64)
            count = _distinct(flat, self._mark, self._stamp, slot, rows)
            self._stamp += len(flat) if count < 0 else count  # beyond every mark that was set
            if count < 0:
                refuse_outside(ids, len(self._mark))
            self._ids, self._found = ids, (torch.from_numpy(rows[:count]), slot)
        return self._found

    def forget(self) -> None:
        """Let go of the batch; a later one may lie at the same place."""
        self._ids = None


class RowAdam:
    """Adam's state of one table, and the rows of the batch under way.

    Args:
        weight: the table's parameter [n, D] on a CPU, float32.
        learning_rate: η.
        l2: λ.
        lazy: move only rows that are read; else every row at every step.
        index: shared by tables that are given the same ids; one's own by default.

    Attributes:
        others: adds to gradients [r, D] of distinct rows [r] those of other processes; None where there are
            none.
    """

    def __init__(
        self,
        weight: nn.Parameter,
        learning_rate: float,
        l2: float,
        *,
        lazy: bool = True,
        index: RowIndex | None = None,
    ):
        if not self.fits(weight):
            raise ValueError("row-wise Adam works on float32 tables on a CPU")
        self.weight, self.learning_rate, self.l2 = weight, learning_rate, np.float32(l2)
        self.lazy, self.index = lazy, index or RowIndex(len(weight))
        self.others: Callable[[Tensor, Tensor], tuple[Tensor, Tensor]] | None = None
        self.exp_avg, self.exp_avg_sq = torch.zeros_like(weight), torch.zeros_like(weight)
        self.steps = 0
        self._last = torch.zeros(len(weight), dtype=torch.int64)  # lazy: step up to which a row has moved
        self._slots = torch.full((len(weight),), -1, dtype=torch.int32)  # else: a row's place in the gradient
        self._rates, self._scales = np.zeros(0, np.float32), np.zeros(0, np.float32)
        self._pending: list[tuple[Tensor, Tensor]] = []

    @staticmethod
    def fits(weight: Tensor) -> bool:
        """Whether the loops can work on this parameter."""
        return weight.is_cpu and weight.dtype == torch.float32 and weight.is_contiguous()

    def lookup(self, ids: Tensor) -> Tensor:
        """Vectors [..., D] of integer ids [...], rows caught up first; backward leaves the gradient here."""
        distinct, slot = self.index(ids)
        if self.lazy:
            self._catch_up(distinct)
        return _Lookup.apply(self.weight, ids, self, distinct, slot)

    def receive(self, rows: Tensor, slot: np.ndarray, grad: Tensor) -> None:
        """Sum the gradients [.., D] of one lookup by row, for the next step."""
        summed = grad.new_zeros(len(rows), grad.shape[-1], dtype=torch.float32)
        flat = grad.reshape(len(slot), grad.shape[-1]).float().contiguous()
        add_rows(slot, flat.numpy(), summed.numpy())
        self._pending.append((rows, summed))

    def step(self) -> None:
        """One step of Adam; none if no gradient has come since the last one, as torch has it.

        Raises:
            RuntimeError: a lazy table's weight was read other than by `lookup`, so a row may have been stale.
        """
        self.index.forget()
        if self.weight.grad is not None:  # something besides the lookups was differentiated too
            if self.lazy:
                raise RuntimeError("a lazy table got a dense gradient; take optimizer='dense'")
            self._pending.append((torch.arange(len(self.weight)), self.weight.grad))
            self.weight.grad = None
        if not self._pending:
            return
        rows, grad = self._pending[0]
        if len(self._pending) > 1:
            rows, slot = torch.cat([r for r, _ in self._pending]).unique(return_inverse=True)
            grad = grad.new_zeros(len(rows), grad.shape[1])
            grad.index_add_(0, slot, torch.cat([g for _, g in self._pending]))
        self._pending.clear()
        if self.others is not None:
            rows, grad = self.others(rows, grad)
            if self.lazy:
                self._catch_up(rows)  # which were not looked up here
        self.steps += 1
        self._prepare(self.steps)
        self._move(rows, grad)

    def _move(self, rows: Tensor, grad: Tensor) -> None:
        tensors = [t.detach() for t in (self.weight, self.exp_avg, self.exp_avg_sq)]
        now = (self._rates[self.steps], self._scales[self.steps], self.l2)
        if self.lazy:
            run_kernel(_touched, rows, grad, *tensors, *now)
            self._last[rows] = self.steps
        else:
            self._slots[rows] = torch.arange(len(rows), dtype=torch.int32)
            run_kernel(_every_row, self._slots, grad, grad.shape[1], *(t.view(-1) for t in tensors), *now)
            self._slots[rows] = -1

    def flush(self) -> None:
        """Catch every row up, so that the weights may be read."""
        if self.lazy:
            self._catch_up(torch.arange(len(self.weight)))

    def state(self) -> dict[str, Tensor]:
        """Moments and step count as `torch.optim.Adam` names them; flushes."""
        self.flush()
        step = torch.tensor(float(self.steps))
        return {"step": step, "exp_avg": self.exp_avg, "exp_avg_sq": self.exp_avg_sq}

    def load(self, state: dict[str, Tensor]) -> None:
        """Take over what `state`, or torch's Adam, kept."""
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
            self._rates, self._scales = rates.astype(np.float32), scales.astype(np.float32)


class _Lookup(torch.autograd.Function):
    @staticmethod
    def forward(ctx, weight: Tensor, ids: Tensor, owner: RowAdam, rows: Tensor, slot: np.ndarray) -> Tensor:
        ctx.owner, ctx.rows, ctx.slot = owner, rows, slot
        return nn.functional.embedding(ids, weight)

    @staticmethod
    def backward(ctx, grad: Tensor):
        ctx.owner.receive(ctx.rows, ctx.slot, grad)
        return None, None, None, None, None
