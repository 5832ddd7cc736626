"""Tiny planted rows and pairs in memory, on which numerics are pinned."""

from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import numpy as np

from ..data import Dataset, InteractionData, PrepareSettings, Rows, Schema
from ..data.schema import Field

SIZES = (5, 37, 211, 3, 101, 19, 523, 2, 67)  # ids of each field; the table has four blocks of RowAdam's
ROWS = {"train": 1493, "val": 701, "test": 32}
USERS, ITEMS, BLOCKS = 61, 83, 4


@dataclass(frozen=True)
class _Planted(Dataset):
    """Rows in memory."""

    parts: dict[str, Rows] = field(default_factory=dict)

    def split(self, name: str) -> Rows:
        return self.parts[name]


@cache
def planted() -> Dataset:
    """Rows whose clicks follow a weight of each id and one product of two fields, so that there is something
    to learn. Drawn by the legacy generator, whose stream never changes."""
    rng, offsets = np.random.RandomState(17), np.cumsum((0, *SIZES[:-1]))
    weight = rng.uniform(-1, 1, sum(SIZES))
    parts, positives = {}, {}
    for split, count in ROWS.items():
        local = [np.minimum((size * rng.uniform(size=count) ** 2).astype(int), size - 1) for size in SIZES]
        ids = np.stack(local, axis=1) + offsets
        w = weight[ids]
        logit = 1.5 * w[:, :5].sum(1) + 2 * w[:, 1] * w[:, 2] - 0.5
        labels = rng.uniform(size=count) < 1 / (1 + np.exp(-logit))
        parts[split] = Rows(ids.astype(np.int32), labels.astype(np.uint8))
        positives[split] = int(labels.sum())
    fields = [
        Field(
            name=f"f{k}",
            kind="categorical",
            size=size,
            offset=int(a),
            threshold=1,
            distinct=size,
            kept=size - 1,
        )
        for k, (size, a) in enumerate(zip(SIZES, offsets, strict=True))
    ]
    schema = Schema(
        name="pins",
        fields=tuple(fields),
        rows=dict(ROWS),
        positives=positives,
        settings=PrepareSettings(),
        source={},
        fingerprint="pins",
    )
    return _Planted(Path("pins"), schema, parts)


@cache
def planted_pairs() -> InteractionData:
    """Users who take a third of the items of their block and a thirtieth of the others."""
    rng = np.random.RandomState(19)
    likes = np.arange(USERS)[:, None] % BLOCKS == np.arange(ITEMS) % BLOCKS
    users, items = np.nonzero(rng.uniform(size=(USERS, ITEMS)) < np.where(likes, 1 / 3, 1 / 30))
    return InteractionData.from_pairs(users, items, num_users=USERS, num_items=ITEMS, name="pins")
