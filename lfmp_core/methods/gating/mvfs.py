"""MvFS: several views of how important the fields of an example are, mixed into one gate each."""

import torch
from pydantic import Field

from ...budget import Budget
from ...models.controllers import MultiViewGates
from ...seeds import derive
from ...settings import Settings
from ...tasks import Clicks
from ..base import Context, FieldSelection, Outcome, register
from ..train import fresh_model, train_to_outcome
from .phases import Made, choose_by_gates, first_phase, mean_gates, pretrain_for, six_digits


class MvFSSettings(Settings):
    """The authors' own numbers.

    Attributes:
        views: K, selection networks.
        threshold: l; at .1 no gate closes (see `MultiViewGates`).
        growth: of the temperature t with every training batch.
        limit: largest t.
        pretrain_epochs: passes over the training rows before the gates join in.
    """

    views: int = Field(5, ge=1)
    threshold: float = 0.1
    growth: float = Field(0.001, ge=0)
    limit: float = Field(5.0, ge=1)
    pretrain_epochs: int = Field(2, ge=0)


def _choose(task: Clicks, budget: Budget, settings: MvFSSettings, context: Context) -> FieldSelection:
    model = mvfs(task, budget, settings, context).model
    return choose_by_gates(model, task, budget.share, context)


@register("mvfs", MvFSSettings, chooser=_choose, removes=())
def mvfs(task: Clicks, budget: Budget, settings: MvFSSettings, context: Context) -> Outcome:
    """Gate the fields of every example by K mixed views of their importance; the whole model is served.

    e'_f = s_f e_f, see `MultiViewGates`. Two epochs of the backbone alone, then everything together.

    Nothing is removed, whatever Light-FMP §4.1 says of pruned values: every field counts as kept and the
    gates add to the size, so it takes no budget; `choose` names as many fields as asked, of largest mean gate
    over the validation rows.

    Departures: t grows with training batches only (the authors' code counts evaluated ones too); backbones
    are the book's own (theirs: DCN).

    Source: Lee et al. 2023 (CIKM), and the authors' code for what the paper leaves open.
    """
    m, dim = task.dataset.schema.num_fields, task.backbone.embedding_dim

    def make() -> Made:
        model = fresh_model(task, context.seed)
        pretrain_for(task, model, settings.pretrain_epochs, context)
        model.controller = MultiViewGates(
            m,
            dim,
            settings.views,
            threshold=settings.threshold,
            growth=settings.growth,
            limit=settings.limit,
            generator=torch.Generator().manual_seed(derive(context.seed, "controller")),
        )
        return model, {}

    model, details = first_phase(context, make)
    outcome = train_to_outcome(task, model, range(m), context, details=details)
    outcome.details["mean_gates"] = six_digits(mean_gates(outcome.model, task.dataset.split("val")))
    return outcome
