"""SHARK's F-permutation: to first order, how far the loss moves when a field says the same for every row."""

from collections.abc import Iterator

import torch
from torch import Tensor

from ...budget import Budget
from ...data.dataset import Rows
from ...models import Backbone
from ...models.batch import ClickBatch
from ...settings import Settings
from ...tasks import Clicks
from ...training.batches import to_batch
from ..base import Context
from .base import FieldImportance, selector
from .deep import train_all_fields, validation_rows


def permutation_importance(model: Backbone, rows: Rows, batch_size: int = 4096) -> Tensor:
    """I_f = mean_x |Σ_d ∂L_x/∂e_{f,d} (Ē_{f,d} − e_{f,d})|, Ē_f the mean of e_f over the rows: [m] float64.

    L_x is the log-loss of one row, and e_f all that the row's id of field f puts into the model (`inputs`).
    Rows don't meet in evaluation mode, so one backward pass gives each row of a batch its own gradient, and
    the pass ends at the vectors: ∂L_x/∂e = (σ(logit) − y) ∂interact(e)/∂e; of a first-order weight,
    ∂L_x/∂w_f = σ(logit) − y.

    Args:
        model: reads all fields; put into evaluation mode.
        rows: to average over.
        batch_size: rows at a time; changes nothing but rounding.
    """
    model.eval()
    device = next(model.parameters()).device

    def batches() -> Iterator[ClickBatch]:
        return (to_batch(rows, slice(a, a + batch_size), device) for a in range(0, len(rows), batch_size))

    dim = model.table.dim
    mean = torch.stack([inputs(model, batch).sum(0, dtype=torch.float64) for batch in batches()]).sum(0)
    mean /= len(rows)
    total = torch.zeros(model.num_fields, dtype=torch.float64)
    for batch in batches():
        ids, values, labels = batch
        x = inputs(model, batch)
        with torch.no_grad():
            error = model(ids, values).sigmoid() - labels
        e = x[..., :dim].clone().requires_grad_()
        (slope,) = torch.autograd.grad(model.interact(e), [e], error)
        first_order = error[:, None, None].expand_as(x[..., dim:])
        change = torch.cat([slope, first_order], 2) * (mean.to(x) - x)
        total += change.sum(2).abs().sum(0, dtype=torch.float64).cpu()
    return total / len(rows)


@torch.no_grad()
def inputs(model: Backbone, batch: ClickBatch) -> Tensor:
    """Field vectors [B, m, D], and where the backbone has first-order weights those as coordinate D + 1.

    In a scalar field both are times the value.
    """
    ids, values, _ = batch
    tables = [table for table in (model.table, model.linear) if table is not None]
    return torch.cat([model._scaled(table(ids), values) for table in tables], 2)


@selector("shark")
def shark(task: Clicks, budget: Budget, settings: Settings, context: Context) -> FieldImportance:
    """Train once, and keep the fields whose mean vector in place of their own would change the loss most.

    Source: SHARK (Zhang et al. 2023), F-permutation by its first-order expansion, over validation rows as
    the ERASE benchmark (2024) codes it. Departure: a first-order weight, which the source's backbones lack,
    is one more coordinate of its field's vector. The model is trained as the task says.
    """
    rows = validation_rows(task)
    model = train_all_fields(task, context)
    return FieldImportance(permutation_importance(model, rows).numpy())
