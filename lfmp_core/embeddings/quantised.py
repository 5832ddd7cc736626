"""Any trained table in whole codes of 2, 4 or 8 bits."""

import copy
from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar, NamedTuple, get_args

import torch
from torch import Tensor, nn

from ..errors import LfmpError, check_name
from ..kernels import run_kernel
from .base import Table
from .compressed import CompressedTable, NotByField
from .field_columns import FieldColumnsTable
from .full import FullTable
from .lanes import LANES
from .memoised import MemoisedTable
from .packed import Bits, Packed, Per
from .pair import PairTable
from .ragged import RaggedTable
from .registry import TABLES, made_again
from .sparse import SparseTable
from .unpacking import read_leading, read_sparse

# beside those of the registry, the tables that can be rounded, by kind; each is made from its `config()`
SERVED: dict[str, Callable[..., Table]] = {
    form.kind: form for form in (SparseTable, RaggedTable, FieldColumnsTable)
}


class Layout(NamedTuple):
    """How the numbers of a parameter lie: of each run how many, and how many rows; and of each row."""

    runs: list[int]
    rows: list[int]
    lengths: Tensor


def layout(table: Table, path: str) -> Layout | None:
    """Of the parameter at a path; None of a list of numbers that are no rows."""
    weight, own = table.get_parameter(path), table.own_numbers()
    if own is not None and own[0] == path:
        rows = list(table.field_sizes)
        return Layout([int(part.sum()) for part in own[1].split(rows)], rows, own[1])
    if weight.dim() < 2:
        return None
    return Layout([weight.numel()], [len(weight)], torch.full((len(weight),), weight[0].numel()))


class QuantisedTable(Table):
    """e_i as another table has it, with that table's numbers w rounded: ŵ = o + s·q, q in 0..2^b − 1.

    s = (max w − min w)/(2^b − 1) and o = min w, of each field in float32 or of each row in float16; both are
    rounded so that |w − ŵ| ≤ s/2 holds. Rounded is what the form stores: the rows of a plain table, whatever
    was cut from it; the numbers that pruning left, whose index stays as it is; the factors of a compositional
    table, each like the table of one field. Lists that are no rows, such as biases, stay as they are.

    A look-up unpacks the rows that it is asked for, and no others. A form whose rows are worked out of whole
    factors (TT-Rec, DHE, mixed dimensions), or that stores columns by field, is unpacked anew each time.

    It is the form in which a trained table is served (`of`); it is not trained. `num_parameters` counts the
    numbers of the table that was rounded; scales are in `num_bytes` alone. Fields can be cut where they can
    be cut from that table.

    Args:
        of: {"kind", …}: what makes a table like the rounded one, its `config()`.
        bits: b: 2, 4 or 8.
        per: what has a scale of its own: "field", or "row".
        runs: numbers of each field; None where they follow from `of`.

    Source: Jacob et al. 2018, eq. 1, for weights alone, after training.
    """

    kind: ClassVar[str] = "quantised"
    uncuttable = ""  # a form that can't be cut says so itself

    def __init__(
        self, of: Mapping[str, Any], bits: Bits, per: Per = "field", runs: Sequence[int] | None = None
    ):
        super().__init__()
        if bits not in get_args(Bits) or per not in get_args(Per):
            raise LfmpError(f"bits are 2, 4 or 8, a scale is per 'field' or 'row'; not {bits} and {per!r}")
        kind = check_name(str(of["kind"]), (*SERVED, *TABLES), "form of a table")
        arguments = {key: value for key, value in of.items() if key != "kind"}
        self.inner: Any = SERVED[kind](**arguments) if kind in SERVED else made_again(kind, **arguments)
        self.form, self.bits, self.per = dict(of), bits, per
        self.field_sizes, self.dim = self.inner.field_sizes, self.inner.dim
        own = self.inner.own_numbers()
        self.own = own[0] if own else ""
        for path, weight in list(self.inner.named_parameters()):
            found = layout(self.inner, path)
            if found is None:
                continue
            numbers = found.runs if runs is None or path != self.own else runs
            # for a row of a single number two of float16 would be more than it had
            by = per if sum(numbers) > sum(found.rows) else "field"
            place, _, name = path.rpartition(".")
            holder = self.inner.get_submodule(place)
            delattr(holder, name)
            holder.add_module(name, Packed(weight.shape, numbers, found.rows, bits, by))
        if hasattr(self.inner, "field_axes"):
            self.packed()[self.own].lie_by_field()
            del self.inner.field_axes
        self.register_load_state_dict_post_hook(lambda table, keys: table._check())

    @classmethod
    @torch.no_grad()
    def of(cls, table: Table, bits: Bits = 4, per: Per = "field") -> Table:
        """A trained table rounded; a pair of tables is a pair of rounded ones.

        Raises:
            LfmpError: it is still trained, or rounded already; or it has numbers that can't be rounded so.
        """
        if isinstance(table, PairTable):
            parts = (cls.of(part, bits, per) for part in (table.first, table.second))
            return PairTable(table.field_sizes, *parts).train(table.training)
        kind = vars(type(table)).get("kind")  # its own: one that is inherited makes another class
        if kind not in (*SERVED, *TABLES):
            why = "its numbers are rounded already" if kind == cls.kind else "it is still trained"
            raise LfmpError(f"a {type(table).__name__} can't be rounded: {why}")
        plain = {"field_sizes": table.field_sizes, "dim": table.dim, "std": 0.0}
        form = {"kind": kind, **getattr(table, "config", lambda: plain)()}
        own = table.own_numbers()
        found = layout(table, own[0]) if own else None
        made = cls(form, bits, per, found.runs if found else None)
        like = next(table.parameters())
        made.to(like.dtype)
        kept = dict(made.inner.named_parameters()) | dict(made.inner.named_buffers())
        packed = made.packed()
        for path, tensor in [*table.named_parameters(), *table.named_buffers()]:
            if path in packed:
                found = layout(table, path)
                assert found is not None
                packed[path].fill(tensor, found.lengths)
            else:
                kept[path].copy_(tensor)
        return made.to(like.device).train(table.training)

    def packed(self) -> dict[str, Packed]:
        """What is rounded, by its place in the table that was."""
        return {path: part for path, part in self.inner.named_modules() if isinstance(part, Packed)}

    def config(self) -> dict[str, Any]:
        """Arguments that make a table of this shape again."""
        runs = self.packed()[self.own].runs if self.own else None
        return {"of": self.form, "bits": self.bits, "per": self.per, "runs": runs}

    def emptied(self, field_sizes: Sequence[int]) -> "QuantisedTable":
        """A table of this form for other fields, with any values; of one whose fields can be cut."""
        return QuantisedTable(self.form | {"field_sizes": tuple(field_sizes)}, self.bits, self.per)

    def _check(self) -> None:
        """Refuse an index that would lead a look-up astray."""
        if self.own:
            own = self.inner.own_numbers()
            assert own is not None
            numbers = [int(part.sum()) for part in own[1].split(list(self.field_sizes))]
            if numbers != list(self.packed()[self.own].runs):
                raise ValueError("the index of this quantised table is damaged")

    def forward(self, ids: Tensor) -> Tensor:
        kind = type(self.inner)
        if kind is FullTable:
            return self.inner.weight(ids)
        if kind in (SparseTable, RaggedTable):
            return self._uneven(ids.reshape(-1)).reshape(*ids.shape, self.dim)
        if issubclass(kind, CompressedTable) and kind.by_rows:
            return self.inner.exported(ids)
        return self.unpacked().unchecked(ids)

    def _uneven(self, ids: Tensor) -> Tensor:
        """Vectors [k, D] of ids [k] whose rows don't have equally many numbers."""
        inner, packed = self.inner, self.packed()[self.own]
        if not packed.count:
            return packed.like.new_zeros(len(ids), self.dim)
        sparse = isinstance(inner, SparseTable)
        if packed.compiled(ids):
            out = torch.empty(len(ids), LANES * -(-self.dim // LANES))
            index = (inner.starts, inner.masks if sparse else inner.unit)
            kernel = read_sparse if sparse else read_leading
            run_kernel(kernel, ids, packed.edges, packed.begins, *index, *packed.stored(), out)
            return out[:, : self.dim].to(packed.like.dtype)
        ids, starts = ids.long(), inner.starts if sparse else inner.starts * inner.unit
        if sparse:
            bits = inner.bits(ids)
        else:
            bits = torch.arange(self.dim, device=ids.device) < starts.diff()[ids].unsqueeze(1)
        places = packed.first(ids, starts).unsqueeze(1) + bits.long().cumsum(1) - 1
        numbers = packed.at(places.clamp(0), ids)
        return torch.where(bits, numbers, 0).to(packed.like.dtype)

    def unpacked(self) -> Table:
        """A table as the rounded one was, with the numbers that the codes stand for."""
        own = self.inner.own_numbers() if isinstance(self.inner, SparseTable | RaggedTable) else None
        return _unpacked(self.inner, own[1] if own else None)

    def weight_view(self) -> Tensor:
        return self.unpacked().weight_view()

    @torch.no_grad()
    def scale_fields(self, factors: Tensor) -> None:
        if not self.own:
            raise NotByField(f"single fields of a rounded {self.form['kind']} table can't be scaled")
        packed = self.packed()[self.own]
        if packed.per == "row":
            raise NotByField("scales of rows are float16, and would be rounded again: scale, then round")
        packed.scale.mul_(factors.to(packed.scale).unsqueeze(1))


def _unpacked(module: Any, lengths: Tensor | None) -> Any:
    """A copy that shares all but the packed numbers, which are plain ones in it."""
    twin = copy.copy(module)
    twin.__dict__ = dict(module.__dict__)
    twin._parameters, twin._modules, twin.training = dict(module._parameters), {}, False
    for name, part in module._modules.items():
        if isinstance(part, Packed):
            twin._parameters[name] = nn.Parameter(part.dense(lengths), requires_grad=False)
        else:
            twin._modules[name] = None if part is None else _unpacked(part, None)
    if isinstance(twin, MemoisedTable):
        twin.memoise = False  # it is gone after a look-up
    return twin
