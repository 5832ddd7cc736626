"""Planted interactions: users and items in blocks, and a popularity tail.

User u's next item is i with probability

    p(i | u) ∝ a · w_i [b_i = b_u] / W_b + (1 − a) · w_i / W,   w_i = r_i^−z,

over the items that u has not taken yet: with `affinity` a from u's own block, else from all, by popularity in
either; r_i is i's rank in its block. So items of one block are each other's neighbours, and so are users.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from pydantic import Field as Setting
from pydantic import model_validator

from ...seeds import derive
from ...settings import Settings
from .gathered import Gathered

_AT_ONCE = 1 << 22  # weights


class PlantedInteractionSettings(Settings):
    """What to generate."""

    users: int = Setting(default=600, ge=1)
    items: int = Setting(default=800, ge=2)
    blocks: int = Setting(default=8, ge=1, description="groups of users, each with its group of items")
    affinity: float = Setting(
        default=0.8, ge=0, le=1, description="share of pairs drawn from the user's own block"
    )
    zipf: float = Setting(default=0.8, ge=0, description="exponent of the items' popularity in their block")
    least_pairs: int = Setting(default=10, ge=1, description="of a user; public sets keep those with ten")
    mean_pairs: float = Setting(default=20.0, gt=1, description="of a user, if the set had no end of items")
    seed: int = Setting(default=0, ge=0)

    @model_validator(mode="after")
    def _fits(self) -> "PlantedInteractionSettings":
        if self.blocks > min(self.users, self.items):
            raise ValueError(f"{self.blocks} blocks of {self.users} users and {self.items} items")
        if self.least_pairs > self.most_pairs:
            raise ValueError(
                f"{self.least_pairs} pairs a user, where half a block has {self.most_pairs} items"
            )
        if self.mean_pairs <= self.least_pairs:
            raise ValueError(
                f"mean_pairs is {self.mean_pairs:g}: it must be above least_pairs, {self.least_pairs}"
            )
        return self

    @property
    def most_pairs(self) -> int:
        """Of a user: half the items of a block, so that something is left to recommend."""
        return self.items // self.blocks // 2


@dataclass(frozen=True, eq=False)
class InteractionLaw:
    """What planted pairs follow; everything random in it comes from the seed.

    Attributes:
        user_block: int64 [users]. item_block: int64 [items].
        popularity: w, float64 [items].
    """

    settings: PlantedInteractionSettings
    user_block: np.ndarray
    item_block: np.ndarray
    popularity: np.ndarray

    def preferences(self, users: np.ndarray) -> np.ndarray:
        """p(i | u) of a user who has taken nothing yet: float64 [len(users), items], rows sum to 1.

        No recommender can rank better than by these.
        """
        w, a = self.popularity, self.settings.affinity
        of_block = np.bincount(self.item_block, w, minlength=self.settings.blocks)
        own = self.item_block[None] == self.user_block[users, None]
        return a * own * (w / of_block[self.item_block]) + (1 - a) * w / w.sum()


def interaction_law(settings: PlantedInteractionSettings) -> InteractionLaw:
    """Draw the law from the settings' seed; blocks are as even as can be, and no number tells its block."""
    generator = _generator(settings, "law")
    user_block = generator.permutation(np.arange(settings.users) % settings.blocks)
    place = generator.permutation(settings.items)
    item_block, rank = place % settings.blocks, place // settings.blocks
    return InteractionLaw(settings, user_block, item_block, (rank + 1.0) ** -settings.zipf)


def plant_interactions(settings: PlantedInteractionSettings) -> Gathered:
    """All pairs, user by user.

    A user has ⌊least · (1 − x)^(−1/α)⌋ of them, x even in 0..1: a power law whose mean, α · least / (α − 1),
    is `mean_pairs` before it is rounded down and cut at `most_pairs`.
    """
    law, generator = interaction_law(settings), _generator(settings, "pairs")
    alpha = settings.mean_pairs / (settings.mean_pairs - settings.least_pairs)
    wanted = settings.least_pairs * (1 - generator.random(settings.users)) ** (-1 / alpha)
    degrees = np.minimum(wanted, settings.most_pairs).astype(np.int64)
    users, items = [], []
    for start in range(0, settings.users, step := max(1, _AT_ONCE // settings.items)):
        block = np.arange(start, min(start + step, settings.users))
        weights = law.preferences(block)
        # drawing one after the other without replacement is taking the first of exponential clocks
        with np.errstate(divide="ignore"):
            clocks = generator.standard_exponential(weights.shape) / weights
        order = np.argsort(clocks, axis=1, kind="stable")
        first = np.arange(settings.items) < degrees[block, None]
        users.append(np.repeat(block, degrees[block]))
        items.append(order[first])
    return Gathered(
        np.concatenate(users),
        np.concatenate(items),
        settings.users,
        settings.items,
        source={"format": "planted_interactions"},
        truth=_truth(law),
    )


def _truth(law: InteractionLaw) -> dict[str, Any]:
    return {
        "user_block": law.user_block.tolist(),
        "item_block": law.item_block.tolist(),
        "settings": law.settings.model_dump(mode="json"),
    }


def _generator(settings: PlantedInteractionSettings, what: str) -> np.random.Generator:
    return np.random.default_rng(derive(settings.seed, "planted interactions", what))
