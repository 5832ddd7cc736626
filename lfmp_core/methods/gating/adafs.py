"""AdaFS: a controller gates the fields of every example, and learns on rows that the weights don't see."""

from dataclasses import replace
from typing import Literal

import torch
from pydantic import Field
from torch import Tensor, nn

from ...budget import Budget
from ...data.thinned import set_aside
from ...masking import num_kept
from ...models import Backbone
from ...models.batch import ClickBatch
from ...models.controllers import AdaptiveGates
from ...seeds import derive
from ...settings import Settings
from ...tasks import Clicks
from ...training import Batches, LogLoss
from ...training.batches import Numbered, least_rows
from ..base import Context, FieldSelection, Outcome, register
from ..train import fresh_model, train_to_outcome
from .phases import Made, choose_by_gates, first_phase, mean_gates, pretrain_for, six_digits

CONTROLLERS_SHARE = 0.1  # of the training rows, as many as are validated on


class AdaFSSettings(Settings):
    """The authors' own numbers.

    Attributes:
        mode: "soft", every field is weighed; "hard", the m − ⌊τm⌋ fields of largest weight in an example,
            and the others are 0 (the authors: ⌊m/2⌋).
        pretrain_epochs: passes over the training rows before the controller joins in.
        update_every: training steps to one step of the controller.
    """

    mode: Literal["soft", "hard"] = "soft"
    pretrain_epochs: int = Field(2, ge=0)
    update_every: int = Field(10, ge=1)


class ControllerOnOtherRows(LogLoss):
    """Training rows move the weights, other rows the controller (first-order bi-level optimisation).

    With every `update_every`-th training step the controller gets its gradient from a batch of its own of
    twice the size, and Adam moves it in the same step as the weights. At all other steps it has no gradient,
    so Adam leaves it and its moments alone.

    Args:
        others: batches for the controller, gone through again and again.
        update_every: training steps to one of the controller's.
    """

    def __init__(self, others: Batches, update_every: int):
        super().__init__()
        self.others, self.update_every = Numbered(others), update_every

    def forward(self, model: Backbone, batch: ClickBatch, step: int) -> Tensor:
        own = list(controller_of(model).parameters())
        number, rest = divmod(step + 1, self.update_every)
        if not rest:
            for parameter in own:
                parameter.requires_grad_(True)
            loss = super().forward(model, self.others[number - 1], step)
            gradients = torch.autograd.grad(loss, own)
        for parameter in own:
            parameter.requires_grad_(False)
        if not rest:
            for parameter, gradient in zip(own, gradients, strict=True):
                parameter.grad = gradient
        return super().forward(model, batch, step)


def controller_of(model: Backbone) -> nn.Module:
    """The part that rows of its own move; the normalisation before it belongs to the weights."""
    assert isinstance(model.controller, AdaptiveGates)
    return model.controller.controller


def _choose(task: Clicks, budget: Budget, settings: AdaFSSettings, context: Context) -> FieldSelection:
    model = adafs(task, budget, settings, context).model
    return choose_by_gates(model, task, budget.share, context)


@register("adafs", AdaFSSettings, chooser=_choose)
def adafs(task: Clicks, budget: Budget, settings: AdaFSSettings, context: Context) -> Outcome:
    """Weigh the fields of every example by a small network on all its vectors; the whole model is served.

    e'_f = w_f·BN(e_f), see `AdaptiveGates`. Two epochs without gates, then weights and controller together,
    each on rows that the other doesn't see: the controller on a tenth of the training rows, set aside.

    The budget sets the number of open fields an example in the mode "hard"; soft gates close none. Nothing
    is removed in either, whatever Light-FMP §4.1 says of pruned values: every field counts as kept and the
    controller adds to the size. `choose` ranks the fields by their mean gate over the validation rows.

    Departures: the authors' controller learns on the validation rows, by which training is stopped and its
    rate is chosen; it fits them, and they say nothing any more of either. Backbones are the book's own (the
    authors: an MLP of 16-8); the best epoch's weights are the ones served (theirs: the last epoch's); the
    controller starts from Xavier-normal weights (their call of it reaches no layer); it moves in the same
    step as the weights, not right after.

    Source: Lin et al. 2022 (KDD), and the authors' code for what the paper leaves open.
    """
    schema = task.dataset.schema
    m, dim = schema.num_fields, task.backbone.embedding_dim
    count = max(2, round(CONTROLLERS_SHARE * schema.rows["train"]))  # two: its rows are normalised
    dataset, others = set_aside(task.dataset, count, derive(context.seed, "controller's rows"))
    task = replace(task, dataset=dataset)
    keep = num_kept(m, budget.share)

    def make() -> Made:
        model = fresh_model(task, context.seed)
        generator = torch.Generator().manual_seed(derive(context.seed, "controller"))
        gates = AdaptiveGates(m, dim, keep if settings.mode == "hard" else None, generator=generator)
        model.controller, gates.gating = gates, False
        pretrain_for(task, model, settings.pretrain_epochs, context)
        gates.gating = True
        return model, {}

    model, details = first_phase(context, make)
    batches = Batches(
        others,
        2 * task.training.batch_size,
        derive(context.seed, "controller's batches"),
        device=task.training.device,
        least=least_rows(model),
    )
    objective = ControllerOnOtherRows(batches, settings.update_every)
    outcome = train_to_outcome(task, model, range(m), context, objective=objective, details=details)
    for parameter in controller_of(outcome.model).parameters():
        parameter.requires_grad_(True)
    outcome.details["mean_gates"] = six_digits(mean_gates(outcome.model, task.dataset.split("val")))
    return outcome
