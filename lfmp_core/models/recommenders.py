"""Recommenders by name."""

from collections.abc import Callable
from typing import Any, NamedTuple

import torch

from ..data.interactions import Interactions
from ..errors import check_name
from .backbone import TableFactory
from .graph import Graph
from .lightgcn import LightGCN, LightGCNSettings
from .neumf import NeuMF, NeuMFSettings
from .recommender import Recommender, RecommenderSettings


class RecommenderKind(NamedTuple):
    """How recommenders of one name are made.

    Attributes:
        settings_type: of it.
        kind: its class.
        tables: names of its tables, in their order.
        make: one from (settings, training pairs, generator, what makes its tables).
    """

    settings_type: type[RecommenderSettings]
    kind: type[Recommender]
    tables: tuple[str, ...]
    make: Callable[[Any, Interactions, torch.Generator, TableFactory | None], Recommender]


RECOMMENDERS: dict[str, RecommenderKind] = {
    "lightgcn": RecommenderKind(
        LightGCNSettings,
        LightGCN,
        ("users", "items"),
        lambda settings, pairs, g, table: LightGCN(
            settings, Graph(pairs), pairs.num_users, generator=g, table=table
        ),
    ),
    "neumf": RecommenderKind(
        NeuMFSettings,
        NeuMF,
        ("gmf_users", "gmf_items", "mlp_users", "mlp_items"),
        lambda settings, pairs, g, table: NeuMF(
            settings, pairs.num_users, pairs.num_items, generator=g, table=table
        ),
    ),
}


def recommender_kind(name: str) -> RecommenderKind:
    """The kind of that name; an unknown one raises UnknownName with the nearest."""
    return RECOMMENDERS[check_name(name, RECOMMENDERS, "recommender")]


def recommender_settings(settings: dict[str, Any]) -> RecommenderSettings:
    """Settings from a dict with a name."""
    return recommender_kind(str(settings.get("name"))).settings_type.model_validate(settings)


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
    return recommender_kind(settings.name).make(settings, pairs, generator, table)
