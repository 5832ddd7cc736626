"""Training on pairs: its settings, its batches."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from pydantic import Field
from torch import Tensor

from ..data.interactions import Interactions
from ..models.batch import PairBatch
from .settings import TrainingSettings


class PairTrainingSettings(TrainingSettings):
    """One protocol for every method on interactions.

    Attributes:
        l2: λ of λ/(2B) Σ‖e‖² over the rows that a batch of B pairs looks up, repeated ones as often (LERS'
            code; Adam has no decay of its own).
        negatives: K, items beside each that was taken, drawn evenly among those that the user did not take.
        contrast: γ, weight of InfoNCE (`pair_losses.info_nce`); of recommenders that are trained by BPR.
        temperature: τ of InfoNCE.
        contrast_rows: most rows of a batch that InfoNCE takes, drawn afresh at each step, so that its cost
            does not grow with the square of the batch.
        validation_users: users, the same in each epoch, that early stopping ranks all items for; at most so
            many. Records are measured on all.
    """

    epochs: int = Field(40, ge=1)
    negatives: int = Field(1, ge=1)
    contrast: float = Field(0.0, ge=0)
    temperature: float = Field(0.2, gt=0)
    contrast_rows: int = Field(4096, ge=2)
    validation_users: int = Field(4096, ge=1)


@dataclass(frozen=True, eq=False)
class PairBatches:
    """Each pair once an epoch, in random order, beside negatives that are drawn afresh.

    A batch is a function of (seed, epoch, position) alone.

    Args:
        pairs: to learn from.
        batch_size: B.
        negatives: K.
        seed: of order and negatives.
        device: where the batches go.

    Raises:
        DataError: a user took everything, and has no negatives.
    """

    pairs: Interactions
    batch_size: int
    negatives: int
    seed: int
    device: str = "cpu"

    def __post_init__(self) -> None:
        self.pairs.check_negatives()

    @property
    def identity(self) -> dict[str, int]:
        """What has to be the same for a training to be gone on with."""
        return {"seed": self.seed, "pairs": len(self.pairs), "negatives": self.negatives}

    def __len__(self) -> int:
        return -(-len(self.pairs) // self.batch_size)

    def split(self, batch: PairBatch, pieces: int) -> list[tuple[PairBatch, float]]:
        """The batch as it is; it is not cut into pieces.

        Raises:
            ValueError: more than one piece is asked for.
        """
        if pieces != 1:
            raise ValueError(f"a batch of pairs is one step, not {pieces}")
        return [(batch, 1.0)]

    def epoch(self, epoch: int, start: int = 0) -> Iterator[PairBatch]:
        """The batches of one epoch, the first `start` of them left out."""
        users = self.pairs.users()
        order = self._generator(epoch).permutation(len(self.pairs))
        for k in range(start, len(self)):
            picked = order[k * self.batch_size : (k + 1) * self.batch_size]
            own = users[picked]
            asked = np.repeat(own[:, None], self.negatives, 1)
            others = self.pairs.negatives(asked, self._generator(epoch, k))
            yield PairBatch(self._moved(own), self._moved(self.pairs.items[picked]), self._moved(others))

    def _generator(self, *place: int) -> np.random.Generator:
        return np.random.Generator(np.random.Philox(np.random.SeedSequence([self.seed, *place])))

    def _moved(self, ids: np.ndarray) -> Tensor:
        return torch.from_numpy(ids.astype(np.int64)).to(self.device)
