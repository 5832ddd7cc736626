"""Click prediction: rows of fields in, the logit of a click out."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Self

import numpy as np

from ..data.dataset import Dataset
from ..embeddings.registry import TableFactory
from ..metrics import AUC, LOG_LOSS
from ..models import Backbone, BackboneSettings, build_model
from ..models.batch import ClickBatch
from ..training import Batches, LogLoss, Objective, Trainer, TrainingSettings, evaluate
from ..training.batches import num_batches
from ..training.evaluate import scorer
from ..training.processes import Processes
from .base import Scores, Task

_BLOCK = 1 << 16  # rows counted at a time, which bounds memory
_TIMED_BATCHES = 4  # of scoring; a larger set's would take as long as the training


@dataclass(frozen=True)
class Clicks(Task):
    """A click log, a backbone, and one training protocol.

    Args:
        dataset: prepared rows.
        backbone: which, and its sizes.
        training: see `TrainingSettings`.
        processes: that train together; None: this one alone.

    Example:
        >>> import numpy as np
        >>> from lfmp_core import BackboneSettings, Clicks, Dataset, TrainingSettings
        >>> ids = np.random.default_rng(0).integers(0, [4, 6], (1000, 2))
        >>> data = Dataset.from_arrays(ids, ids[:, 0] > 1, field_sizes=[4, 6], local=True)
        >>> task = Clicks(data, BackboneSettings(name="deepfm"), TrainingSettings())
        >>> task.num_ids
        10
    """

    dataset: Dataset
    backbone: BackboneSettings
    training: TrainingSettings
    processes: Processes | None = None

    metrics = (AUC, LOG_LOSS)

    @property
    def settings(self) -> BackboneSettings:
        return self.backbone

    @property
    def fingerprint(self) -> str:
        return self.dataset.schema.fingerprint

    @property
    def table_sizes(self) -> dict[str, tuple[int, ...]]:
        return {"table": tuple(self.dataset.schema.field_sizes)}

    @property
    def all_fields(self) -> tuple[int, ...]:
        return tuple(range(self.dataset.schema.num_fields))

    def start_std(self, rows: int) -> float:
        return self.backbone.init_std

    def model(
        self, seed: int, *, table: TableFactory | None = None, fields: Sequence[int] | None = None
    ) -> Backbone:
        """An untrained backbone that reads all fields, or only `fields`."""
        schema = self.dataset.schema
        sizes, scalars = schema.field_sizes, schema.scalar_columns
        return build_model(self.backbone, sizes, scalars, seed=seed, table=table, fields=fields)

    def objective(self, seed: int) -> Objective:
        return LogLoss()

    @property
    def steps_per_epoch(self) -> int:
        least = 2 if self.backbone.batch_norm else 1
        return num_batches(self.dataset.schema.rows["train"], self.training.batch_size, least)

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
    ) -> Trainer:
        return Trainer(
            model,
            self.dataset.split("train"),
            self.training,
            seed=seed,
            validation=self.dataset.split("val") if validate else None,
            objective=objective,
            checkpoint=checkpoint,
            label=label,
            processes=self.processes,
            **options,
        )

    def batches(self, seed: int) -> Iterator[ClickBatch]:
        """The batches of one pass over the training rows."""
        rows, training = self.dataset.split("train"), self.training
        return Batches(rows, training.batch_size, seed, device=training.device).epoch(0)

    def fitness(self, model: Any, units: int) -> Callable[[], float]:
        rows = self.dataset.split("val")
        rows = rows.take(np.arange(0, len(rows), -(-len(rows) // units)))
        return lambda: evaluate(model, rows)[0][AUC.name]

    def evaluate(self, model: Any, split: str) -> Scores:
        return Scores(*evaluate(model, self.dataset.split(split)))

    def scoring(self, model: Any) -> tuple[Callable[[], None], int]:
        return scorer(model, self.dataset.split("val"), batches=_TIMED_BATCHES)

    def id_counts(self) -> dict[str, np.ndarray]:
        rows = self.dataset.split("train")
        counts = np.zeros(self.dataset.schema.num_ids, dtype=np.int64)
        for start in range(0, len(rows), _BLOCK):
            counts += np.bincount(rows.ids[start : start + _BLOCK].reshape(-1), minlength=len(counts))
        return {"table": counts}

    def id_groups(self) -> dict[str, tuple[str, slice]]:
        """The first two fields, as in LERS Fig. 2a and 2b."""
        fields = self.dataset.schema.fields[:2]
        return {field.name: ("table", slice(field.offset, field.offset + field.size)) for field in fields}

    def with_dim(self, dim: int) -> Self:
        return replace(self, backbone=self.backbone.model_copy(update={"embedding_dim": dim}))
