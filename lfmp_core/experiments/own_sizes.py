"""Sizes of a training that suit the rows of one's own clicks."""

from collections.abc import Mapping
from typing import Any, TypeVar, cast

from ..settings import Settings
from .spec import DatasetRef

_LEAST_BATCH, _MOST_BATCH, _STEPS = 64, 2048, 100
_FEW_ROWS, _SMALL = 200_000, (128, 64)


def batch_size(rows: int) -> int:
    """B: a power of two near a hundredth of the rows, from 64 to 2048."""
    near = 1 << max(0, round(rows / _STEPS) - 1).bit_length()
    return min(_MOST_BATCH, max(_LEAST_BATCH, near))


def hidden_layers(rows: int, whole: tuple[int, ...]) -> tuple[int, ...]:
    """Widths of the hidden layers: 128 and 64 below 200,000 rows, `whole` where there are more."""
    return _SMALL if rows < _FEW_ROWS else whole


def clicks_to_learn_from(dataset: DatasetRef) -> int | None:
    """Training rows of one's own data; None of interactions.

    Raises:
        DataError: the data is no longer there.
    """
    from ..data import Dataset
    from .executor import opened

    data = opened(dataset)
    return data.schema.rows["train"] if isinstance(data, Dataset) else None


S = TypeVar("S", bound=Mapping[str, Any] | Settings)


def training(settings: S, rows: int) -> S:
    """A protocol with about a hundred batches an epoch, or as it is where its batches are smaller."""
    own = _value(settings, "batch_size")
    return settings if own is None else _with(settings, batch_size=min(own, batch_size(rows)))


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
