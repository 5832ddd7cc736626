"""Columns that hold the answer: how well each alone tells the clicks of rows that nothing was learnt from.

On the real clicks of this project's records the best of all models reaches an AUC of .82. A column that alone
reaches .99, or a model that reaches .999, can't rest on what is known before the click: it is the label in
other words, or follows from it.
"""

import shlex
from collections.abc import Mapping, Sequence

import numpy as np

from .noticed import FEW_CLICKS
from .rows import Rows
from .schema import Field, Schema

COLUMN_AUC, MODEL_AUC = 0.99, 0.999  # above which there must be a leak
# rows of a split that are looked at, and ids of them: a leak shows in some, and all would take as long as to
# prepare them
_ROWS, _IDS = 1 << 18, 1 << 24


def told_alone(train: Rows, val: Rows, fields: Sequence[Field]) -> np.ndarray:
    """AUC on validation rows of each field alone, float64 [m]; .5 where too few are clicks, or are not.

    A row's score is the click rate of its id among training rows. The numbers of a scalar field rank the rows
    as well, upwards or downwards; what tells more counts.

    Args:
        train, val: rows of which the last of the one and the first of the other are looked at.
        fields: m of them, in their order.
    """
    most = min(_ROWS, max(1, _IDS // max(1, len(fields))))
    known, asked = train[max(0, len(train) - most) :], val[:most]
    clicks = np.asarray(asked.labels) > 0
    found = np.full(len(fields), 0.5)
    if min(clicks.sum(), (~clicks).sum()) < FEW_CLICKS:
        return found
    ids, clicked, new = np.array(known.ids), np.asarray(known.labels), np.array(asked.ids)
    scalars = [f for f, field in enumerate(fields) if field.kind == "scalar"]
    for f, field in enumerate(fields):
        own = ids[:, f] - field.offset
        rows = np.bincount(own, minlength=field.size)
        rates = np.full(field.size, clicked.mean())
        np.divide(np.bincount(own, clicked, field.size), rows, out=rates, where=rows > 0)
        found[f] = _ranked(rates[new[:, f] - field.offset], clicks)
        if field.kind == "scalar" and asked.values is not None:
            one = _ranked(asked.values[:, scalars.index(f)], clicks)
            found[f] = max(found[f], one, 1 - one)
    for rows_read in (train, val):
        rows_read.forget()
    return found


def _ranked(scores: np.ndarray, clicks: np.ndarray) -> float:
    """AUC of scores [N], ties counting one half; by counts of each score, of which there are few."""
    _, place = np.unique(scores, return_inverse=True)
    ours, theirs = np.bincount(place[clicks]), np.bincount(place[~clicks])
    size = max(len(ours), len(theirs))
    ours, theirs = np.pad(ours, (0, size - len(ours))), np.pad(theirs, (0, size - len(theirs)))
    below = np.cumsum(theirs) - theirs
    return float((ours * (below + 0.5 * theirs)).sum() / (ours.sum() * theirs.sum()))


def leaking(train: Rows, val: Rows, fields: Sequence[Field]) -> dict[str, float]:
    """Fields that alone tell the clicks of validation rows, with their AUC, what tells most first.

    Args:
        train, val, fields: see `told_alone`.
    """
    found = zip(fields, told_alone(train, val, fields).tolist(), strict=True)
    return {field.name: auc for field, auc in sorted(found, key=lambda one: -one[1]) if auc > COLUMN_AUC}


def leak_in_words(schema: Schema, auc: float | None, columns: Mapping[str, float]) -> str:
    """What is to be said of scores that are too good, with the remedy; empty where they are not.

    Args:
        auc: of a model on validation rows. columns: see `leaking`.
    """
    high = auc is not None and auc > MODEL_AUC
    text = f"An AUC of {auc:.4f} on validation rows is too good: columns hold the answer. " if high else ""
    if not columns:
        no_one = "None does alone: look for several that together are known only after the click."
        return text and f"{text}{no_one}"
    of_field = {field.name: field for field in schema.fields}
    own = [schema.reading.column_of(of_field[name]) if schema.reading else name for name in columns]
    remedy = " ".join(f"--drop {shlex.quote(name)}" for name in dict.fromkeys(own))
    told = ", ".join(f"{name} ({one:.4f})" for name, one in columns.items())
    return (
        f"{text}The clicks of validation rows are told by one column alone, with an AUC of its own: {told}. "
        f"What is known only after the click is to be left out: {remedy}."
    )
