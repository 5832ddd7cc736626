"""OptFS: one gate for every value, annealed until it is open or closed."""

from typing import Any, Self

import torch
from pydantic import Field, model_validator
from torch import Tensor, nn

from ...budget import Budget
from ...embeddings.gather import gather
from ...embeddings.masked import MaskedRows
from ...masking import num_kept
from ...models import Backbone
from ...models.batch import ClickBatch
from ...seeds import derive
from ...settings import Settings
from ...tasks import Clicks
from ...training import LogLoss, Trainer
from ..base import Context, FieldSelection, Outcome, register
from ..selection.base import largest
from ..train import fresh_model, train_to_outcome
from .phases import Made, first_phase
from .values import openness, remove_values

START = 0.5  # of every c_i
HALF = torch.tensor(START).sigmoid().item()


class OptFSSettings(Settings):
    """Defaults remove a good part of 35,000 values within 270 steps of 2,048 rows and cost no validation AUC.
    Adam moves a gate by at most about its learning rate a step: at the authors' 3e-4 no c would come down
    from ½ to 0 within 1,600 steps. Their λ on Criteo is 2e-9 to 1e-8 for millions of values; ours is larger
    as the values are fewer, λ·n being about the same.

    Attributes:
        regularisation: λ, the price of an open value.
        final_temperature: T in the last epoch of the search; it is 1 in the first and grows geometrically.
        search_epochs: E.
        rewind_epoch: the epoch at whose start the weights are taken that training goes on from.
        mask_learning_rate: of the gates' Adam; None takes the weights' one, as the authors.
    """

    regularisation: float = Field(5e-7, ge=0)
    final_temperature: float = Field(200.0, ge=1)
    search_epochs: int = Field(5, ge=2)
    rewind_epoch: int = Field(1, ge=0)
    mask_learning_rate: float | None = Field(1e-2, gt=0)

    @model_validator(mode="after")
    def _rewinds_to_an_epoch(self) -> Self:
        if self.rewind_epoch >= self.search_epochs:
            raise ValueError(f"rewind_epoch must be one of the {self.search_epochs} epochs, counted from 0")
        return self


class ValueGates(LogLoss):
    """Log-loss + λ Σ_i σ(T c_i), with e'_i = g_i e_i and g_i = σ(T c_i)/σ(c⁰) in the model's table.

    Args:
        num_ids: n.
        settings: see `OptFSSettings`.
        epoch_steps: training steps of an epoch.
    """

    def __init__(self, num_ids: int, settings: OptFSSettings, epoch_steps: int):
        super().__init__()
        self.settings, self.epoch_steps, self.temperature = settings, epoch_steps, 1.0
        self.c = nn.Parameter(torch.full((num_ids, 1), START))

    def gate(self, ids: Tensor, e: Tensor) -> Tensor:
        """g [..., 1] of ids [...]."""
        return (self.temperature * gather(self.c, ids)).sigmoid() / HALF

    def temperature_at(self, step: int) -> float:
        """T = T_final^{k/(E−1)} in epoch k = 0 … E−1."""
        s = self.settings
        return s.final_temperature ** (step // self.epoch_steps / (s.search_epochs - 1))

    def forward(self, model: Backbone, batch: ClickBatch, step: int) -> Tensor:
        self.temperature = self.temperature_at(step)
        open_values = (self.temperature * self.c).sigmoid().sum()
        return super().forward(model, batch, step) + self.settings.regularisation * open_values

    def groups(self, learning_rate: float) -> list[dict[str, Any]]:
        rate = self.settings.mask_learning_rate or learning_rate
        return [{"params": [self.c], "lr": rate, "weight_decay": 0.0}]


def search_gates(task: Clicks, settings: OptFSSettings, context: Context) -> tuple[Backbone, Tensor]:
    """The whole model as it was at the start of the rewind epoch, and c [n] at the end of the search."""
    model, rows = fresh_model(task, context.seed), task.dataset.split("train")
    training = task.training.model_copy(update={"epochs": settings.search_epochs})
    objective = ValueGates(sum(model.field_sizes), settings, -(-len(rows) // training.batch_size))
    table = model.table
    model.table = MaskedRows(table, objective.gate)
    trainer = Trainer(
        model,
        rows,
        training,
        seed=derive(context.seed, "search"),
        objective=objective,
        label=context.label("search"),
    )
    objective.epoch_steps = len(trainer.batches)
    trainer.fit(stop_at=settings.rewind_epoch * objective.epoch_steps)
    rewound = {k: v.detach().clone() for k, v in model.state_dict().items()}
    trainer.fit()
    model.load_state_dict(rewound)
    model.table = table
    return model, objective.c.detach().flatten()


def _choose(task: Clicks, budget: Budget, settings: OptFSSettings, context: Context) -> FieldSelection:
    schema = task.dataset.schema
    count = num_kept(schema.num_fields, budget.share)
    with context.phase("PT"):
        _, c = search_gates(task, settings, context)
        scores = openness(task.dataset.split("val"), c)
    details = {"values_kept": (c > 0).double().mean().item()}
    return FieldSelection(largest(scores, count), tuple(scores.tolist()), details)


@register("optfs", OptFSSettings, chooser=_choose, removes=())
def optfs(task: Clicks, budget: Budget, settings: OptFSSettings, context: Context) -> Outcome:
    """Learn one gate a value, remove the values whose gate closes, train on from an early moment.

    Search (PT): weights and gates together on Σ BCE + λ Σ_i σ(T c_i), T annealed until gates are steps; then
    the values with c_i > 0 stay, and all weights go back to where they were at the start of the rewind epoch.
    Training (CT): the smaller model under the task's protocol. What is served has no row for a removed value,
    only its entry of an index (`RaggedTable`).

    λ decides how much stays, so it takes no budget; `choose` names as many fields as asked, by the mean of
    max(0, c_i) over the validation rows (`openness`). A field counts as kept while it keeps any value.

    Departures. A kept vector is multiplied by 1, not by the authors' 1/σ(½) = 1.6: at the rewound moment its
    gate was about 1. The gate is on the vector alone (the authors' models have no first-order term); see
    `remove_values` for the rest. Learning rates and λ: see `OptFSSettings`.

    Raises:
        LfmpError: no value is left.

    Source: Lyu et al. 2023 (WWW), eq. 6–12, and the authors' code.
    """

    def make() -> Made:
        model, c = search_gates(task, settings, context)
        kept = [int((span > 0).sum()) for span in c.split(list(model.field_sizes))]
        model = remove_values(model, (c > 0) * task.backbone.embedding_dim)
        return model, {"values_kept": sum(kept) / len(c), "values_kept_by_field": kept}

    model, details = first_phase(context, make)
    return train_to_outcome(task, model, model.columns.tolist(), context, details=details)
