"""One implementation behind the same few calls: `build`, `load`, `train`, `step`, `score`."""

import time
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor

from lfmp_core.data import Rows
from lfmp_core.data.planted import CRITEO_SIZES
from lfmp_core.masking import num_kept
from lfmp_core.memory import keep_memory
from lfmp_core.models import BackboneSettings, build_model
from lfmp_core.surgery import cut, plan_fields
from lfmp_core.training import Trainer, TrainingSettings, to_batch

DROPOUT = 0.5  # in all contenders, with batch normalisation


@dataclass(frozen=True)
class Shape:
    """Sizes of the model that every contender of a group builds."""

    model: str
    dim: int
    hidden: tuple[int, ...]
    cin: tuple[int, ...] = ()
    sizes: tuple[int, ...] = CRITEO_SIZES

    @property
    def fields(self) -> list[str]:
        """Names of the fields."""
        return [f"f{k}" for k in range(len(self.sizes))]

    @property
    def starts(self) -> np.ndarray:
        """First id of each field, int32 [m], where all have one numbering."""
        return np.concatenate([[0], np.cumsum(self.sizes)[:-1]]).astype(np.int32)

    @classmethod
    def read(cls, written: Mapping[str, Any]) -> "Shape":
        """From JSON, which has lists for tuples."""
        return cls(**{k: tuple(v) if isinstance(v, list) else v for k, v in written.items()})


def backbone(shape: Shape) -> BackboneSettings:
    """This project's settings of the model."""
    return BackboneSettings(
        name=shape.model,
        embedding_dim=shape.dim,
        hidden=shape.hidden,
        dropout=DROPOUT,
        batch_norm=True,
        **({"cin": shape.cin} if shape.cin else {}),
    )


class Contender(ABC):
    """One implementation with its weights and its batches.

    Args:
        shape: what to build.
        rows: the ids of all fields in one numbering, and the labels.
        batch: B.
        device: where it works.
        options: what distinguishes this contender from its siblings.
    """

    def __init__(self, shape: Shape, rows: Rows, batch: int, device: torch.device, options: dict[str, Any]):
        self.shape, self.rows, self.batch, self.device, self.options = shape, rows, batch, device, options
        self.starts = shape.starts
        self.build()
        slices = [slice(a, a + batch) for a in range(0, len(rows), batch)]
        self.batches = [self.load(s) for s in slices]
        self.arrays = [self.raw(s) for s in slices]

    @abstractmethod
    def build(self) -> None:
        """Make the model."""

    @abstractmethod
    def parameters(self) -> int:
        """Learnable numbers."""

    @abstractmethod
    def load(self, part: slice) -> Any:
        """A training batch in the form that the implementation's own loop gives to its step."""

    def raw(self, part: slice) -> np.ndarray:
        """Ids [B, m] to score, each field counted from 0."""
        return np.ascontiguousarray(self.rows.ids[part] - self.starts)

    @abstractmethod
    def train(self, training: bool) -> None:
        """Switch between training and inference."""

    @abstractmethod
    def step(self, k: int) -> Tensor:
        """One optimiser step on batch k; the loss."""

    @abstractmethod
    def score(self, k: int) -> np.ndarray:
        """Probabilities [B] of batch k from its raw array."""

    def extras(self) -> dict[str, float]:
        """Costs outside the step that must be told with it."""
        return {}


class Ours(Contender):
    """This project. Options: optimizer, precision, prune_ratio (cut at random before the first step)."""

    def build(self) -> None:
        shape, options = self.shape, self.options
        model = build_model(backbone(shape), shape.sizes, seed=0)
        if ratio := options.get("prune_ratio"):
            order = np.random.default_rng(0).permutation(len(shape.sizes))
            kept = order[: num_kept(len(shape.sizes), ratio)].tolist()
            model = cut(model, plan_fields(model, kept))
        self.half = options.get("precision") == "bfloat16"
        training = TrainingSettings(
            batch_size=self.batch,
            optimizer=options.get("optimizer", "dense"),
            precision="bfloat16" if self.half else "float32",
            device=str(self.device),
        )
        keep_memory()
        self.trainer = Trainer(model, self.rows, training, seed=0)
        self.model = self.trainer.model

    def parameters(self) -> int:
        return self.model.num_parameters()

    def load(self, part: slice) -> tuple[Tensor, Tensor | None, Tensor]:
        return to_batch(self.rows, part, self.device)

    def raw(self, part: slice) -> np.ndarray:
        return np.array(self.rows.ids[part])  # the numbering that its own data sets have

    def train(self, training: bool) -> None:
        if not training:
            self.trainer.flush()
        self.model.train(training)

    def step(self, k: int) -> Tensor:
        return self.trainer.step(self.batches[k % len(self.batches)])

    def score(self, k: int) -> np.ndarray:
        ids = torch.from_numpy(self.arrays[k % len(self.arrays)]).to(self.device)
        with torch.inference_mode(), torch.autocast(self.device.type, torch.bfloat16, enabled=self.half):
            return torch.sigmoid(self.model(ids).float()).cpu().numpy()

    def extras(self) -> dict[str, float]:
        """`owed_seconds`: what a step leaves to be made up for the rows that it did not touch."""
        if self.options.get("optimizer") != "lazy" or not self.trainer.steps:
            return {}
        start = time.perf_counter()
        self.trainer.flush()
        return {"owed_seconds": (time.perf_counter() - start) / self.trainer.steps}


@dataclass(frozen=True)
class Entry:
    """A contender in the list of a group.

    Args:
        name: as the table shows it.
        kind: whose implementation.
        options: see the class of that kind.
        measures: what it takes part in.
        env: environment of its process, over the common one.
        role: `ours`, `cut` (a smaller model of ours), `peer`, or `aside`: a peer under settings that it does
            not have by itself, shown but no yardstick. Empty: by the kind.
    """

    name: str
    kind: str
    options: dict[str, Any] = field(default_factory=dict)
    measures: tuple[str, ...] = ("train", "infer")
    env: dict[str, str] = field(default_factory=dict)
    role: str = ""

    def __post_init__(self) -> None:
        if not self.role:
            object.__setattr__(self, "role", "ours" if self.kind == "ours" else "peer")
