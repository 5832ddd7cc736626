"""OptEmbed: which values keep a vector, and how many dimensions each field's vectors keep."""

from typing import Any, Self

import numpy as np
import torch
from pydantic import Field, model_validator
from torch import Tensor, nn

from ...budget import Budget
from ...embeddings.gather import gather
from ...embeddings.masked import FixedWidths, MaskedRows, field_of_ids, leading, unit_step, widths_by_id
from ...embeddings.ragged import RaggedTable
from ...masking import num_kept
from ...models import Backbone
from ...models.batch import ClickBatch
from ...seeds import derive
from ...settings import Settings
from ...tasks import Clicks
from ...training import LogLoss
from ..base import Context, FieldSelection, Outcome, register
from ..selection.base import largest
from ..train import fresh_model, train_to_outcome
from .evolution import EvolutionSettings, evolve
from .phases import Made, first_phase, six_digits
from .values import openness, remove_values


class OptEmbedSettings(Settings):
    """Defaults prune a good part of 35,000 values within 160 steps of 2,048 rows. The authors' (both 1e-4)
    move a threshold by 1e-8 a step, which does as much in some 10⁷.

    Attributes:
        regularisation: α, the price of a low threshold.
        threshold_learning_rate: of the thresholds' SGD. Rows have norms of some tenths, and a threshold rises
            by this rate times α a step unless the loss objects.
        threshold_rise: how far it would rise over the whole search so, from which its learning rate follows:
            the same pruning of few rows as of many. None: as `threshold_learning_rate` says.
        search_epochs: of the supernet.
        fitness_rows: validation rows, evenly spaced, that fitness is measured on; at most so many.
        evolution: see `EvolutionSettings`.
    """

    later = frozenset({"threshold_rise"})

    regularisation: float = Field(1e-3, ge=0)
    threshold_learning_rate: float = Field(1.0, gt=0)
    threshold_rise: float | None = Field(None, gt=0)
    search_epochs: int = Field(3, ge=1)
    fitness_rows: int = Field(20_000, ge=2)
    evolution: EvolutionSettings = EvolutionSettings()

    @model_validator(mode="after")
    def _rises_at_a_price(self) -> Self:
        if self.threshold_rise is not None and not self.regularisation:
            raise ValueError("threshold_rise needs a regularisation above 0, which is what makes them rise")
        return self


class Supernet(LogLoss):
    """Log-loss + α Σ_f exp(−t_f), with e'_i = 1[‖e_i‖₁ > t_f]·e_i cut to random widths in the model's table.

    Each vector of each example keeps its first k dimensions, k ~ U{1..D}. The thresholds follow plain SGD.

    Args:
        field_sizes, dim: of the table.
        settings: see `OptEmbedSettings`.
        generator: source of the widths.
        rate: learning rate of the thresholds.
    """

    fields: Tensor

    def __init__(
        self,
        field_sizes: tuple[int, ...],
        dim: int,
        settings: OptEmbedSettings,
        generator: torch.Generator,
        rate: float,
    ):
        super().__init__()
        self.dim, self.settings, self.generator, self.rate = dim, settings, generator, rate
        self.thresholds = nn.Parameter(torch.zeros(len(field_sizes), 1))
        self.register_buffer("fields", field_of_ids(field_sizes), persistent=False)

    def margins(self, ids: Tensor, e: Tensor) -> Tensor:
        """‖e_i‖₁ − t_f [..., 1] of ids [...] and their vectors."""
        fields = self.fields.index_select(0, ids.reshape(-1)).view(ids.shape)
        return e.abs().sum(-1, keepdim=True) - gather(self.thresholds, fields)

    def gate(self, ids: Tensor, e: Tensor) -> Tensor:
        """Both masks [..., D]."""
        widths = torch.randint(1, self.dim + 1, ids.shape, generator=self.generator).to(ids.device)
        return unit_step(self.margins(ids, e)) * leading(widths, self.dim)

    def forward(self, model: Backbone, batch: ClickBatch, step: int) -> Tensor:
        price = self.settings.regularisation * (-self.thresholds).exp().sum()
        return super().forward(model, batch, step) + price

    @torch.no_grad()
    def after_step(self, step: int) -> None:
        assert self.thresholds.grad is not None
        self.thresholds.sub_(self.rate * self.thresholds.grad)
        self.thresholds.grad = None


def train_supernet(
    task: Clicks, settings: OptEmbedSettings, context: Context
) -> tuple[Backbone, Tensor, Tensor]:
    """A whole model that fits every width, its rows' margins ‖e_i‖₁ − t_f [n], and the thresholds [m]."""
    model = fresh_model(task, context.seed)
    table = model.table
    generator = torch.Generator().manual_seed(derive(context.seed, "widths"))
    rate = settings.threshold_learning_rate
    if settings.threshold_rise is not None:
        steps = settings.search_epochs * task.steps_per_epoch
        rate = settings.threshold_rise / (settings.regularisation * steps)
    objective = Supernet(model.field_sizes, table.dim, settings, generator, rate)
    model.table = MaskedRows(table, objective.gate)
    task.with_training(epochs=settings.search_epochs).trainer(
        model,
        seed=derive(context.seed, "search"),
        validate=False,
        objective=objective,
        label=context.label("supernet"),
    ).fit()
    model.table = table
    with torch.no_grad():
        weight = table.weight_view()
        margins = objective.margins(torch.arange(len(weight), device=weight.device), weight).flatten()
    return model, margins, objective.thresholds.detach().flatten()


def fittest_widths(
    task: Clicks, supernet: Backbone, kept: Tensor, settings: OptEmbedSettings, context: Context
) -> tuple[tuple[int, ...], list[float]]:
    """Widths of the fields [m] by evolution, and the best fitness after each generation.

    Fitness is the AUC on validation rows with the supernet's weights. What is the same for all candidates,
    the removal of rows, is done once.
    """
    dim, sizes = supernet.table.dim, supernet.field_sizes
    gate = FixedWidths(torch.empty(0), dim)
    plain = supernet.table
    supernet.table = MaskedRows(RaggedTable.pack(plain.weight_view(), kept * dim, sizes), gate)
    measure = task.fitness(supernet, settings.fitness_rows)

    def fitness(widths: tuple[int, ...]) -> float:
        gate.of_ids = widths_by_id(widths, sizes)
        return measure()

    rng = np.random.default_rng(derive(context.seed, "evolution"))
    found = evolve(fitness, len(sizes), dim, settings.evolution, rng)
    supernet.table = plain
    return found


def search_masks(task: Clicks, settings: OptEmbedSettings, context: Context) -> tuple[Tensor, dict[str, Any]]:
    """Which values keep their row [n], and what there is to say of both masks."""
    supernet, margins, thresholds = train_supernet(task, settings, context)
    kept = margins > 0
    widths, best = fittest_widths(task, supernet, kept, settings, context)
    return kept, {
        "values_kept": kept.double().mean().item(),
        "values_kept_by_field": [int(span.sum()) for span in kept.split(list(supernet.field_sizes))],
        "thresholds": six_digits(thresholds),
        "widths": list(widths),
        "best_fitness": [round(x, 6) for x in best],
    }


def _choose(task: Clicks, budget: Budget, settings: OptEmbedSettings, context: Context) -> FieldSelection:
    count = num_kept(task.dataset.schema.num_fields, budget.share)
    with context.phase("PT"):
        _, margins, thresholds = train_supernet(task, settings, context)
        scores = openness(task.dataset.split("val"), margins)
    details = {"values_kept": (margins > 0).double().mean().item(), "thresholds": six_digits(thresholds)}
    return FieldSelection(largest(scores, count), tuple(scores.tolist()), details)


@register("optembed", OptEmbedSettings, chooser=_choose, removes=())
def optembed(task: Clicks, budget: Budget, settings: OptEmbedSettings, context: Context) -> Outcome:
    """Learn which values keep a vector, search how long each field's vectors are, train anew with both.

    Search (PT): a supernet learns weights and the fields' thresholds while every vector of every example is
    cut to a random width (`Supernet`); then evolution looks for the widths of highest validation AUC with its
    weights (`evolve`). Training (CT): both masks fixed, from the supernet's initial weights. What is served
    stores the kept rows' leading dimensions and an index (`RaggedTable`).

    α and the thresholds' learning rate decide how many rows stay, so it takes no budget; `choose` names as
    many fields as asked, by the mean of max(0, ‖e_i‖₁ − t_f) over the validation rows (`openness`; the widths
    find no more useful fields than a blind draw). A field counts as kept while it keeps any row.

    Departures: the supernet trains for a set number of epochs and its last weights are searched (the authors:
    its best epoch's); evolution as in `evolve`, with the sizes of `EvolutionSettings`; α and the thresholds'
    learning rate: see `OptEmbedSettings`.

    Raises:
        LfmpError: no row is left.

    Source: Lyu et al. 2022 (CIKM), eq. 4–14, and the authors' code.
    """
    dim = task.backbone.embedding_dim

    def make() -> Made:
        kept, details = search_masks(task, settings, context)
        # the same seed as the supernet's: its initial weights again
        return remove_values(fresh_model(task, context.seed), kept * dim), details

    model, details = first_phase(context, make)
    rows, sizes = model.table, model.field_sizes
    assert isinstance(rows, RaggedTable)
    widths = torch.tensor(details["widths"])[model.columns.cpu()]
    of_ids = widths_by_id(widths, sizes) * (rows.starts.diff().cpu() > 0)
    model.table = MaskedRows(rows, FixedWidths(of_ids, dim))
    outcome = train_to_outcome(task, model, model.columns.tolist(), context, details=details)
    model.table = RaggedTable.pack(model.table.weight_view(), of_ids, sizes)
    return outcome
