"""DSL: a table that is sparse from the first step, whose numbers change places."""

import math
from collections.abc import Sequence

import torch
from pydantic import Field
from torch import Tensor

from ...budget import Budget
from ...embeddings import FullTable
from ...embeddings.entry_mask import EntryMask
from ...embeddings.masked import MaskedRows
from ...embeddings.sparse import SparseTable
from ...errors import LfmpError
from ...seeds import derive
from ...settings import Settings
from ...tasks import Task
from ...training import Objective
from ...training.objective import Extended
from ..base import Context, Outcome
from ..train import train_to_outcome
from .base import compression, numbers_within, plain_model, unstacked
from .magnitude import largest_entries


class DSLSettings(Settings):
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


def exchange_entries(weight: Tensor, mask: Tensor, rows: Tensor, grad: Tensor, share: float) -> int:
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
    grown = largest_entries(gain, count)
    kept = largest_entries(weight.abs().masked_fill(~mask, -1), active - count)
    mask.copy_(kept)
    mask[rows] |= grown
    weight[rows] = weight[rows].masked_fill(grown, 0)
    return count


class WatchedRows(MaskedRows):
    """A masked table that knows the gradients of its last step at all places, masked or not.

    Attributes:
        seen: (ids, gradient [..., D] of their vectors) of that step; None before any.
    """

    uncuttable = "its numbers change places among all fields: cut the fields first"
    seen: tuple[Tensor, Tensor] | None = None

    def gated(self, ids: Tensor, e: Tensor) -> Tensor:
        out = super().gated(ids, e)
        if out.requires_grad:
            out.register_hook(lambda grad: setattr(self, "seen", (ids, grad)))
        return out


class Exchanging(Extended):
    """The task's loss; every ΔT steps numbers of each masked table change places.

    Args:
        loss: the task's.
        tables: as the model has them, over plain tables and entry masks, which are changed in place.
        per_epoch: steps in a pass.
    """

    exchanged: Tensor

    def __init__(self, loss: Objective, tables: Sequence[WatchedRows], settings: DSLSettings, per_epoch: int):
        super().__init__(loss)
        self.tables, self.settings = list(tables), settings  # in a list: the model keeps them
        self.every, self.total = max(1, per_epoch // settings.exchanges), settings.anneal_epochs * per_epoch
        # a buffer, so that it is kept with the rest of a checkpoint
        self.register_buffer("exchanged", torch.tensor(0))

    def share(self, step: int) -> float:
        """ρ at a step."""
        s, done = self.settings, min(1.0, step / self.total)
        return s.last_share + (s.first_share - s.last_share) * (1 + math.cos(math.pi * done)) / 2

    @torch.no_grad()
    def after_step(self, step: int) -> None:
        for table in self.tables:
            if (step + 1) % self.every == 0 and table.seen is not None:
                ids, grad = table.seen
                rows, slot = ids.reshape(-1).unique(return_inverse=True)
                summed = grad.new_zeros(len(rows), grad.shape[-1])
                summed.index_add_(0, slot, grad.reshape(len(slot), -1))
                assert isinstance(table.table, FullTable) and isinstance(table.gate, EntryMask)
                weight, mask = table.table.weight, table.gate.mask
                self.exchanged += exchange_entries(weight, mask, rows, summed, self.share(step))
            table.seen = None


@compression("dsl", DSLSettings)
def dsl(task: Task, budget: Budget, settings: DSLSettings, context: Context) -> Outcome:
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
    scores = torch.rand((task.num_ids, task.dim), generator=generator)
    masks = unstacked(largest_entries(scores, numbers_within(task, budget)), plain)
    gates = {name: EntryMask(mask) for name, mask in masks.items()}
    masked = {name: WatchedRows(table, gates[name]) for name, table in plain.items()}
    model.put(masked)
    objective = Exchanging(
        task.objective(context.seed), list(masked.values()), settings, task.steps_per_epoch
    )
    outcome = train_to_outcome(task, model, task.all_fields, context, objective=objective)
    outcome.details["exchanged"] = int(objective.exchanged)
    model.put(
        {
            name: SparseTable.of(table.weight.detach(), gates[name].mask, table.field_sizes)
            for name, table in plain.items()
        }
    )
    return outcome
