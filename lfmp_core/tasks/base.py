"""What a method is given, whatever is recommended."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np

from ..embeddings.registry import TableFactory
from ..metrics import Metric
from ..models.model import Model
from ..settings import Settings
from ..training import Loop, Objective, TrainingSettings


@dataclass(frozen=True)
class Scores:
    """What an evaluation found.

    Attributes:
        metrics: by name. units: what they are worked out from, for drawing again: the logits of rows [N], or
            the metrics of users [users, metrics]; float32.
    """

    metrics: dict[str, float]
    units: np.ndarray


class Task(ABC):
    """Data, a model for them, and one protocol of training and scoring: all that a method is given.

    Attributes:
        dataset: what is learnt from.
        training: the protocol.
        metrics: what models are measured by; the first decides which epoch and which trial is the best.
        timed: the loops that `scoring` runs, where they were others once: seconds of a record are held
            against those of the same loops alone.
    """

    metrics: ClassVar[tuple[Metric, ...]]
    timed: ClassVar[str] = ""
    dataset: Any
    training: TrainingSettings

    @property
    @abstractmethod
    def settings(self) -> Settings:
        """Of the model: `name`, `embedding_dim` and what else it has."""

    @property
    @abstractmethod
    def fingerprint(self) -> str:
        """Of the data's content."""

    @property
    @abstractmethod
    def table_sizes(self) -> dict[str, tuple[int, ...]]:
        """Ids of each field of each of the model's tables, by the table's name."""

    @property
    def all_fields(self) -> tuple[int, ...] | None:
        """Positions of the fields of a row; None where rows have no fields."""
        return None

    @property
    def dim(self) -> int:
        """D, the length of a vector."""
        return int(self.settings.embedding_dim)  # type: ignore[attr-defined]

    @property
    def num_ids(self) -> int:
        """n, the rows of all tables together."""
        return sum(map(sum, self.table_sizes.values()))

    @abstractmethod
    def start_std(self, rows: int) -> float:
        """Deviation of the starting values of a plain table of so many rows."""

    @abstractmethod
    def model(self, seed: int, *, table: TableFactory | None = None) -> Model:
        """An untrained model; `table` makes each of its tables, plain ones by default."""

    @abstractmethod
    def objective(self, seed: int) -> Objective:
        """The loss that training minimises; `seed` is of what it draws."""

    @property
    @abstractmethod
    def steps_per_epoch(self) -> int:
        """Batches in a pass over what is learnt from."""

    @abstractmethod
    def trainer(
        self,
        model: Model,
        *,
        seed: int,
        validate: bool = True,
        objective: Objective | None = None,
        checkpoint: Path | None = None,
        label: str | None = None,
        **options: Any,
    ) -> Loop:
        """The loop of the protocol; `options` are further arguments of it."""

    @abstractmethod
    def fitness(self, model: Model, units: int) -> Callable[[], float]:
        """Measures the deciding metric on at most so many validation rows or users, the same each time."""

    @abstractmethod
    def evaluate(self, model: Model, split: str) -> Scores:
        """All metrics on a split."""

    @abstractmethod
    def scoring(self, model: Model) -> tuple[Callable[[], None], int]:
        """Scores some validation rows, or ranks all items for some users, and how many: to be timed."""

    @abstractmethod
    def id_counts(self) -> dict[str, np.ndarray]:
        """How often what is learnt from asks for each id, by table, int64."""

    @abstractmethod
    def id_groups(self) -> dict[str, tuple[str, slice]]:
        """Kinds of ids that pages show beside all of them: by name, the table and its rows."""

    def with_training(self, **changes: Any) -> Self:
        """The same with other values in its protocol."""
        own = type(self.training).model_validate(self.training.model_dump() | changes)
        return replace(self, training=own)  # type: ignore[type-var]

    @abstractmethod
    def with_dim(self, dim: int) -> Self:
        """The same with vectors of another length."""
