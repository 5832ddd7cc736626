"""Planted pairs of the tests, and who recommends by popularity alone."""

from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from lfmp_core.data import InteractionData, InteractionSettings, PlantedInteractionSettings
from lfmp_core.data.interactions.planted import plant_interactions
from lfmp_core.models.recommenders import recommender_settings
from lfmp_core.tasks import TopItems
from lfmp_core.training.pairs import PairTrainingSettings

SETTINGS = PlantedInteractionSettings(users=160, items=160, blocks=4, affinity=0.9, mean_pairs=14.0)
DIM = 20
SIZES: dict[str, dict[str, Any]] = {"lightgcn": {"layers": 2}, "neumf": {"hidden": (8,)}}


@cache
def blocks() -> InteractionData:
    """160 users who take nine of ten items from their own quarter of 160, ten and a few each."""
    return InteractionData.of("blocks", plant_interactions(SETTINGS), InteractionSettings())


def task_of(name: str, **training: Any) -> TopItems:
    """A small recommender on them; one negative a pair, batches of 128, six passes, all of which are made."""
    given = {"learning_rate": 0.05, "l2": 1e-3, "batch_size": 128, "epochs": 6, "patience": 6}
    settings = recommender_settings({"name": name, "embedding_dim": DIM, **SIZES[name]})
    return TopItems(blocks(), settings, PairTrainingSettings.model_validate({**given, **training}))


class Fixed(nn.Module):
    """Scores [users, items] that are what they are."""

    def __init__(self, scores: Any):
        super().__init__()
        self.scores = nn.Parameter(torch.as_tensor(np.asarray(scores, np.float32)))

    def factors(self) -> None:
        return None

    def scorer(self) -> Callable[[Tensor], Tensor]:
        return lambda users: self.scores[users]


def by_popularity(task: TopItems) -> Fixed:
    """The same for every user: how often an item was taken in training."""
    counts = task.pairs.item_degrees()
    return Fixed(np.tile(counts, (task.pairs.num_users, 1)))
