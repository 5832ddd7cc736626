"""Ids as numbers, one a field, for selectors that read numbers."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from pydantic import Field

from ...data import Rows, Schema
from ...seeds import derive
from ...settings import Settings
from ...tasks import Clicks
from ..base import Context


class EncodingSettings(Settings):
    """What every selector of this kind is told.

    Attributes:
        encoding: "target": smoothed share of clicks among the other folds' rows with the same value.
            "frequency": log(1 + training rows with the value). "ordinal": position in the field's vocabulary,
            as ERASE reads its labels; an order without a meaning.
        folds: of the target encoding. With 1 every row counts its own click, so that a field of many rare
            values foretells the training labels whatever it means.
        prior: rows of the mean share of clicks that smooth each value's share.
        max_rows: training rows used; more are thinned by a stratified draw.
    """

    encoding: Literal["target", "frequency", "ordinal"] = "target"
    folds: int = Field(5, ge=1)
    prior: float = Field(10.0, gt=0)
    max_rows: int = Field(100_000, ge=1)


class Encoder:
    """Rows of ids → one standardised number a field; a scalar field gives its value (0 where it is missing).

    Target encoding of a row of fold k with value v: t = (Σ y + a ȳ) / (n + a), the sum and n over the rows
    with v outside fold k, ȳ the mean click, a the prior. Other rows than those fitted on take all folds.

    Args:
        schema: of the data set.
        settings: see `EncodingSettings`.
        seed: of the folds.
    """

    def __init__(self, schema: Schema, settings: EncodingSettings, seed: int):
        self.schema, self.settings, self.seed = schema, settings, seed
        self.tables: list[np.ndarray] = []
        self.mean, self.std = np.zeros(schema.num_fields), np.ones(schema.num_fields)

    def fit_transform(self, rows: Rows) -> np.ndarray:
        """Learn the encoding from training rows and encode them: float64 [N, m], mean 0, variance 1.

        A column without any variation is 0.
        """
        n, folds = len(rows), self.settings.folds
        fold = np.random.default_rng(self.seed).permutation(n) % folds
        labels = np.asarray(rows.labels, dtype=np.float64)
        x, self.tables = np.empty((n, self.schema.num_fields)), []
        for f, field in enumerate(self.schema.fields):
            local = self._local(rows, f)
            if self.settings.encoding == "target" and field.kind != "scalar":
                column, table = target_encode(local, labels, fold, field.size, folds, self.settings.prior)
            else:
                table = np.log1p(np.bincount(local, minlength=field.size))
                table = table if self.settings.encoding == "frequency" else np.arange(float(field.size))
                column = self._column(rows, f, table)
            self.tables.append(table)
            x[:, f] = column
        self.mean = x.mean(0)
        # rounding gives a constant column a spread of some 1e-17; divided by it, it would look like data
        std = x.std(0)
        self.std = np.where(std > 1e-9 * (1 + np.abs(self.mean)), std, np.inf)
        return (x - self.mean) / self.std

    def transform(self, rows: Rows) -> np.ndarray:
        """Encode other rows by what `fit_transform` learnt: float64 [N, m]."""
        columns = [self._column(rows, f, table) for f, table in enumerate(self.tables)]
        return (np.stack(columns, axis=1) - self.mean) / self.std

    def _local(self, rows: Rows, f: int) -> np.ndarray:
        return np.asarray(rows.ids[:, f]) - self.schema.fields[f].offset

    def _column(self, rows: Rows, f: int, table: np.ndarray) -> np.ndarray:
        local = self._local(rows, f)
        if self.schema.fields[f].kind != "scalar":
            return table[local]
        assert rows.values is not None
        values = np.asarray(rows.values[:, self.schema.scalar_columns.index(f)], dtype=np.float64)
        return np.where(local == 0, 0.0, values)


def target_encode(
    local: np.ndarray, labels: np.ndarray, fold: np.ndarray, size: int, folds: int, prior: float
) -> tuple[np.ndarray, np.ndarray]:
    """Smoothed share of clicks a value: of each row by the other folds, and of each value by all.

    Args:
        local: values of one field, integers in [0, size), [N].
        labels: clicks as float64 [N].
        fold: fold of each row, in [0, folds), [N]; with folds = 1 a row's own click counts.
        prior: weight of the mean click, in rows.

    Returns:
        (encoded rows [N], encoded values [size])
    """
    cell = fold * size + local
    count = np.bincount(cell, minlength=folds * size).reshape(folds, size)
    clicks = np.bincount(cell, labels, minlength=folds * size).reshape(folds, size)
    base = prior * labels.mean()
    whole = (clicks.sum(0) + base) / (count.sum(0) + prior)
    if folds == 1:
        return whole[local], whole
    rest = (clicks.sum(0) - clicks + base) / (count.sum(0) - count + prior)
    return rest[fold, local], whole


@dataclass(frozen=True)
class EncodedRows:
    """Training rows as numbers: x [N, m], labels [N] of 0 and 1, and the encoder for other rows."""

    x: np.ndarray
    labels: np.ndarray
    encoder: Encoder


def encode_training(task: Clicks, settings: EncodingSettings, context: Context) -> EncodedRows:
    """Encode the task's training rows, at most `max_rows` of them."""
    rows = task.dataset.split("train")
    if len(rows) > settings.max_rows:
        rows = rows.take(task.dataset.pretrain_rows(settings.max_rows, derive(context.seed, "rows"))[0])
    encoder = Encoder(task.dataset.schema, settings, derive(context.seed, "folds"))
    return EncodedRows(encoder.fit_transform(rows), np.asarray(rows.labels), encoder)


def random_state(context: Context, purpose: str) -> int:
    """A seed that scikit-learn and XGBoost take: 31 bits."""
    return derive(context.seed, purpose) % 2**31


def threads() -> int:
    """CPU threads of this run."""
    return torch.get_num_threads()
