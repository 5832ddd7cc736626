"""Every backbone of the registry as a function of field sizes, for code that has no settings object."""

import inspect
from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

import torch

from ..bounds import whole_numbers
from ..embeddings.registry import TableFactory
from ..models import REGISTRY, Backbone, build_model

_DOC = """{idea}

    Args:
        field_sizes: ids of each field, the one for values never seen included. A row holds one id a field, in
            one numbering over all fields.
        scalar_fields: positions of the fields that carry a value besides.
        seed: of all starting values, or a generator.
        table: what makes the table, such as `TTRec(sparsity=0.8)`; a plain one by default.
        settings: of `{settings}`: {parameters}.

    Example:
        >>> import torch
        >>> from lfmp_core import {name}
        >>> model = {name}([1000, 2000, 3000], embedding_dim=16, seed=0)
        >>> model.table.num_parameters()
        96000
        >>> model(torch.tensor([[0, 1000, 3000], [999, 2999, 5999]])).shape
        torch.Size([2])
"""


def backbones() -> dict[str, Callable[..., Backbone]]:
    """By the name of the class: what makes a model of it."""
    kinds: dict[str, Any] = dict(REGISTRY)
    return {kind.__name__: _maker(name, kind) for name, kind in kinds.items()}


@cache
def _maker(name: str, kind: type[Backbone]) -> Callable[..., Backbone]:
    def make(
        field_sizes: Sequence[int],
        scalar_fields: Sequence[int] = (),
        *,
        seed: int | torch.Generator = 0,
        table: TableFactory | None = None,
        **settings: Any,
    ) -> Backbone:
        sizes = whole_numbers("field_sizes", field_sizes, at_least=1)
        scalars = whole_numbers("scalar_fields", scalar_fields, at_least=0, below=len(sizes))
        own = kind.settings_type(name=name, **settings)
        return build_model(own, sizes, scalars, seed=seed, table=table)

    make.__name__ = make.__qualname__ = kind.__name__
    make.__module__ = __name__.partition(".")[0]
    make.__doc__ = _DOC.format(
        name=kind.__name__,
        idea=inspect.getdoc(kind) or kind.__name__,
        settings=kind.settings_type.__name__,
        parameters=", ".join(key for key in kind.settings_type.model_fields if key != "name"),
    )
    return make
