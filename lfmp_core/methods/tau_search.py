"""τ found rather than given: fields go while the validation loss allows it.

Pretraining's constraint aims at half of the largest share allowed. Fields whose gates it closed have no
influence left and cost nothing to remove, so that the share found is seldom below that half.
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..data.dataset import Rows
from ..models import Backbone
from ..seeds import derive
from ..tasks import Clicks
from ..training import log_loss, predict

# At most so many validation rows are scored after each removal: the loss is then known to about .002.
MOST_ROWS = 50_000


def removal_curve(
    order: Sequence[int], loss_without: Callable[[tuple[int, ...]], float], most: int, tolerance: float
) -> tuple[int, list[float]]:
    """How many fields may go: the first ones of `order`, up to the one whose removal costs too much.

    L_k is the loss with the first k fields removed. Field k goes unless L_k > min(L_0 … L_{k−1}) + tolerance;
    the first that does not go ends the search.

    Args:
        order: fields, least important first.
        loss_without: loss with these fields removed.
        most: fields that may go at most.
        tolerance: in the loss's unit.

    Returns:
        (fields to remove, the losses L_0, L_1, … as far as they were measured)
    """
    losses = [loss_without(())]
    for k in range(1, most + 1):
        losses.append(loss_without(tuple(order[:k])))
        if losses[k] > min(losses[:k]) + tolerance:
            return k - 1, losses
    return most, losses


def sampled_validation_rows(task: Clicks, seed: int) -> Rows:
    """The validation rows, or `MOST_ROWS` of them drawn at random."""
    rows = task.dataset.split("val")
    if len(rows) <= MOST_ROWS:
        return rows
    drawn = np.random.default_rng(derive(seed, "loss rows")).choice(len(rows), MOST_ROWS, replace=False)
    return rows.take(np.sort(drawn))


def fields_within(
    task: Clicks,
    scores: Sequence[float],
    most: int,
    cut_to: Callable[[Sequence[int]], Backbone],
    tolerance: float,
    seed: int,
) -> tuple[tuple[int, ...], dict[str, Any]]:
    """Fields to keep such that the model, cut as it is, loses no more than the tolerance on validation rows.

    Costs one pass over at most `MOST_ROWS` validation rows a field, forwards only; nothing is trained.

    Args:
        scores: importance of each field [m]; of equals the lower position stays.
        most: fields that may be removed at most.
        cut_to: the model that reads only these fields.
        tolerance: in nats a row, see `removal_curve`.
        seed: of the validation rows drawn.

    Returns:
        (fields to keep, ascending; details: `removal_order` and `removal_losses`, the curve)
    """
    rows = sampled_validation_rows(task, seed)
    order = np.argsort(-np.asarray(scores, np.float64), kind="stable")[::-1].tolist()
    everything = range(len(order))

    def loss_without(removed: tuple[int, ...]) -> float:
        model = cut_to([f for f in everything if f not in removed])
        return log_loss(rows.labels, predict(model, rows))

    count, losses = removal_curve(order, loss_without, most, tolerance)
    kept = tuple(f for f in everything if f not in order[:count])
    rounded = [round(loss, 6) for loss in losses]
    return kept, {"removal_order": order[: len(losses) - 1], "removal_losses": rounded}
