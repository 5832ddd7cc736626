"""AutoDim: candidates for the dimension of every field, weighed against each other on validation rows."""

from collections.abc import Sequence
from typing import Any

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional

from ...budget import Budget
from ...embeddings import BudgetError, FullTable, Table, table_factory
from ...embeddings.mixed_dimension import MixedDimensionSettings, MixedDimensionTable
from ...models import Backbone
from ...models.batch import ClickBatch
from ...seeds import derive
from ...settings import Settings
from ...tasks import Clicks
from ...training import Batches, LogLoss
from ...training.batches import Numbered
from ..base import Context, Outcome
from ..train import train_to_outcome
from .base import compression, numbers_within
from .phases import finder, finding


class AutoDimSettings(Settings):
    """
    Attributes:
        find_epochs: passes of the search.
        update_every: steps of the weights for one step of the choice.
        choice_travel: how far one logit of the choice would move over the search if all its gradients agreed;
            its learning rate is that over its steps. (Public code has 1e-3 and tens of thousands of steps.)
    """

    find_epochs: int = Field(2, ge=1)
    update_every: int = Field(1, ge=1)
    choice_travel: float = Field(3.0, gt=0)


def candidates(dim: int) -> tuple[int, ...]:
    """1, 2, 4, … below D, and D. (AutoDim starts at 2; with D = 16 that allows no sparsity above .87.)"""
    return (*(2**k for k in range((dim - 1).bit_length())), dim)


class CandidateTable(Table):
    """e_f = Σ_c p_fc BN(E_c[i] W_fc): vectors of every candidate length, brought to D, normalised, mixed.

    Batch normalisation without a scale of its own makes the candidates comparable. For the search alone: a
    vector depends on the batch, so there is no table of rows to look at or to store.

    Args:
        field_sizes, dim: of the table that it stands for.
        std: of the starting rows.
        generator: source of initial values.

    Source: AutoDim (Zhao et al. 2021), eq. 1–9.
    """

    uncuttable = "it is made for a search over all fields"

    def __init__(self, field_sizes: tuple[int, ...], dim: int, *, std: float, generator: torch.Generator):
        super().__init__()
        self.field_sizes, self.dim, self.sizes = field_sizes, dim, candidates(dim)
        self.rows = FullTable(field_sizes, sum(self.sizes), std=std, generator=generator)
        self.projections = nn.ParameterList()
        for size in self.sizes:
            weight = torch.empty(len(field_sizes), size, dim).normal_(std=size**-0.5, generator=generator)
            self.projections.append(nn.Parameter(weight))
        self.mixture = torch.full((len(field_sizes), len(self.sizes)), 1 / len(self.sizes))

    def forward(self, ids: Tensor) -> Tensor:
        """Vectors [B, m, D] of ids [B, m]."""
        parts = self.rows.unchecked(ids).split(self.sizes, -1)
        mixed = torch.zeros(())
        for k, (part, weight) in enumerate(zip(parts, self.projections, strict=True)):
            full = torch.bmm(part.transpose(0, 1), weight).transpose(0, 1)
            normal = functional.batch_norm(full.flatten(1), None, None, training=True).view_as(full)
            mixed = mixed.to(full) + normal * self.mixture[:, k : k + 1]
        return mixed

    def weight_view(self) -> Tensor:
        raise NotImplementedError("vectors of a search depend on the batch")

    def scale_fields(self, factors: Tensor) -> None:
        raise NotImplementedError("vectors of a search are normalised: scaling a field would change nothing")


class Choosing(LogLoss):
    """Log-loss under a Gumbel-softmax draw of the mixture, whose logits learn from validation rows.

    p = softmax((log-softmax α + g)/T), g from the standard Gumbel law, T = max(.01, 1 − 5e-5·steps·B/2000).

    Args:
        table: whose mixture is drawn.
        validation: rows that the choice learns from, epoch after epoch.
        batch_size: B.
        steps: of the weights, in the whole search.
        generator: source of g.
    """

    def __init__(
        self,
        table: CandidateTable,
        settings: AutoDimSettings,
        validation: Batches,
        batch_size: int,
        steps: int,
        generator: torch.Generator,
    ):
        super().__init__()
        self.tables, self.settings, self.generator = [table], settings, generator
        self.validation, self.batch_size = Numbered(validation), batch_size
        self.logits = nn.Parameter(torch.zeros(table.mixture.shape))
        self.rate = settings.choice_travel * settings.update_every / steps

    def groups(self, learning_rate: float) -> list[dict[str, Any]]:
        return [{"params": [self.logits], "lr": self.rate, "weight_decay": 0.0}]

    def forward(self, model: Backbone, batch: ClickBatch, step: int) -> Tensor:
        asked, pause = divmod(step, self.settings.update_every)
        if not pause:
            self._draw(step)
            loss = super().forward(model, self.validation[asked], step)
            (self.logits.grad,) = torch.autograd.grad(loss, [self.logits])
        with torch.no_grad():
            self._draw(step)
        return super().forward(model, batch, step)

    def _draw(self, step: int) -> None:
        u = torch.rand(self.logits.shape, generator=self.generator).clamp_(1e-6, 1 - 1e-6)
        noise = -(-u.log()).log()
        temperature = max(0.01, 1 - 5e-5 * step * self.batch_size / 2000)
        scores = self.logits.log_softmax(1) + noise.to(self.logits)
        self.tables[0].mixture = (scores / temperature).softmax(1)


def dims_within(
    scores: Tensor, sizes: Sequence[int], field_sizes: Sequence[int], dim: int, count: int
) -> tuple[int, ...]:
    """A dimension for each field: of largest score where that fits the budget.

    Else fields are shortened one by one, each time the one whose score falls least per number saved. (A short
    row costs a projection of its field, so that in a field of few ids shorter rows may save nothing.)

    Args:
        scores: log-probabilities [m, candidates].
        sizes: the candidates, ascending.
        field_sizes, dim: of the table.
        count: most numbers, projections included.

    Raises:
        BudgetError: the shortest rows of all exceed the budget.
    """

    costs = [
        [MixedDimensionTable.count([n], dim, MixedDimensionSettings(dims=(size,))) for size in sizes]
        for n in field_sizes
    ]
    shortest = sum(map(min, costs))
    if shortest > count:
        remedy = "A row has at least one number: ask for a smaller share"
        raise BudgetError("mixed-dimension", count, shortest, remedy)
    chosen = scores.argmax(1).tolist()
    while sum(own[k] for own, k in zip(costs, chosen, strict=True)) > count:
        prices = {}
        for f, now in enumerate(chosen):
            for k in range(len(sizes)):
                if (saved := costs[f][now] - costs[f][k]) > 0:
                    prices[f, k] = (scores[f, now] - scores[f, k]).item() / saved
        f, k = min(prices, key=lambda pair: prices[pair])
        chosen[f] = k
    return tuple(sizes[k] for k in chosen)


@compression("autodim", AutoDimSettings, task=Clicks)
def autodim(task: Clicks, budget: Budget, settings: AutoDimSettings, context: Context) -> Outcome:
    """Search the dimension of every field among 1, 2, 4, … D by gradients; retrain with those dimensions.

    Phase PT trains all candidates together, weights on training rows and the choice on validation rows
    (first-order); phase CT trains a mixed-dimension table afresh.

    Departures: AutoDim has no budget. Where its choice has more numbers than the budget, fields are shortened
    (see `dims_within`); where it has fewer, it stands, and the sparsity that came out is higher than asked.

    Raises:
        BudgetError: one number a row is already too much.

    Source: AutoDim (Zhao et al. 2021), eq. 1–13; LERS §2.1.3.
    """
    dim, count = task.dim, numbers_within(task, budget)
    sizes, std = task.dataset.schema.field_sizes, task.backbone.init_std
    every = candidates(dim)
    dims_within(torch.zeros(len(sizes), len(every)), every, sizes, dim, count)  # refuses before any training

    def searched(sizes: tuple[int, ...], dim: int, generator: torch.Generator) -> Table:
        return CandidateTable(sizes, dim, std=std, generator=generator)

    with finding(context):
        batches = Batches(
            task.dataset.split("val"),
            task.training.batch_size,
            derive(context.seed, "validation rows"),
            device=task.training.device,
            least=2 if task.backbone.batch_norm else 1,
        )
        model = task.model(derive(context.seed, "search"), table=searched)
        noise = torch.Generator().manual_seed(derive(context.seed, "noise"))
        table = model.table
        assert isinstance(table, CandidateTable)
        steps = settings.find_epochs * task.steps_per_epoch
        objective = Choosing(table, settings, batches, task.training.batch_size, steps, noise)
        finder(task, model, context, epochs=settings.find_epochs, objective=objective).fit()
        scores = objective.logits.detach().log_softmax(1).cpu()
        dims = dims_within(scores, table.sizes, sizes, dim, count)
    table_made = table_factory("mixed_dimension", settings={"dims": dims, "std": std})
    model = task.model(derive(context.seed, "weights"), table=table_made)
    return train_to_outcome(task, model, task.all_fields, context, details={"dimensions": list(dims)})
