"""On paper: a table larger than any that was trained here, by what smaller ones take."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pandas as pd
import torch

from lfmp_core.embeddings.base import Table
from lfmp_core.embeddings.registry import TABLES
from lfmp_core.embeddings.small_dense import smaller_dim
from lfmp_core.embeddings.sparse import SparseTable

from ..show.html import table
from ..show.touch import Touch, settled

# in words; a network that makes its rows (DHE) has no shards
FORMS = {
    "full": "full table",
    "smaller": "fewer dimensions",
    "hashing": "hashing",
    "qr": "QR",
    "tt_rec": "TT-Rec",
    "memcom": "MEmCom",
    "sparse": "pruned (MagPrune, PEP)",
}
IDS, DIM, SPARSITY, MEMORY, BATCH = 10**9, 16, 0.8, 16, 65_536  # where the knob starts; memory in GB
FIELDS = 39  # that a row of Criteo's has
FEW_BITS = (8, 4, 2)
ANY = 1e9  # a tolerance: what comes nearest is taken


def unfilled(form: str, ids: int, dim: int, sparsity: float) -> Table:
    """A table of one field in one of `FORMS`, whose numbers take no memory; it tells its bytes."""
    generator = torch.Generator()
    with torch.device("meta"):
        if form == "sparse":
            return SparseTable((ids,), dim, round((1 - sparsity) * ids * dim))
        if form == "smaller":
            form, dim = "full", smaller_dim((ids,), dim, sparsity, tolerance=ANY)
        kind = TABLES[form]
        share = 0.0 if form == "full" else sparsity
        return kind.make((ids,), dim, kind.budget((ids,), dim, share, tolerance=ANY), generator)


def in_bits(ids: int, dim: int, bits: int) -> int:
    """Bytes of a plain table of one field in few bits, with its step and its offset."""
    return -(-ids * dim * bits // 8) + 8


def training_bytes(ids: int, dim: int) -> int:
    """What training holds of a plain table of vectors and one of first-order weights.

    Of each number 16 bytes: itself, Adam's two moments, and the best epoch's. Of each id 12 in each of both,
    when the row was last moved and its place in a batch's gradient, and 8 for the index that they share.
    """
    return ids * (16 * (dim + 1) + 2 * 12 + 8)


def shards(size: float, memory: float) -> int:
    """Processes of so much memory that are needed for so many bytes."""
    return max(1, math.ceil(size / memory))


def exchanged(fields: int, dim: int, batch: int) -> int:
    """The most bytes that a step sends between processes for its look-ups: each id twice, its vector and its
    weight there, their gradients back, all ids of a batch distinct."""
    return batch * fields * (2 * 8 + 8 * (dim + 1))


@dataclass(frozen=True)
class StepTime:
    """Seconds of a training step on the measured machine: `fixed` a row, and `number` for each number of the
    model, which dense Adam passes over.

    Both from the measured sizes by least squares, since more rows brought more ids.
    """

    fixed: float
    number: float

    @classmethod
    def of(cls, results: Mapping[str, Any]) -> "StepTime | None":
        """What the figures of scale say; None where they can't part one from the other."""
        ones = list(results["sizes"].values())
        if len({one["train"]["parameters"] for one in ones}) < 2:
            return None
        steps = [math.ceil(one["train"]["train_rows"] / one["batch"]) for one in ones]
        seconds = [one["train"]["fit_seconds"] / n for one, n in zip(ones, steps, strict=True)]
        taken = [[one["batch"], one["train"]["parameters"]] for one in ones]
        (fixed, number), *_ = np.linalg.lstsq(np.array(taken, float), np.array(seconds), rcond=None)
        return cls(float(fixed), float(number)) if fixed > 0 and number > 0 else None

    def rate(self, ids: int, dim: int, processes: int, batch: int) -> float:
        """Rows a second of so many processes that share a batch and the table, were exchange for nothing."""
        return processes * batch / (self.fixed * batch + self.number * ids * (dim + 1))


def _rows(time: StepTime | None) -> Sequence[dict[str, Any]]:
    found = []
    for form, name in FORMS.items():
        size = unfilled(form, IDS, DIM, SPARSITY).num_bytes()
        found.append({"to serve": name, "GB": size / 1e9, "shards": shards(size, MEMORY * 1e9)})
    for bits in FEW_BITS:
        size = in_bits(IDS, DIM, bits)
        found.append(
            {"to serve": f"full table, {bits} bits", "GB": size / 1e9, "shards": shards(size, MEMORY * 1e9)}
        )
    size = training_bytes(IDS, DIM)
    processes = shards(size, MEMORY * 1e9)
    trained: dict[str, Any] = {"to serve": "(to train the full table)", "GB": size / 1e9, "shards": processes}
    if time is not None:
        trained["rows/s"] = round(time.rate(IDS, DIM, processes, BATCH))
    return [*found, trained]


def large_tables_knob(time: StepTime | None) -> Touch:
    """Bytes by form and bits, shards, and rows a second; without scripts of 10⁹ ids.

    Args:
        time: of a step; None: not measured yet, then no rate is told.
    """
    rate = (
        "Rows a second: the measured step's seconds by rows and by numbers (dense Adam passes over every "
        "number), shared out evenly, exchange for nothing."
        if time is not None
        else "Rows a second are told once two sizes are measured."
    )
    still = table(
        pd.DataFrame(_rows(time)),
        caption=f"A table of {IDS:,} ids, dimension {DIM}, sparsity {SPARSITY:.0%}, in shards of {MEMORY} GB",
        formats={"GB": ",.1f", "shards": ",.0f"},
        note=rate,
    )
    data: dict[str, Any] = {"ids": IDS, "dim": DIM, "sparsity": SPARSITY, "memory": MEMORY, "batch": BATCH}
    data |= {"fields": FIELDS, "time": time and {k: settled(v) for k, v in asdict(time).items()}}
    words = (
        "Worked out, not trained. Training holds 16 bytes a number (weight, Adam's two moments, the best "
        f"epoch's) and 32 an id beside. {rate} A pruned table of more than 2³¹ numbers has to be cut: its "
        "index counts to there."
    )
    return Touch("large", "A table of a thousand million ids", data, still, words)
