"""What QR's start hides: ids of a small field that share a quotient, and a click that tells them apart."""

from dataclasses import dataclass

import numpy as np
import torch
from torch.nn import functional

from lfmp_core.data import Dataset
from lfmp_core.embeddings.qr import QRSettings, QRTable
from lfmp_core.metrics import AUC
from lfmp_core.models import DeepFMSettings
from lfmp_core.seeds import derive
from lfmp_core.tasks import Clicks
from lfmp_core.training import TrainingSettings
from lfmp_core.training.metrics import auc

STARTS = ("signs and normal", "near 1 and normal", "U(√(1/n), 1)")
SIZES = (6, 6, 4, 20, 700, 700, 700)  # the click depends on the first two alone, and on neither alone
STD, BATCH, HELD_OUT = 0.01, 256, 4_000
TRAINING = TrainingSettings(learning_rate=0.01, l2=0.0, batch_size=BATCH, epochs=1)


@dataclass(frozen=True)
class Learnt:
    """What a DeepFM over one QR table has learnt.

    Attributes:
        start: of `STARTS`. remainders: p. alike: mean cosine of two starting rows of the first field.
        auc: on rows that were not trained on; .5 is chance, `best` what the law of the clicks allows.
    """

    start: str
    remainders: int
    alike: float
    auc: float
    best: float


def agreeing_rows(count: int, seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Ids [N, 7] by field, labels [N], click probabilities [N]: likely if the first two ids agree mod 2."""
    rng = np.random.default_rng(seed)
    ids = rng.integers(0, SIZES, (count, len(SIZES)))
    chance = 1 / (1 + np.exp(-5.0 * (1 - 2.0 * (ids[:, :2].sum(1) % 2))))
    return ids, rng.random(count) < chance, chance


def starting_table(start: str, remainders: int, generator: torch.Generator) -> QRTable:
    """A QR table that begins as of `STARTS`."""
    init = "uniform" if start == STARTS[2] else "signs"
    settings = QRSettings.model_validate({"remainders": remainders, "init": init, "std": STD})
    made = QRTable(SIZES, 16, settings, generator=generator)
    if start == STARTS[1]:
        few, many = sorted((made.remainder, made.quotient), key=len)
        with torch.no_grad():
            few.normal_(1, STD, generator=generator)
            many.normal_(0, STD, generator=generator)
    return made


def learn(start: str, remainders: int, steps: int, seed: int) -> Learnt:
    """Train a DeepFM for one pass over as many fresh batches; every start sees the same rows."""
    ids, labels, chance = agreeing_rows(steps * BATCH + HELD_OUT, derive(seed, "rows"))
    held_out = np.arange(len(ids)) >= steps * BATCH
    splits = {"train": ~held_out, "test": held_out}
    data = Dataset.from_arrays(ids, labels, SIZES, local=True, splits=splits)
    task = Clicks(data, DeepFMSettings(embedding_dim=16, hidden=(32,)), TRAINING)
    model = task.model(seed, table=lambda sizes, dim, generator: starting_table(start, remainders, generator))
    first = functional.normalize(model.table.weight_view()[: SIZES[0]].detach())
    cosines = (first @ first.T)[~torch.eye(len(first), dtype=torch.bool)]
    task.trainer(model, seed=seed, validate=False).fit()
    best = auc(labels[held_out], chance[held_out])
    return Learnt(
        start, remainders, cosines.mean().item(), task.evaluate(model, "test").metrics[AUC.name], best
    )
