"""Collaborative filtering: pairs of users and items in, the best items of every user out."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Self

import numpy as np
import torch

from ..data.interactions import InteractionData, Interactions
from ..embeddings.registry import TableFactory
from ..errors import DataError, LfmpError, check_name
from ..metrics import NDCG20, RECALL20
from ..models.recommender import Recommender, RecommenderSettings, side_of, xavier_std
from ..models.recommenders import RECOMMENDERS, build_recommender
from ..seeds import derive
from ..training import Loop, Objective
from ..training.pair_losses import PairLogLoss, PairwiseLoss
from ..training.pairs import PairBatches, PairTrainingSettings
from ..training.product_ranking import ProductRanking, multiplies_bfloat16
from ..training.ranking import BLOCK, Ranker, by_scores, hits, ndcg, recall, top_items
from .base import Scores, Task

_TIMED_USERS = 2048  # of ranking; all of them would take as long as some epochs of training


def ranker_by_scores(model: Recommender) -> Ranker:
    """Ranks by every score of a recommender in evaluation mode."""
    score, device = model.scorer(), next(model.parameters()).device
    return by_scores(lambda users: score(torch.from_numpy(users).to(device)).float().cpu().numpy())


def fastest_ranker(model: Recommender) -> Ranker:
    """Ranks by the same scores, in whatever way is the fastest here."""
    factors = model.factors()
    if factors is None or not (factors[0].is_cpu and multiplies_bfloat16()):
        return ranker_by_scores(model)
    return ProductRanking(factors[0].float(), factors[1].float())


@dataclass(frozen=True)
class TopItems(Task):
    """Who took what, a recommender, and one training protocol.

    Validation pairs are ranked among the items that a user did not take in training; test pairs too, so that
    validation items compete with them, as in LERS' code. See `evaluate` for the other convention.

    Args:
        dataset: interactions by split.
        recommender: which, and its sizes.
        training: see `PairTrainingSettings`.

    Raises:
        LfmpError: the protocol asks of the recommender what it can't do; see `Recommender.whole_tables`.
    """

    dataset: InteractionData
    recommender: RecommenderSettings
    training: PairTrainingSettings

    metrics = (NDCG20, RECALL20)
    timed = "loops in vector units"

    def __post_init__(self) -> None:
        own, name = self.training, self.recommender.name
        if self._kind.whole_tables:
            if own.device != "cpu":
                raise LfmpError(f"{name} is trained on a CPU alone: take device='cpu', not {own.device!r}")
            if own.optimizer == "lazy":
                raise LfmpError(f"{name} reads whole tables at each step: take optimizer='dense'")

    @property
    def _kind(self) -> type[Recommender]:
        return RECOMMENDERS[self.recommender.name]

    @property
    def settings(self) -> RecommenderSettings:
        return self.recommender

    @property
    def fingerprint(self) -> str:
        return self.dataset.fingerprint

    @property
    def pairs(self) -> Interactions:
        """What is learnt from."""
        return self.dataset.splits["train"]

    @property
    def table_sizes(self) -> dict[str, tuple[int, ...]]:
        sizes = {"users": self.dataset.num_users, "items": self.dataset.num_items}
        return {name: (sizes[side_of(name)],) for name in self._kind.table_names}

    def start_std(self, rows: int) -> float:
        return xavier_std(rows, self.dim)

    def model(self, seed: int, *, table: TableFactory | None = None) -> Recommender:
        return build_recommender(self.recommender, self.pairs, seed=seed, table=table)

    def objective(self, seed: int) -> Objective:
        if self._kind.loss == "logloss":
            return PairLogLoss(self.training)
        return PairwiseLoss(self.training, torch.Generator().manual_seed(derive(seed, "contrast")))

    @property
    def steps_per_epoch(self) -> int:
        return -(-len(self.pairs) // self.training.batch_size)

    def trainer(
        self,
        model: Any,
        *,
        seed: int,
        validate: bool = True,
        objective: Objective | None = None,
        checkpoint: Path | None = None,
        label: str | None = None,
        **options: Any,
    ) -> Loop:
        own = self.training
        return Loop(
            model,
            PairBatches(self.pairs, own.batch_size, own.negatives, seed, own.device),
            own,
            seed=seed,
            objective=objective or self.objective(seed),
            validate=self._measure(model, own.validation_users) if validate else None,
            metrics=self.metrics,
            checkpoint=checkpoint,
            label=label,
            **options,
        )

    def fitness(self, model: Any, units: int) -> Callable[[], float]:
        measure = self._measure(model, units)
        return lambda: measure()[NDCG20.name]

    def _measure(self, model: Recommender, most: int) -> Callable[[], dict[str, float]]:
        """The metrics on the validation pairs of at most so many users, the same each time."""
        users = self._ranked("val")
        if len(users) > most:
            picked = np.random.default_rng(0).choice(len(users), most, replace=False)
            users = users[np.sort(picked)]

        def measure() -> dict[str, float]:
            found = self._found(model, users, "val", [self.pairs])[0]
            return {metric.name: float(found[:, k].mean()) for k, metric in enumerate(self.metrics)}

        return measure

    def _ranked(self, split: str) -> np.ndarray:
        """Users that have pairs in a split."""
        users = np.flatnonzero(self.dataset.splits[split].degrees())
        if not len(users):
            remedy = "Prepare the data set with a share for it"
            raise DataError(f"no pair of {split} to rank for", file=self.dataset.folder, remedy=remedy)
        return users

    @torch.inference_mode()
    def _found(
        self,
        model: Recommender,
        users: np.ndarray,
        split: str,
        left_out: list[Interactions],
        ranker: Callable[[Recommender], Ranker] = fastest_ranker,
    ) -> list[np.ndarray]:
        """(NDCG, Recall ÷ min(|T|, 20), Recall ÷ |T|) of each user [users, 3], for each set of pairs left out
        of the ranking."""
        wanted = self.dataset.splits[split]
        degrees = wanted.degrees()
        was_training = model.training
        model.eval()
        found: list[list[np.ndarray]] = [[] for _ in left_out]
        try:
            for part, lists in top_items(ranker(model), users, left_out, BLOCK):
                many = degrees[part]
                for (items, _), out in zip(lists, found, strict=True):
                    hit = hits(part, items, wanted)
                    columns = (
                        ndcg(hit, many),
                        recall(hit, many, capped=True),
                        recall(hit, many, capped=False),
                    )
                    out.append(np.stack(columns, axis=1))
        finally:
            model.train(was_training)
        return [np.concatenate(own) for own in found]

    def evaluate(self, model: Any, split: str) -> Scores:
        """All metrics on a split, of users that have pairs in it.

        Besides `ndcg20` and `recall20` (÷ min(|T|, 20), as LERS' code) there is `recall20_whole` (÷ |T|, as
        LightGCN); and of the test pairs each again with `_unseen`, where validation items are left out of
        the ranking too.

        Returns:
            Its units are NDCG@20 and Recall@20 ÷ min(|T|, 20) of each of those users, in their order
            [users, 2].

        Raises:
            UnknownName: a split that nothing is ranked for; training pairs are left out of every ranking.
        """
        check_name(split, ("val", "test"), "split to rank for")
        left_out = [self.pairs]
        if split == "test":
            left_out.append(self.pairs.together(self.dataset.splits["val"]))
        found = self._found(model, self._ranked(split), split, left_out)
        names = (NDCG20.name, RECALL20.name, f"{RECALL20.name}_whole")
        metrics = {
            f"{name}{suffix}": float(own[:, k].mean())
            for own, suffix in zip(found, ("", "_unseen"), strict=False)
            for k, name in enumerate(names)
        }
        return Scores(metrics, found[0][:, :2].astype(np.float32))

    def scoring(self, model: Any) -> tuple[Callable[[], None], int]:
        """Of every score in float32, so that all recommenders and processors are timed at the same work."""
        users = self._ranked("val")[:_TIMED_USERS]

        def score() -> None:
            self._found(model, users, "val", [self.pairs], ranker_by_scores)

        return score, len(users)

    def id_counts(self) -> dict[str, np.ndarray]:
        """Degrees: how often an id is in a pair that is learnt from."""
        counts = {"users": self.pairs.degrees(), "items": self.pairs.item_degrees()}
        return {name: counts[side_of(name)] for name in self.table_sizes}

    def id_groups(self) -> dict[str, tuple[str, slice]]:
        """Users and items, as in LERS Fig. 2c and 2d: of each the first table."""
        found: dict[str, tuple[str, slice]] = {}
        for name in self.table_sizes:
            found.setdefault(side_of(name), (name, slice(None)))
        return found

    def with_dim(self, dim: int) -> Self:
        return replace(self, recommender=self.recommender.model_copy(update={"embedding_dim": dim}))
