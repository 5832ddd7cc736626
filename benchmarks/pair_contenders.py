"""This project's recommenders under measurement, and the sizes and pairs that all contenders share."""

from abc import ABC, abstractmethod
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from lfmp_core.data.interactions import Interactions
from lfmp_core.models.batch import PairBatch
from lfmp_core.models.recommender import Recommender, RecommenderSettings
from lfmp_core.models.recommenders import build_recommender
from lfmp_core.tasks.top_items import fastest_ranker
from lfmp_core.training import Loop
from lfmp_core.training.pair_losses import PairLogLoss, PairwiseLoss
from lfmp_core.training.pairs import PairBatches, PairTrainingSettings
from lfmp_core.training.product_ranking import ProductRanking
from lfmp_core.training.ranking import BLOCK

from .common import zipf_rows

MOST = 20  # items of a list


@dataclass(frozen=True)
class PairBench:
    """Sizes of a measurement; those of Gowalla and of LERS Table 4.

    Attributes:
        users, items, pairs: of what is learnt from.
        exponent: of the bounded Zipf laws that users and items are drawn by; .5 gives degrees of up to two
            thousand, which is steeper than Gowalla's.
        dim, layers: of LightGCN. neumf_dim, hidden: of NeuMF.
        batch: B. large: times B of the large batches. batches: held in memory, seen in turn.
        negatives: K of NeuMF; LightGCN has one.
        l2: λ. contrast: γ, where there is any.
        ranked: users that are ranked for in a call. few: the same, where each needs a network on every item.
        seed: of everything random.
    """

    users: int = 29_858
    items: int = 40_981
    pairs: int = 810_128
    exponent: float = 0.5
    dim: int = 64
    layers: int = 3
    neumf_dim: int = 32
    hidden: tuple[int, ...] = (64, 32, 16)
    batch: int = 2048
    large: int = 8
    batches: int = 8
    negatives: int = 4
    l2: float = 1e-2
    contrast: float = 0.5
    ranked: int = BLOCK
    few: int = 8
    seed: int = 0

    def quick(self) -> "PairBench":
        """The same in a second or two: every part runs, no figure means anything."""
        small: dict[str, Any] = {"users": 60, "items": 90, "pairs": 900, "batch": 32, "batches": 2}
        return replace(self, **small, dim=8, neumf_dim=8, hidden=(8, 4), ranked=16, few=4)


def drawn_pairs(bench: PairBench) -> Interactions:
    """Distinct pairs whose users and items follow bounded Zipf laws, numbered at random.

    Raises:
        ValueError: so many distinct ones can't be drawn.
    """
    sizes, rng = (bench.users, bench.items), np.random.default_rng(bench.seed)
    for factor in (1.2, 2.0, 4.0, 8.0):
        rows = zipf_rows(sizes, int(factor * bench.pairs), bench.exponent, bench.seed, permuted=True).ids
        keys = np.unique(rows[:, 0].astype(np.int64) * bench.items + (rows[:, 1] - bench.users))
        if len(keys) >= bench.pairs:
            kept = rng.permutation(keys)[: bench.pairs]
            return Interactions.of_pairs(*np.divmod(kept, bench.items), *sizes)
    raise ValueError(f"no {bench.pairs} distinct pairs of {bench.users} users and {bench.items} items")


class PairContender(ABC):
    """One implementation under measurement: `act(k)` is what the clock is held to.

    Attributes:
        parameters: learnable numbers. bytes: that they take.
        units: acts in an epoch, of training; users of an act, of ranking.
    """

    parameters: int
    bytes: int
    units: float

    @abstractmethod
    def act(self, k: int) -> Tensor | None:
        """One step, or the lists of one block of users."""

    @abstractmethod
    def says(self) -> Tensor:
        """What it computes before any step, for comparison."""


def own(settings: RecommenderSettings, pairs: Interactions, seed: int) -> Recommender:
    """This project's recommender; from the same settings and seed always the same."""
    return build_recommender(settings, pairs, seed=seed)


class Trained(PairContender):
    """A training step of this project.

    Args:
        bench: sizes.
        pairs: to learn from.
        settings: of the recommender.
        batch: B. negatives: K. contrast: γ.
    """

    def __init__(
        self,
        bench: PairBench,
        pairs: Interactions,
        settings: RecommenderSettings,
        batch: int,
        negatives: int = 1,
        contrast: float = 0.0,
    ):
        training = PairTrainingSettings(batch_size=batch, negatives=negatives, l2=bench.l2, contrast=contrast)
        self.model = own(settings, pairs, bench.seed)
        fed = PairBatches(pairs, batch, negatives, bench.seed)
        loss = {
            "bpr": PairwiseLoss(training, torch.Generator().manual_seed(bench.seed)),
            "logloss": PairLogLoss(training),
        }[self.model.loss]
        self.loop = Loop(self.model, fed, training, seed=bench.seed, objective=loss)
        self.batches = first_batches(bench, pairs, batch, negatives)
        self.units = len(fed)
        self.parameters, self.bytes = self.model.num_parameters(), self.model.num_bytes()

    def act(self, k: int) -> Tensor:
        self.model.train()
        return self.loop.step(self.batches[k % len(self.batches)])

    @torch.no_grad()
    def says(self) -> Tensor:
        users = torch.arange(min(64, self.model.num_users))
        return self.model.eval().scorer()(users)


def first_batches(bench: PairBench, pairs: Interactions, batch: int, negatives: int) -> list[PairBatch]:
    """The batches that lie in memory, the same for all."""
    fed = PairBatches(pairs, batch, negatives, bench.seed)
    return [one for one, _ in zip(fed.epoch(0), range(bench.batches), strict=False)]


class Ranked(PairContender):
    """The best items of a block of users, this project's way.

    Args:
        bench: sizes.
        pairs: left out of the ranking.
        settings: of the recommender.
        users: of a block.
    """

    def __init__(self, bench: PairBench, pairs: Interactions, settings: RecommenderSettings, users: int):
        self.pairs, self.units = pairs, users
        self.model = own(settings, pairs, bench.seed).eval()
        with torch.inference_mode():
            self.rank = fastest_ranker(self.model)  # once an evaluation
            self.scorer = self.model.scorer()
        self.parameters, self.bytes = self.model.num_parameters(), self.model.num_bytes()

    def take(self, users: Tensor, items: Tensor) -> None:
        """Rank by other vectors x [U, D], y [I, D] than the recommender's."""
        self.rank = ProductRanking(users, items, MOST)
        self.scorer = lambda some: users[some] @ items.T

    def lists(self, k: int) -> tuple[np.ndarray, np.ndarray]:
        """(users [b], their items [b, 20]) of block k, counted round and round."""
        users = block(self.pairs.num_users, int(self.units), k)
        with torch.inference_mode():
            [(items, _)] = self.rank(users, [self.pairs])
        return users, items

    def scores(self, users: np.ndarray, items: np.ndarray) -> Tensor:
        """Of each user's items [b, 20]."""
        with torch.inference_mode():
            every = self.scorer(torch.from_numpy(users))
        return every.gather(1, torch.from_numpy(items).long())

    def act(self, k: int) -> None:
        self.lists(k)

    def says(self) -> Tensor:
        """Scores of the lists, best first."""
        return self.scores(*self.lists(0))


def alike_vectors(bench: PairBench) -> tuple[Tensor, Tensor]:
    """x [U, D] and y [I, D] that differ from one vector by a thousandth, as under too much γ."""
    rng = torch.Generator().manual_seed(bench.seed)
    mean, *apart = (torch.randn(rows, bench.dim, generator=rng) for rows in (1, bench.users, bench.items))
    users, items = (mean + 1e-3 * own for own in apart)
    return users, items


def block(users: int, size: int, k: int) -> np.ndarray:
    """Users of block k, counted round and round."""
    first = k * size % max(users - size + 1, 1)
    return np.arange(first, min(first + size, users))
