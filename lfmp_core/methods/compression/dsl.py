"""DSL: a table that is sparse from the first step, whose numbers change places."""

import math
from typing import Any

import torch
from pydantic import Field
from torch import Tensor

from ...embeddings import FullTable
from ...embeddings.entry_mask import EntryMask
from ...embeddings.masked import MaskedRows
from ...embeddings.sparse import SparseTable
from ...errors import LfmpError
from ...models import Backbone
from ...seeds import derive
from ...training import Objective
from ..base import Context, Outcome, Task
from ..train import steps_per_epoch, train_to_outcome
from .base import CompressionSettings, all_fields, budget, compression, plain_model
from .magnitude import largest


class DSLSettings(CompressionSettings):
    """
    Attributes:
        exchanges: in a pass over the training rows, evenly spaced, at most one a step. (The DSL code has a
            number of steps between two, 100, which in a small set is several passes.)
        first_share, last_share: ρ, the share of the numbers that is exchanged, falls from the first to the
            last along a half cosine.
        anneal_epochs: passes over which it falls.
    """

    exchanges: int = Field(5, ge=1)
    first_share: float = Field(0.5, ge=0, le=1)
    last_share: float = Field(0.005, ge=0, le=1)
    anneal_epochs: int = Field(5, ge=1)


def exchange(weight: Tensor, mask: Tensor, rows: Tensor, grad: Tensor, share: float) -> int:
    """Drop the smallest numbers of a sparse table and grow as many where the loss falls fastest.

    Of the places that the mask leaves out, those of largest |gradient| grow, from zero. Only rows of the
    batch have a gradient; where they have fewer free places than ⌊ρ·nnz⌋, fewer are dropped. Changes `weight`
    and `mask` in place.

    Args:
        weight, mask: [n, D].
        rows: distinct rows [k] of the batch.
        grad: gradient [k, D] of all their places, masked or not.
        share: ρ.

    Returns:
        how many numbers changed places.
    """
    active = int(mask.sum())
    gain = grad.abs().masked_fill(mask[rows], 0)
    count = min(int(share * active), int((gain > 0).sum()))
    grown = largest(gain, count)
    kept = largest(weight.abs().masked_fill(~mask, -1), active - count)
    mask.copy_(kept)
    mask[rows] |= grown
    weight[rows] = weight[rows].masked_fill(grown, 0)
    return count


class Exchanging(Objective):
    """Log-loss; every ΔT steps numbers of a masked table change places.

    Args:
        plain, gate: the table and the mask over it, changed in place.
        masked: both together, as the model has them.
        per_epoch: steps in a pass.
    """

    exchanged: Tensor

    def __init__(
        self, plain: FullTable, gate: EntryMask, masked: MaskedRows, settings: DSLSettings, per_epoch: int
    ):
        super().__init__()
        self.parts = plain, gate  # in a tuple: the model keeps them, not this module
        self.settings, self.step = settings, 0
        self.every, self.total = max(1, per_epoch // settings.exchanges), settings.anneal_epochs * per_epoch
        # a buffer, so that it is kept with the rest of a checkpoint
        self.register_buffer("exchanged", torch.tensor(0))
        self.seen: tuple[Tensor, Tensor] | None = None
        masked.register_forward_hook(self._watch)

    def _watch(self, masked: MaskedRows, ids: tuple[Any, ...], e: Tensor) -> None:
        if e.requires_grad:
            e.register_hook(lambda grad: setattr(self, "seen", (ids[0], grad)))

    def forward(
        self, model: Backbone, ids: Tensor, values: Tensor | None, labels: Tensor, step: int
    ) -> Tensor:
        self.step = step
        return super().forward(model, ids, values, labels, step)

    def share(self, step: int) -> float:
        """ρ at a step."""
        s, done = self.settings, min(1.0, step / self.total)
        return s.last_share + (s.first_share - s.last_share) * (1 + math.cos(math.pi * done)) / 2

    @torch.no_grad()
    def after_step(self) -> None:
        if (self.step + 1) % self.every == 0 and self.seen is not None:
            ids, grad = self.seen
            rows, slot = ids.reshape(-1).unique(return_inverse=True)
            summed = grad.new_zeros(len(rows), grad.shape[-1])
            summed.index_add_(0, slot, grad.reshape(len(slot), -1))
            plain, gate = self.parts
            self.exchanged += exchange(plain.weight, gate.mask, rows, summed, self.share(self.step))
        self.seen = None


@compression("dsl", DSLSettings)
def dsl(task: Task, settings: DSLSettings, context: Context) -> Outcome:
    """Start with random entries in place; now and then move the smallest to where they help most.

    No step sees more than the budget, and there is one phase, CT. Early stopping picks the epoch, and with it
    the mask that the epoch ended with.

    Raises:
        LfmpError: optimizer="lazy", whose table is not up to date where an exchange compares all its numbers.

    Source: Wang et al. 2024, Algorithm 1; LERS §2.1.2.
    """
    if task.training.optimizer == "lazy":
        raise LfmpError("dsl compares all numbers of a table at each exchange: take optimizer='dense'")
    model, plain = plain_model(task, context.seed)
    generator = torch.Generator().manual_seed(derive(context.seed, "mask"))
    scores = torch.rand(plain.weight.shape, generator=generator)
    gate = EntryMask(largest(scores, budget(task, settings)))
    model.table = masked = MaskedRows(plain, gate)
    objective = Exchanging(plain, gate, masked, settings, steps_per_epoch(task))
    outcome = train_to_outcome(task, model, all_fields(task), context, objective=objective)
    outcome.details["exchanged"] = int(objective.exchanged)
    model.table = SparseTable.of(plain.weight.detach(), gate.mask, plain.field_sizes)
    return outcome
