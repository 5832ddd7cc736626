"""Popularity: the same items for everybody."""

import torch

from ..budget import Budget
from ..embeddings import FullTable
from ..embeddings.hashing import HashingSettings, HashingTable
from ..models.factors import FactorSettings, MatrixFactorisation
from ..settings import Settings
from ..tasks import TopItems
from .base import Context, Outcome, register


@register("popularity", Settings, removes=(), task=TopItems)
def popularity(task: TopItems, budget: Budget, settings: Settings, context: Context) -> Outcome:
    """Score an item by the training pairs that it is in: what a recommender has to beat to know anybody.

    It is served as factors of one dimension, of which all users share one, so it has I + 1 numbers.
    """
    users, items, fresh = task.dataset.num_users, task.dataset.num_items, torch.Generator()
    with context.phase("CT"), torch.no_grad():
        alike = HashingTable((users,), 1, HashingSettings(buckets=1), generator=fresh)
        degrees = FullTable((items,), 1, std=0, generator=fresh)
        alike.weight.fill_(1)
        degrees.weight.copy_(torch.from_numpy(task.pairs.item_degrees())[:, None])
        model = MatrixFactorisation(FactorSettings(embedding_dim=1), users, items, generator=fresh)
        model.put({"users": alike, "items": degrees})
    return Outcome(model, None, context.phases, [], {"cpu_seconds": dict(context.cpu_seconds)})
