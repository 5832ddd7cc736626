"""Parts of stored models: what stands where a fresh model has a plain table or nothing."""

from collections.abc import Callable, Sequence
from typing import Any

from torch import nn

from ..embeddings import TABLES, FullTable
from ..embeddings.field_columns import FieldColumnsTable
from ..embeddings.pair import PairTable
from ..embeddings.quantised import QuantisedTable
from ..embeddings.ragged import RaggedTable
from ..embeddings.registry import made_again
from ..embeddings.sparse import SparseTable
from ..errors import LfmpError, check_name
from .controllers import AdaptiveGates, MultiViewGates

# by their `kind`, beside the registry's tables; each is made again, with any values, from the JSON that its
# `config()` gives
PARTS: dict[str, Callable[..., nn.Module]] = {
    **{part.kind: part for part in (RaggedTable, AdaptiveGates, MultiViewGates)},
    **{table.kind: table for table in (SparseTable, FieldColumnsTable, QuantisedTable)},
    PairTable.kind: lambda field_sizes, first, second: _pair(field_sizes, first, second),
}


def configs(model: nn.Module, places: Sequence[str]) -> dict[str, dict[str, Any]]:
    """What the parts in some places of a model are made from, JSON-able; nothing of plain tables.

    Raises:
        LfmpError: one of them is made for training only.
    """
    found = {place: _config(getattr(model, place)) for place in places}
    return {place: part for place, part in found.items() if part}


def _config(part: Any) -> dict[str, Any] | None:
    if part is None or type(part) is FullTable:
        return None
    kind = vars(type(part)).get("kind")  # its own: one that is inherited makes another class
    if kind not in (*PARTS, *TABLES):
        raise LfmpError(f"a {type(part).__name__} is for training; a model with one can't be saved")
    return {"kind": kind, **part.config()}


def restore_parts(model: nn.Module, parts: dict[str, dict[str, Any]], places: Sequence[str]) -> None:
    """Make the parts that `configs` gave, in their places.

    Raises:
        UnknownName: of a place, or of a kind of part.
    """
    for place, part in parts.items():
        setattr(model, check_name(place, places, "part of a model"), _made(**part))


def _pair(field_sizes: Sequence[int], *parts: dict[str, Any]) -> PairTable:
    made: list[Any] = [_made(**{"kind": SparseTable.kind, **part}) for part in parts]
    return PairTable(tuple(field_sizes), *made)


def _made(kind: str, **arguments: Any) -> nn.Module:
    if check_name(kind, (*PARTS, *TABLES), "part of a model") in PARTS:
        return PARTS[kind](**arguments)
    return made_again(kind, **arguments)


def unlike(model: nn.Module, other: nn.Module, *, but: Sequence[str] = ()) -> list[str]:
    """Parts of two models that are not of the same class, as "name (class)".

    Args:
        but: attributes of the models that are not looked at.
    """
    one, two = (
        {(name, type(part)) for name, part in each.named_modules() if name.split(".")[0] not in but}
        for each in (model, other)
    )
    return sorted(f"{name or 'the whole'} ({kind.__name__})" for name, kind in one ^ two)
