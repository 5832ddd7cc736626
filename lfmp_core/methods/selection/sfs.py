"""SFS: how steeply the loss depends on each field's gate, from a few batches."""

from collections.abc import Iterable

import torch
from pydantic import Field
from torch import Tensor

from ...budget import Budget
from ...models import Backbone
from ...models.batch import ClickBatch
from ...seeds import derive
from ...settings import Settings
from ...tasks import Clicks
from ..base import Context
from .base import FieldImportance, selector
from .deep import endless, gated_loss, train_all_fields, validation_rows


class SFSSettings(Settings):
    """How long the model is trained, and how many batches are looked at.

    Attributes:
        pretrain_epochs: passes of training before the gradients are taken, all of them made; None trains as
            the task says. From the second pass on, values can be recognised, and fields of many values rise.
        batches: validation batches whose gradients are averaged (source: 100).
    """

    pretrain_epochs: int | None = Field(1, ge=1)
    batches: int = Field(100, ge=1)


def field_saliency(model: Backbone, batches: Iterable[ClickBatch]) -> Tensor:
    """Σ_batches B |∂L/∂z_f| at z = 1, scaled to sum 1: [m] float64.

    Args:
        model: reads all fields; put into evaluation mode.
        batches: of B rows each; L is a batch's mean log-loss. B weighs, so that a pass's short last batch,
            whose gradient is mostly noise, counts as its rows do.
    """
    model.eval()
    device = next(model.parameters()).device
    total = torch.zeros(model.num_fields, dtype=torch.float64)
    for batch in batches:
        gate = torch.ones(model.num_fields, device=device, requires_grad=True)
        (slope,) = torch.autograd.grad(gated_loss(model, batch, gate), [gate])
        total += len(batch[2]) * slope.abs().double().cpu()
    # a model that no gate moves ranks no field above another
    return total / total.sum().clamp(min=torch.finfo(torch.float64).tiny)


@selector("sfs", SFSSettings)
def sfs(task: Clicks, budget: Budget, settings: SFSSettings, context: Context) -> FieldImportance:
    """Train with all gates at 1, and keep the fields whose gates the validation loss is most sensitive to.

    Source: single-shot selection as the ERASE benchmark (2024) codes it: trained weights, validation batches.
    Departures: dropout is off while the gradients are taken; the gate covers first-order weights too
    (`gated_loss`).
    """
    validation_rows(task)  # refused before anything is trained
    model = train_all_fields(task, context, epochs=settings.pretrain_epochs)
    stream = endless(task, derive(context.seed, "validation"))
    values = field_saliency(model, (next(stream) for _ in range(settings.batches)))
    return FieldImportance(values.numpy())
