"""What every backbone is: a table, an optional first-order term, and an interaction part."""

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import torch
from pydantic import Field, ModelWrapValidatorHandler, field_validator, model_validator
from torch import Tensor, nn

from ..axes import FieldAxis
from ..embeddings import FullTable, Table
from ..embeddings.registry import TableFactory
from ..errors import IdError, LfmpError, check_name
from ..registry import Registry
from ..settings import Settings
from .batch import ClickBatch
from .model import Model


class BackboneSettings(Settings):
    """What the settings of every backbone have; each has a class of its own, and sizes of its own in it.

    Called by this name, it makes those of the backbone that is named. Light-FMP §3.4 gives D = 10.

    Example:
        >>> from lfmp_core import BackboneSettings
        >>> settings = BackboneSettings(name="deepfm", embedding_dim=16)
        >>> type(settings).__name__, settings.hidden
        ('DeepFMSettings', (400, 400, 200))
        >>> BackboneSettings(name="deepfm", embeding_dim=16)
        Traceback (most recent call last):
        lfmp_core.errors.UnknownName: unknown DeepFMSettings parameter 'embeding_dim'; did you mean ...
    """

    name: str
    embedding_dim: int = Field(10, ge=1)
    dropout: float = Field(0.0, ge=0, lt=1)
    batch_norm: bool = False
    init_std: float = Field(0.01, ge=0)

    def __new__(cls, **settings: Any) -> "BackboneSettings":
        return super().__new__(_type_of(settings) if cls is BackboneSettings and "name" in settings else cls)

    @model_validator(mode="wrap")
    @classmethod
    def _of_the_named(cls, data: Any, handler: ModelWrapValidatorHandler) -> Any:
        if cls is BackboneSettings and isinstance(data, dict) and "name" in data:
            return _type_of(data).model_validate(data)
        return handler(data)

    @field_validator("name")
    @classmethod
    def _known(cls, name: str) -> str:
        if (own := REGISTRY[name].settings_type) is not cls:
            raise ValueError(f"the backbone {name!r} takes {own.__name__}")
        return name

    @classmethod
    def read(cls, stored: Mapping[str, Any]) -> "BackboneSettings":
        """Settings of a stored run or model, which may say anything of what its backbone does not have.

        One class once had the sizes of six backbones, and some runs have one for all of them in their id.
        """
        own = _type_of(stored)
        return own.model_validate({key: value for key, value in stored.items() if key not in own.former})


# `former` of the backbones that once had one class of settings for all: what each of them does not have
SHARED: Mapping[str, Any] = {"cin": (64, 64, 64), "product": "inner"}


class Backbone(Model):
    """A model of click logits over the rows of one data set.

    logit = b + [Σ_f w_{x_f}] + interaction(e), with e_f = E[x_f] (times the value, in a scalar field) and,
    where gates are given, e_f ← z_f e_f.

    A `controller`, where one is set, stands between table and interaction: e ← controller(e), [B, m, D] both.

    A backbone reads the data set's own rows, whatever was cut from it: `columns` are the input columns
    that it still has, `shift` what each column's global ids lost when other fields' rows went.

    Args:
        settings: sizes.
        field_sizes: ids of each field that the model has.
        scalar_fields: which of those fields carry a scalar value.
        generator: source of all initial values.
        table: makes the table from (field_sizes, D, generator); a plain one by default.
    """

    kind: ClassVar[str]  # its name in the registry; this and the next by `register`
    settings_type: ClassVar[type[BackboneSettings]]
    first_order: ClassVar[bool] = True
    decayed = ("table", "linear")
    # buffers that speak of the rows that a model is given, and of its fields there: a cut model has its own
    input_buffers: ClassVar = frozenset({"columns", "shift", "value_columns", "first", "last"})
    columns: Tensor
    shift: Tensor
    value_columns: Tensor
    first: Tensor
    last: Tensor

    def __init__(
        self,
        settings: BackboneSettings,
        field_sizes: Sequence[int],
        scalar_fields: Sequence[int] = (),
        *,
        generator: torch.Generator,
        table: TableFactory | None = None,
    ):
        super().__init__()
        own = vars(type(self)).get("kind", settings.name)
        if own != settings.name:
            raise LfmpError(
                f"{type(self).__name__} is the backbone {own!r}, its settings say {settings.name!r}: "
                f"give them name={own!r}, or take build_model"
            )
        self.settings, self.field_sizes = settings, tuple(field_sizes)
        self.scalar_fields = tuple(scalar_fields)
        if min(self.field_sizes, default=0) < 1:
            raise ValueError(f"needs fields of at least one id each, not {self.field_sizes}")
        m, std = len(self.field_sizes), settings.init_std
        make = table or (lambda sizes, dim, g: FullTable(sizes, dim, std=std, generator=g))
        self.table = make(self.field_sizes, settings.embedding_dim, generator)
        self.linear = FullTable(self.field_sizes, 1, std=0, generator=generator) if self.first_order else None
        self.bias = nn.Parameter(torch.zeros(()))
        self.controller: nn.Module | None = None
        self.register_buffer("columns", torch.arange(m))
        self.register_buffer("shift", torch.zeros(m, dtype=torch.int32))
        self.register_buffer("value_columns", torch.arange(len(self.scalar_fields)))
        edges = torch.tensor([0, *self.field_sizes]).cumsum(0)
        self.register_buffer("first", edges[:-1].int(), persistent=False)
        self.register_buffer("last", (edges[1:] - 1).int(), persistent=False)
        self.whole, self.row_width, self.value_width = True, m, len(self.scalar_fields)
        self.build(generator)

    @property
    def num_fields(self) -> int:
        """m, the fields that the model reads."""
        return len(self.field_sizes)

    @abstractmethod
    def build(self, generator: torch.Generator) -> None:
        """Make the interaction part's layers."""

    @abstractmethod
    def interact(self, e: Tensor) -> Tensor:
        """Logits [B] of the interaction part for field vectors e [B, m, D]."""

    def forward(
        self,
        ids: Tensor,
        values: Tensor | None = None,
        gate: Tensor | None = None,
        *,
        gate_linear: bool = False,
    ) -> Tensor:
        """Logits [B].

        Args:
            ids: the data set's global ids [B, m of the data set], an integer type.
            values: the data set's scalar values [B, s], where it has scalar fields.
            gate: z [m of the model], multiplied into the field vectors.
            gate_linear: multiply the first-order weights by the gate too.

        Raises:
            IdError: an id is not one of its field's.
            ValueError: the rows, or the table, are not as wide as the model.
        """
        if ids.shape[1] != self.row_width:
            raise ValueError(f"rows of {ids.shape[1]} ids given to a model of rows of {self.row_width}")
        if values is not None and values.shape[1] != self.value_width:
            width = self.value_width
            raise ValueError(f"rows of {values.shape[1]} values given to a model of rows of {width}")
        if self.table.field_sizes != self.field_sizes:
            raise ValueError(f"a table for other fields: {self.table.field_sizes}, not {self.field_sizes}")
        ids = self._own(ids)
        if not self.whole:
            values = None if values is None else values.index_select(1, self.value_columns)
        logit: Tensor = self.bias
        e = self._scaled(self.table.unchecked(ids), values)
        if gate is not None:
            e = e * gate.unsqueeze(-1)
        if self.controller is not None:
            e = self.controller(e)
        if self.linear is not None:
            w = self._scaled(self.linear.unchecked(ids), values)
            if gate is not None and gate_linear:
                w = w * gate.unsqueeze(-1)
            logit = logit + w.sum((1, 2))
        return logit + self.interact(e)

    def _own(self, ids: Tensor) -> Tensor:
        """Ids of the model's own fields in its own numbering [B, m], each known to be its field's.

        On a GPU the check waits for the device, once a batch. An exported graph can't refuse: there an id
        that its field doesn't have is its unseen value.
        """
        own = ids if self.whole else ids.index_select(1, self.columns) - self.shift
        if torch.compiler.is_exporting():
            return torch.where((own < self.first) | (own > self.last), self.first, own)
        # two reductions: a third of the time of comparing every id
        if len(own) and bool(((own.amin(0) < self.first) | (own.amax(0) > self.last)).any()):
            row, f = ((own < self.first) | (own > self.last)).nonzero()[0].tolist()
            low, high = (int(edge[f] + self.shift[f]) for edge in (self.first, self.last))
            column = int(self.columns[f])
            raise IdError(
                f"row {row} of these, field {column}: id {int(ids[row, column])}, which has {low} to {high}. "
                "The rows are damaged, or of another data set than the model"
            )
        return own

    def _scaled(self, e: Tensor, values: Tensor | None) -> Tensor:
        if not self.scalar_fields:
            return e
        if values is None:
            raise ValueError(f"fields {self.scalar_fields} are scalar: pass their values [B, s]")
        factors = e.new_ones(e.shape[:2])
        factors[:, list(self.scalar_fields)] = values.to(e)
        return e * factors.unsqueeze(-1)

    def restrict(
        self,
        fields: Sequence[int],
        field_sizes: Sequence[int],
        scalar_fields: Sequence[int] = (),
        parent: "Backbone | None" = None,
    ) -> None:
        """Read only `fields` of the rows that a model with `field_sizes` and `scalar_fields` reads.

        Args:
            fields: positions among those sizes; this model was made with their sizes.
            parent: the model with those sizes, where it is itself restricted; None for the whole data set.
        """
        kept = torch.tensor(list(fields), dtype=torch.long)
        starts = torch.tensor([0, *field_sizes]).cumsum(0)[kept]
        own = torch.tensor([0, *self.field_sizes]).cumsum(0)[:-1]
        values = [list(scalar_fields).index(f) for f in fields if f in scalar_fields]
        pick = torch.tensor(values, dtype=torch.long)
        self.columns.copy_(kept if parent is None else parent.columns[kept])
        self.shift.copy_(starts - own + (0 if parent is None else parent.shift[kept]))
        self.value_columns.copy_(pick if parent is None else parent.value_columns[pick])
        self.row_width = len(field_sizes) if parent is None else parent.row_width
        self.value_width = len(scalar_fields) if parent is None else parent.value_width
        self.whole = False

    def inputs(self) -> dict[str, bool | int]:
        """What a model knows of the rows that it is given, beside `input_buffers`; JSON-able."""
        return {"whole": self.whole, "row_width": self.row_width, "value_width": self.value_width}

    def set_inputs(self, *, whole: bool, row_width: int, value_width: int) -> None:
        """Take over what `inputs` of a model of the same fields said."""
        self.whole, self.row_width, self.value_width = whole, row_width, value_width

    @torch.no_grad()
    def copy_statistics(self, other: "Backbone") -> None:
        """Take over what a model with other fields has besides parameters and inputs: batch statistics."""
        theirs = dict(other.named_buffers())
        for name, buffer in self.named_buffers():
            if name not in self.input_buffers and name in theirs and buffer.shape == theirs[name].shape:
                buffer.copy_(theirs[name])

    def deep_inputs(self) -> tuple[FieldAxis, ...]:
        """Input axis of an MLP over the flattened field vectors."""
        return (FieldAxis.fields(self.num_fields, self.settings.embedding_dim),)

    def tables(self) -> dict[str, Table]:
        return {"table": self.table}

    def read(self, batch: ClickBatch) -> dict[str, Tensor]:
        return {"table": batch.ids}


REGISTRY: Registry[type[Backbone]] = Registry("backbone")
register = REGISTRY.register


def _type_of(settings: Mapping[str, Any]) -> type[BackboneSettings]:
    """The class of settings that say which backbone they are of."""
    return REGISTRY[check_name(settings["name"], REGISTRY, "backbone")].settings_type


def build_model(
    settings: BackboneSettings,
    field_sizes: Sequence[int],
    scalar_fields: Sequence[int] = (),
    *,
    seed: int | torch.Generator,
    table: TableFactory | None = None,
    fields: Sequence[int] | None = None,
) -> Backbone:
    """A freshly initialised backbone.

    Args:
        settings, field_sizes, scalar_fields, table: see `Backbone`.
        seed: an integer or a generator.
        fields: read only these fields of the data set; None reads all.
    """
    generator = seed if isinstance(seed, torch.Generator) else torch.Generator().manual_seed(seed)
    if fields is None:
        return REGISTRY[settings.name](settings, field_sizes, scalar_fields, generator=generator, table=table)
    sizes = [field_sizes[f] for f in fields]
    scalars = [i for i, f in enumerate(fields) if f in scalar_fields]
    model = REGISTRY[settings.name](settings, sizes, scalars, generator=generator, table=table)
    model.restrict(fields, field_sizes, scalar_fields)
    return model
