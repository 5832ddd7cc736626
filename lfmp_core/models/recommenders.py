"""Recommenders by name. Importing this registers them."""

from typing import Any

import torch

from ..data.interactions import Interactions
from ..embeddings.registry import TableFactory
from . import factors as factors
from . import lightgcn as lightgcn
from . import neumf as neumf
from .recommender import RECOMMENDERS as RECOMMENDERS
from .recommender import Recommender, RecommenderSettings


def recommender_settings(settings: dict[str, Any]) -> RecommenderSettings:
    """Settings from a dict with a name."""
    return RECOMMENDERS[str(settings.get("name"))].settings_type.model_validate(settings)


def build_recommender(
    settings: RecommenderSettings,
    pairs: Interactions,
    *,
    seed: int | torch.Generator,
    table: TableFactory | None = None,
) -> Recommender:
    """A freshly initialised recommender.

    Args:
        settings: its name and sizes.
        pairs: of training.
        seed: an integer or a generator.
        table: makes each of its tables from (ids,), D, generator; plain ones by default.
    """
    generator = seed if isinstance(seed, torch.Generator) else torch.Generator().manual_seed(seed)
    return RECOMMENDERS[settings.name].of(settings, pairs, generator=generator, table=table)
