"""Which fields a half-trained model should exchange: kept ones it can spare for removed ones it misses."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from pydantic import Field
from scipy.special import expit

from ..data.dataset import Rows
from ..data.schema import Schema
from ..models import Backbone
from ..seeds import derive
from ..settings import Settings
from ..training import log_loss, predict


class RevisionSettings(Settings):
    """How a choice of fields is revised.

    Attributes:
        most_swaps: fields that may be exchanged.
        probe_rows: rows on which removed fields are tested.
        cost_rows: the first of them, on which kept fields are tested: one forward pass a field.
        folds: parts of the probe rows; a row's offset comes from the other parts.
        smoothing: s of `offsets`, in units of p(1 − p) summed over rows.
    """

    most_swaps: int = Field(10, ge=0)
    probe_rows: int = Field(50_000, ge=1)
    cost_rows: int = Field(10_000, ge=1)
    folds: int = Field(5, ge=2)
    smoothing: float = Field(5.0, gt=0)


@dataclass(frozen=True)
class Revision:
    """What a revision found.

    Attributes:
        swaps: (field out, field in) in the order of choice.
        costs: of each kept field, in nats a row.
        gains: of each removed field, in nats a row, before any swap.
        losses: with no swap, the first, the first two, …; the swaps end at the least.
    """

    swaps: list[tuple[int, int]]
    costs: dict[int, float]
    gains: dict[int, float]
    losses: list[float]

    def details(self) -> dict[str, Any]:
        """What a record keeps of it."""
        rounded = {
            name: {str(f): round(v, 6) for f, v in getattr(self, name).items()} for name in ("costs", "gains")
        }
        return {
            "swaps": [list(s) for s in self.swaps],
            "losses": [round(x, 6) for x in self.losses],
            **rounded,
        }


def offsets(
    values: np.ndarray, labels: np.ndarray, logits: np.ndarray, folds: int, smoothing: float
) -> np.ndarray:
    """What a field would add to each row's logit, learnt from the rows of other folds: δ [N].

    One Newton step of a first-order weight of each value v, from the residuals that the model leaves:
    δ_v = Σ (y − p) / (Σ p(1 − p) + s), sums over the rows that hold v outside the row's own fold; row i is in
    fold i mod `folds`.

    Args:
        values: the field's value in each row, as an integer from 0 [N].
        labels: y [N].
        logits: of the model [N].
        smoothing: s.
    """
    p = expit(logits.astype(np.float64))
    n = int(values.max()) + 1
    key = np.arange(len(values)) % folds * n + values
    by_fold = [np.bincount(key, w, folds * n).reshape(folds, n) for w in (labels - p, p * (1 - p))]
    slope, curvature = (part.sum(0) - part for part in by_fold)
    return (slope / (curvature + smoothing)).ravel()[key]


def codes(rows: Rows, field: int, scalars: Sequence[int]) -> np.ndarray:
    """A small integer for each row's value of a field [N]; scalar values in 32 bins of equal count."""
    if field in scalars and rows.values is not None:
        own = rows.values[:, list(scalars).index(field)]
        return np.searchsorted(np.quantile(own, np.arange(1, 32) / 32), own, side="right")
    return rows.ids[:, field] - rows.ids[:, field].min()


def shuffled(rows: Rows, columns: Sequence[int], value_columns: Sequence[int], order: np.ndarray) -> Rows:
    """The rows with some columns of ids and of values in another order: what these fields said is lost."""
    ids, values = np.array(rows.ids), None if rows.values is None else np.array(rows.values)
    ids[:, list(columns)] = rows.ids[order][:, list(columns)]
    if values is not None and rows.values is not None:
        values[:, list(value_columns)] = rows.values[order][:, list(value_columns)]
    return Rows(ids, rows.labels, values)


def revise(model: Backbone, schema: Schema, rows: Rows, settings: RevisionSettings, seed: int) -> Revision:
    """Which kept fields to exchange for which removed ones.

    gain_f of a removed field = mean loss − mean loss with `offsets` of f added to the model's logits: what it
    would explain of the residuals by itself, out of fold. cost_f of a kept field = rise of the mean loss when
    its column is shuffled. The gain leaves out what f does together with other fields and the cost what the
    others could take over, so that the comparison favours what is kept. The best removed field replaces the
    kept one of least cost while gain > cost; its offsets stay, so that a second field that says the same
    gains nothing. Of these swaps the first ones are made, up to where the loss with all of them is least.

    Takes 1 forward pass over the probe rows, one a kept field and one a swap over the cost rows, and
    N × (removed fields) additions a swap.
    """
    kept, scalars = model.columns.tolist(), list(schema.scalar_columns)
    removed = [f for f in range(schema.num_fields) if f not in kept]
    few = rows[: settings.cost_rows]
    order = np.random.default_rng(derive(seed, "shuffle")).permutation(len(few))

    def loss_without(fields: Sequence[int], added: np.ndarray | float = 0.0) -> float:
        own = [scalars.index(f) for f in fields if f in scalars]
        return log_loss(few.labels, predict(model, shuffled(few, fields, own, order)) + added)

    def offset(f: int, logits: np.ndarray) -> np.ndarray:
        return offsets(codes(rows, f, scalars), rows.labels, logits, settings.folds, settings.smoothing)

    logits = predict(model, rows).astype(np.float64)
    losses = [log_loss(few.labels, logits[: len(few)])]
    costs = {f: loss_without([f]) - losses[0] for f in kept}
    cheapest = sorted(kept, key=lambda f: (costs[f], f))
    first_gains: dict[int, float] = {}
    swaps: list[tuple[int, int]] = []
    added = np.zeros(len(rows))
    while True:
        before = log_loss(rows.labels, logits + added)
        own = {f: offset(f, logits + added) for f in removed if f not in [i for _, i in swaps]}
        gains = {f: before - log_loss(rows.labels, logits + added + d) for f, d in own.items()}
        first_gains = first_gains or gains
        if not gains or len(swaps) == min(settings.most_swaps, len(kept)):
            break
        best, out = max(gains, key=lambda f: (gains[f], -f)), cheapest[len(swaps)]
        if gains[best] <= costs[out]:
            break
        swaps.append((out, best))
        added += own[best]
        losses.append(loss_without([o for o, _ in swaps], added[: len(few)]))
    return Revision(swaps[: int(np.argmin(losses))], costs, first_gains, losses)
