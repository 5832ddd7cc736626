"""Values that are removed for good: from masks to a smaller model, and what that says of the fields."""

import numpy as np
import torch
from torch import Tensor

from ...data.dataset import Rows
from ...embeddings.ragged import RaggedTable
from ...errors import LfmpError
from ...models import Backbone
from ...surgery import cut, plan_fields


def remove_values(model: Backbone, widths: Tensor) -> Backbone:
    """The model without the embedding numbers that are masked.

    A field that keeps no value leaves the model altogether, its first-order weights included. The
    first-order weights of other removed values stay: an index for them would take as many bytes as it saves.

    Args:
        model: with a plain table; it may be taken apart.
        widths: [n], how many leading numbers of each id's vector stay; 0 removes the value.

    Raises:
        LfmpError: no value is left.
    """
    spans = widths.split(list(model.field_sizes))
    fields = [f for f, span in enumerate(spans) if span.any()]
    if not fields:
        raise LfmpError("every value would be removed: weaken the regularisation, or search for fewer epochs")
    if len(fields) < model.num_fields:
        model = cut(model, plan_fields(model, fields))
        widths = torch.cat([spans[f] for f in fields])
    model.table = RaggedTable.pack(model.table.weight_view(), widths, model.field_sizes)
    return model


def openness(rows: Rows, margins: Tensor) -> np.ndarray:
    """How far the values that some rows read in each field are from being removed: the mean of max(0, margin)
    over occurrences [m].

    The share of occurrences that stay would be the nearer measure, but it ranks fields by how few values they
    have: frequent values stay in any field. On planted rows it finds 9 to 11 of 16 useful fields where this
    one finds 15 or 16 (blind draws: 6.6).

    Args:
        rows: whose ids are counted.
        margins: [n], by how much a value is open; not above 0 where it is removed.
    """
    left = margins.clamp(min=0).double().cpu().numpy()
    total = np.zeros(rows.ids.shape[1])
    for a in range(0, len(rows), 8192):
        total += left[rows.ids[a : a + 8192]].sum(0)
    return total / len(rows)
