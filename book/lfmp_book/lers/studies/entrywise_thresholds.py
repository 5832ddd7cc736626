"""PEP's thresholds as published, one for each number, beside the single one of this book."""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from lfmp_core.data.dataset import Rows
from lfmp_core.embeddings import FullTable, Table
from lfmp_core.methods.compression.threshold import Threshold
from lfmp_core.models.batch import ClickBatch
from lfmp_core.models.model import Model
from lfmp_core.training import Batches, Loop, Objective, TrainingSettings


@dataclass(frozen=True)
class Problem:
    """Clicks that depend on a quarter of the ids of a small table.

    Attributes:
        ids, dim: n and D. rows: in a batch. fields: ids a row. batches: in a pass over the rows.
        rate: learning rate of s; the weights' is 1e-3. start: s₀.
    """

    ids: int = 1000
    dim: int = 4
    rows: int = 256
    fields: int = 10
    batches: int = 8
    rate: float = 0.02
    start: float = -15.0
    seed: int = 0

    def draw(self) -> tuple[FullTable, Rows]:
        """The table as it starts, and all rows."""
        generator = torch.Generator().manual_seed(self.seed)
        table = FullTable((self.ids,), self.dim, std=0.01, generator=generator)
        count = self.batches * self.rows
        ids = torch.randint(0, self.ids, (count, self.fields), generator=generator)
        effect = torch.randn(self.ids, generator=generator) * (torch.arange(self.ids) < self.ids // 4)
        noise = torch.randn(count, generator=generator)
        clicks = effect[ids].sum(1) + noise > 0
        return table, Rows(ids.numpy().astype(np.int32), clicks.numpy().astype(np.uint8), None)


@dataclass(frozen=True)
class Path:
    """What the thresholds of one training did.

    Attributes:
        decay: weight decay on s. mean, least, most: of all s, before each step and after the last.
        one: the single s(t) of `Threshold` on the same steps.
        loss_share: of the summed sizes of s's gradient, what the loss gave; the rest is the decay's.
        pruned: share of numbers at zero at the end.
    """

    decay: float
    mean: tuple[float, ...]
    least: tuple[float, ...]
    most: tuple[float, ...]
    one: tuple[float, ...]
    loss_share: float
    pruned: float

    @property
    def moved(self) -> float:
        """How far s went, on average."""
        return self.mean[-1] - self.mean[0]

    @property
    def by_loss(self) -> float:
        """The share of how far s went that the decay alone does not give."""
        alone = self.one[-1] - self.one[0] if self.decay else 0.0
        return abs(self.moved - alone) / abs(self.moved) if self.moved else 0.0

    @property
    def apart(self) -> float:
        """Greatest distance of any s from the single one, at any step."""
        ends = zip(self.least, self.most, self.one, strict=True)
        return max(max(abs(low - s), abs(high - s)) for low, high, s in ends)


class OneTable(Model):
    """A table and nothing over it; the logit of a row is the sum of its vectors' numbers."""

    decayed = ("table",)

    def __init__(self, table: FullTable):
        super().__init__()
        self.table = table

    def tables(self) -> dict[str, Table]:
        return {"table": self.table}

    def read(self, batch: ClickBatch) -> dict[str, Tensor]:
        return {"table": batch.ids}


class EntrywiseThresholds(Objective):
    """Log-loss of v̂ = sign(v)·ReLU(|v| − σ(s)), with an s for each number of v; weight decay on s.

    Args:
        problem: sizes, s₀ and the rate of s.
        decay: of s.

    Source: PEP (Liu et al. 2021), eq. 4–6, and the public code of LERS.
    """

    def __init__(self, problem: Problem, decay: float):
        super().__init__()
        self.rate, self.decay = problem.rate, decay
        self.s = nn.Parameter(torch.full((problem.ids, problem.dim), problem.start))
        self.one = Threshold(problem.start, problem.rate)
        self.sizes = torch.zeros(2, dtype=torch.float64)
        self.s.register_hook(self._weigh)
        self.trace = [self._ends()]

    def groups(self, learning_rate: float) -> list[dict]:
        return [{"params": [self.s], "lr": self.rate, "weight_decay": self.decay}]

    def forward(self, model: OneTable, batch: ClickBatch, step: int) -> Tensor:
        v, s = model.table(batch.ids), self.s[batch.ids]
        hat = v.sign() * torch.relu(v.abs() - s.sigmoid())
        return functional.binary_cross_entropy_with_logits(hat.sum((1, 2)), batch.labels)

    def after_step(self, step: int) -> None:
        self.one.advance()
        self.trace.append(self._ends())

    def _weigh(self, by_loss: Tensor) -> None:
        by_decay = self.decay * self.s.detach()
        self.sizes += torch.stack([by_loss.abs().sum().double(), by_decay.abs().sum().double()])

    def _ends(self) -> tuple[float, float, float, float]:
        s = self.s.detach()
        return s.mean().item(), s.min().item(), s.max().item(), self.one.s


def entrywise(problem: Problem, decay: float, steps: int) -> Path:
    """Train v and one s for each of its numbers, beside the single s on the same steps."""
    table, rows = problem.draw()
    objective = EntrywiseThresholds(problem, decay)
    passes = -(-steps // problem.batches)
    settings = TrainingSettings(batch_size=problem.rows, epochs=passes)
    batches = Batches(rows, problem.rows, problem.seed)
    Loop(OneTable(table), batches, settings, seed=problem.seed, objective=objective, max_steps=steps).fit()
    mean, least, most, one = (tuple(column) for column in zip(*objective.trace, strict=True))
    sizes = objective.sizes
    share = float(sizes[0] / sizes.sum()) if sizes.sum() else float("nan")
    pruned = float((table.weight_view().abs() <= objective.s.sigmoid()).float().mean())
    return Path(decay, mean, least, most, one, share, pruned)
