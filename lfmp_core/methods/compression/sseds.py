"""SSEDS: one look at the gradients of a trained model says which dimensions each field needs."""

from collections.abc import Iterable, Sequence

import torch
from torch import Tensor

from ...budget import Budget
from ...embeddings.field_columns import FieldColumnsTable
from ...embeddings.masked import MaskedRows
from ...models import Backbone
from ...models.batch import ClickBatch
from ...seeds import derive
from ...settings import Settings
from ...tasks import Clicks
from ...training.objective import click_loss
from ..base import Context, Outcome
from .base import compression, numbers_within, plain_model, train_masked
from .phases import finding


def entry_saliency(model: Backbone, batches: Iterable[ClickBatch]) -> Tensor:
    """Mean over batches of |∂L/∂α|, for a mask α [m, D] of ones over the field vectors; L as in training.

    Source: SSEDS (Qu et al. 2022), eq. 5–7.
    """
    model.eval()
    plain, total, count = model.table, torch.zeros(()), 0
    alpha = torch.ones(model.num_fields, plain.dim, requires_grad=True, device=model.bias.device)
    model.table = MaskedRows(plain, lambda ids, e: alpha)
    for batch in batches:
        loss = click_loss(model, batch)
        (grad,) = torch.autograd.grad(loss, [alpha])
        total, count = total.to(grad) + grad.abs(), count + 1
    model.table = plain
    return total / count


def columns_within(scores: Tensor, field_sizes: Sequence[int], count: int) -> Tensor:
    """Mask [m, D] of the (field, dimension) pairs of largest score whose numbers fit a budget.

    Pairs are taken in the order of their scores; one that no longer fits is passed over.

    Args:
        scores: [m, D].
        field_sizes: n_f, what a dimension of field f costs.
        count: most numbers Σ_f n_f d_f.
    """
    kept = torch.zeros(scores.shape, dtype=torch.bool)
    for place in scores.flatten().argsort(descending=True, stable=True).tolist():
        f, d = divmod(place, scores.shape[1])
        if field_sizes[f] <= count:
            kept[f, d] = True
            count -= field_sizes[f]
    return kept


@compression("sseds", Settings, task=Clicks)
def sseds(task: Clicks, budget: Budget, settings: Settings, context: Context) -> Outcome:
    """Train, rank all (field, dimension) pairs by one pass of gradients, keep what fits, retrain afresh.

    Phase PT trains the whole model under the task's protocol and makes the pass; phase CT trains a fresh one.

    Departures: removed dimensions read as zero, so that FM-like backbones work without the map to a common
    width that SSEDS adds (it would cost parameters); which dimensions stay, not only how many, is kept; a
    dimension that no longer fits the budget is passed over for the next one.

    Source: SSEDS (Qu et al. 2022), Algorithm 1; LERS §2.1.2.
    """
    sizes = task.dataset.schema.field_sizes
    with finding(context):
        seed = derive(context.seed, "finding")
        whole = task.model(derive(context.seed, "weights"))
        task.trainer(
            whole, seed=seed, checkpoint=context.path("finding"), label=context.label("finding")
        ).fit()
        scores = entry_saliency(whole, task.batches(seed))
        kept = columns_within(scores.cpu(), sizes, numbers_within(task, budget))
    model, plain = plain_model(task, derive(context.seed, "again"))
    mask = kept.repeat_interleave(torch.tensor(sizes), 0)
    details = {"dimensions": kept.sum(1).tolist()}
    return train_masked(task, model, plain, mask, context, pack=FieldColumnsTable.of, details=details)
