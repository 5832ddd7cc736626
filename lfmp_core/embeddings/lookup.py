"""Rows of a plain table, and who looks them up."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar

import torch
from torch import Tensor
from torch.nn import functional

Lookup = Callable[[Tensor], Tensor]
_others: ContextVar[Mapping[int, Lookup]] = ContextVar("lookups")


@contextmanager
def looked_up_by(lookups: Mapping[int, Lookup]) -> Iterator[None]:
    """Let others look rows up inside, whom gradients then reach as rows.

    Args:
        lookups: by id() of a table's weight, what gives rows [..., D] for ids [...].
    """
    token = _others.set(lookups)
    try:
        yield
    finally:
        _others.reset(token)


def rows_of(weight: Tensor, ids: Tensor) -> Tensor:
    """weight[ids]."""
    other = _others.get({}).get(id(weight)) if torch.is_grad_enabled() else None
    return functional.embedding(ids, weight) if other is None else other(ids)
