"""Round the tables of any trained model to few bits, in place."""

from collections.abc import Iterable

import torch
from torch import nn

from ..embeddings import FullTable, Table
from ..embeddings.packed import Bits, Per
from ..embeddings.quantised import QuantisedTable
from ..errors import LfmpError
from .compress import Own, chosen_tables, replace


def quantise_(
    model: Own, bits: Bits = 4, per: Per = "field", *, where: str | Iterable[str] | None = None
) -> Own:
    """Replace tables of a trained model by the same in few bits a number, in place; returns the model.

    Of a backbone or a recommender those are its tables, of any other module each `nn.Embedding`, which is one
    field, and each table that was put there. The new ones are read, exported and saved, and not trained. All
    is refused before anything is replaced.

    Args:
        model: a backbone, a recommender or any module.
        bits: of a number, 8, 4 or 2.
        per: what has a scale: "field" (8 bytes each), or "row" (4 bytes each), which rounds less coarsely.
        where: paths of what to round, as `named_modules` has them; None takes all but first-order weights,
            `linear`.

    Raises:
        UnknownName: there is no embedding at a path.
        LfmpError: nothing to round, a table that is still trained or rounded already, numbers that can't be
            rounded, or an embedding that does what a table does not.

    Example:
        >>> import torch
        >>> from lfmp_core import DeepFM, quantise_
        >>> model = DeepFM([1000, 2000, 3000], embedding_dim=16, seed=0)
        >>> before = model.table.num_bytes(), model.table(torch.tensor([7, 4000]))
        >>> after = quantise_(model, bits=4).table
        >>> before[0], after.num_bytes()
        (384000, 48024)
        >>> bool((after(torch.tensor([7, 4000])) - before[1]).abs().max() < 0.01)
        True
    """
    found = chosen_tables(model, where)
    made: dict[str, nn.Module] = {}
    for path, old in found.items():
        try:
            made[path] = QuantisedTable.of(_table(old), bits, per)
        except LfmpError as error:
            raise LfmpError(f"in the place of {path!r}: {error}") from error
    return replace(model, made)


def _table(old: nn.Module) -> Table:
    if isinstance(old, Table):
        return old
    assert isinstance(old, nn.Embedding) and isinstance(old.weight, nn.Parameter)
    size, dim = old.weight.shape
    table = FullTable((size,), dim, std=0, generator=torch.Generator()).train(old.training)
    table.weight = old.weight
    return table
