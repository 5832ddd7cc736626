"""Sizes of a training that suit the rows of one's own clicks, or the pairs of one's own interactions."""

from collections.abc import Mapping
from typing import Any, NamedTuple, TypeVar, cast

from ..settings import Settings
from .spec import DatasetRef

_FEW_ROWS, _SMALL = 200_000, (128, 64)


def batch_size(rows: int) -> int:
    """B: a power of two near a hundredth of the rows, from 64 to 2,048."""
    return min(2048, max(64, _near(rows / 100)))


def batch_of_pairs(pairs: int) -> int:
    """B: a power of two near a fiftieth of the pairs, from 64 to 16,384: a step of LightGCN costs the same
    whatever its batch."""
    return min(16_384, max(64, _near(pairs / 50)))


def _near(size: float) -> int:
    return 1 << max(0, round(size) - 1).bit_length()


def hidden_layers(rows: int, whole: tuple[int, ...]) -> tuple[int, ...]:
    """Widths of the hidden layers: 128 and 64 below 200,000 rows, `whole` where there are more."""
    return _SMALL if rows < _FEW_ROWS else whole


class Examples(NamedTuple):
    """What one's own data has to learn from.

    Attributes:
        number: of training rows, or of pairs. pairs: they are pairs of users and items.
    """

    number: int
    pairs: bool


def examples(dataset: DatasetRef) -> Examples:
    """Training rows or pairs of one's own data.

    Raises:
        DataError: the data is no longer there.
    """
    from ..data import InteractionData
    from .executor import opened

    data = opened(dataset)
    if isinstance(data, InteractionData):
        return Examples(data.schema.pairs["train"], True)
    return Examples(data.schema.rows["train"], False)


S = TypeVar("S", bound=Mapping[str, Any] | Settings)


def training(settings: S, found: Examples) -> S:
    """A protocol with so many batches an epoch, or as it is where its batches are smaller."""
    own, near = _value(settings, "batch_size"), batch_of_pairs if found.pairs else batch_size
    return settings if own is None else _with(settings, batch_size=min(own, near(found.number)))


def backbone(settings: S, rows: int) -> S:
    """A backbone with hidden layers that suit the rows; one without any as it is."""
    whole = _value(settings, "hidden")
    return settings if whole is None else _with(settings, hidden=hidden_layers(rows, tuple(whole)))


def _value(settings: Mapping[str, Any] | Settings, name: str) -> Any:
    return settings.get(name) if isinstance(settings, Mapping) else getattr(settings, name, None)


def _with(settings: S, **changes: Any) -> S:
    if isinstance(settings, Settings):
        return settings.model_copy(update=changes)
    return cast(S, {**settings, **changes})
