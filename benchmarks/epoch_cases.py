"""An epoch as each library's user has it: read a prepared folder, build, train, evaluate, save.

The rows, the split and the sizes of the tables are the same, written beforehand in the form that each
library reads. What a library is imported for is imported before the clock starts.
"""

from abc import ABC, abstractmethod
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch

from lfmp_core.data import Dataset, Rows, load_prepared
from lfmp_core.memory import keep_memory
from lfmp_core.models import build_model
from lfmp_core.training import Trainer, TrainingSettings

from .contenders import Contender, Shape, backbone
from .peers import DeepCTR, FuxiCTR, deepctr_classes, feature_map

SPLITS = ("train", "val")


def columns(rows: Rows, shape: Shape) -> dict[str, np.ndarray]:
    """Ids [N] of each field, counted from 0 in each, and the label."""
    ids = dict(zip(shape.fields, (rows.ids - shape.starts.astype(np.int64)).T, strict=True))
    return {**ids, "label": np.asarray(rows.labels, np.float32)}


def write_for_peers(data: Dataset, shape: Shape, folder: Path) -> None:
    """The rows of both splits in the forms that FuxiCTR reads, one of which DeepCTR-Torch's users have."""
    for split in SPLITS:
        found = columns(data.split(split), shape)
        np.savez(folder / f"{split}.npz", **found)
        pd.DataFrame(found).to_parquet(folder / f"{split}.parquet", index=False)


class Epoch(ABC):
    """One library's user.

    Attributes:
        model: once it is built.

    Args:
        shape: the model.
        folder: with the rows in the library's form.
        batch: B.
        options: what distinguishes this contender from its siblings.
    """

    model: Any

    def __init__(self, shape: Shape, folder: Path, batch: int, options: dict[str, Any]):
        self.shape, self.folder, self.batch, self.options = shape, folder, batch, options
        self.make_ready()

    @abstractmethod
    def make_ready(self) -> None:
        """Import what reading and training need; not timed."""

    @abstractmethod
    def read(self) -> None:
        """Open the rows."""

    @abstractmethod
    def build(self) -> int:
        """Make the model; how many numbers it learns."""

    def built(self, kind: type[Contender]) -> int:
        """Make a peer's model as the measurement of steps does; how many numbers it learns."""
        nothing = Rows(np.empty((0, len(self.shape.sizes)), np.int32), np.empty(0, np.uint8))
        peer = kind(self.shape, nothing, self.batch, torch.device("cpu"), self.options)
        self.model = peer.model
        return peer.parameters()

    @abstractmethod
    def fit(self, out: Path) -> float:
        """Train on all rows once in a new order, evaluate, save into `out`; the validation AUC."""


class OursEpoch(Epoch):
    """This project: ids in files that the system maps, a checkpoint that training can go on from.

    Options: optimizer, precision.
    """

    def make_ready(self) -> None:
        keep_memory()

    def read(self) -> None:
        self.data = load_prepared(self.folder / "rows")

    def build(self) -> int:
        self.model = build_model(backbone(self.shape), self.shape.sizes, seed=0)
        return self.model.num_parameters()

    def fit(self, out: Path) -> float:
        settings = TrainingSettings(epochs=1, batch_size=self.batch, **self.options)
        rows, held_out = (self.data.split(name) for name in SPLITS)
        made = Trainer(self.model, rows, settings, seed=0, validation=held_out, checkpoint=out / "state")
        return made.fit()[0]["val_auc"]


class FuxiCTREpoch(Epoch):
    """FuxiCTR: `fit` on its own loaders. Option: format, npz or parquet."""

    def make_ready(self) -> None:
        import fuxictr.features
        import fuxictr.pytorch.layers
        import fuxictr.pytorch.models  # noqa: F401
        from fuxictr.pytorch.dataloaders import RankDataLoader

        self.loaders = RankDataLoader

    def read(self) -> None:
        kind = self.options["format"]
        train, val = (str(self.folder / f"{split}.{kind}") for split in SPLITS)
        alike = {"stage": "train", "batch_size": self.batch, "shuffle": True, "data_format": kind}
        self.rows = self.loaders(feature_map(self.shape), train_data=train, valid_data=val, **alike)

    def build(self) -> int:
        return self.built(FuxiCTR)

    def fit(self, out: Path) -> float:
        train, val = self.rows
        self.model.checkpoint = str(out / "best.model")
        self.model.fit(train, epochs=1, validation_data=val)
        return float(self.model._best_metric)


class DeepCTREpoch(Epoch):
    """DeepCTR-Torch: `fit` on arrays from the same Parquet. Option: l2, see `DeepCTR`."""

    def make_ready(self) -> None:
        deepctr_classes()
        from deepctr_torch.callbacks import ModelCheckpoint

        self.saver = ModelCheckpoint

    def read(self) -> None:
        frames = [pd.read_parquet(self.folder / f"{split}.parquet") for split in SPLITS]
        self.rows = [
            ({name: frame[name].to_numpy() for name in self.shape.fields}, frame[["label"]].to_numpy())
            for frame in frames
        ]

    def build(self) -> int:
        count = self.built(DeepCTR)
        self.model.compile("adam", "binary_crossentropy", metrics=["auc"])
        return count

    def fit(self, out: Path) -> float:
        (x, y), held_out = self.rows
        best = {"monitor": "val_auc", "save_best_only": True, "save_weights_only": True}
        calls = [self.saver(str(out / "best.pt"), **best)]
        # verbose 0 spares it the training metrics of every batch
        alike = {"batch_size": self.batch, "epochs": 1, "verbose": 0, "validation_data": held_out}
        return float(self.model.fit(x, y, callbacks=calls, **alike).history["val_auc"][0])


KINDS: dict[str, type[Epoch]] = {"ours": OursEpoch, "fuxictr": FuxiCTREpoch, "deepctr": DeepCTREpoch}
