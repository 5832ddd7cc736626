"""One id on its way through every kind of table: each step by hand, held against the table's own look-up."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from matplotlib.figure import Figure
from torch import Tensor, nn
from torch.nn import functional

from lfmp_core.bounds import Bound
from lfmp_core.data.schema import Field, Schema
from lfmp_core.embeddings import FullTable, Table
from lfmp_core.embeddings.dhe import BUCKETS, DHETable
from lfmp_core.embeddings.hashing import HashingTable
from lfmp_core.embeddings.memcom import MEmComTable
from lfmp_core.embeddings.mixed_dimension import MixedDimensionTable
from lfmp_core.embeddings.pair import PairTable
from lfmp_core.embeddings.qr import QRTable
from lfmp_core.embeddings.ragged import RaggedTable
from lfmp_core.embeddings.soft_threshold import SoftThresholdTable
from lfmp_core.embeddings.sparse import SparseTable
from lfmp_core.embeddings.tt_rec import TTRecTable
from lfmp_core.errors import check_name

CLOSE = 1e-6


@dataclass(frozen=True)
class Walk:
    """The way of one id through one table.

    Attributes:
        name: of the table.
        steps: what is looked up or computed, and what it gives; whole numbers, that no processor changes
            unless the table was trained.
        row: the vector by hand [D]. looked_up: the table's own [D].
    """

    name: str
    steps: tuple[tuple[str, Any], ...]
    row: Tensor
    looked_up: Tensor

    @property
    def agrees(self) -> bool:
        """Whether both vectors are the same, up to rounding."""
        return bool((self.row - self.looked_up).abs().max() <= CLOSE)

    def __repr__(self) -> str:
        wide = max(len(what) for what, _ in self.steps)
        lines = [f"{what.ljust(wide)}  {_shown(value)}" for what, value in self.steps]
        same = "yes" if self.agrees else "NO"
        return "\n".join([self.name, *(f"  {line}" for line in lines), f"  as the table says: {same}"])


def _shown(value: Any) -> str:
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, Sequence) and not isinstance(value, str):
        return ", ".join(_shown(v) for v in value) or "none"
    return str(value)


@torch.no_grad()
def _walk(name: str, of: Table, i: int, row: Tensor, *steps: tuple[str, Any]) -> Walk:
    return Walk(name, steps, row.detach(), of.eval()(torch.tensor([i]))[0])


def followed(schema: Schema, field: str, value: int) -> tuple[Field, int]:
    """The field whose id is followed, and the id.

    Args:
        field: its name; empty: C4, of planted rows, else the field with most ids.
        value: the id's place in its field.

    Raises:
        UnknownName: there is no such field. WrongValue: the field has fewer ids.
    """
    names = schema.field_names
    if not field:
        field = "C4" if "C4" in names else max(schema.fields, key=lambda f: f.size).name
    of = schema.fields[names.index(check_name(field, names, "field"))]
    Bound(ge=0, lt=of.size).check(f"value, a place among the ids of {of.name},", value)
    return of, of.offset + value


def full(of: FullTable, i: int) -> Walk:
    """e = E[i]."""
    return _walk("full", of, i, of.weight[i], ("row", i), ("its numbers are shared with", "no other id"))


def hashing(of: HashingTable, i: int) -> Walk:
    """e = U[i mod b]."""
    b = of.settings.buckets
    sharing = len(range(i % b, of.n, b)) - 1
    steps = (("rows b", b), ("row i mod b", i % b), ("other ids in that row", sharing))
    return _walk("hashing", of, i, of.weight[i % b], *steps)


def qr(of: QRTable, i: int) -> Walk:
    """e = E1[i mod p] ⊙ E2[⌊i/p⌋]."""
    quotient, remainder = divmod(i, of.settings.remainders)
    steps = (
        ("rows p and ⌈n/p⌉", (len(of.remainder), len(of.quotient))),
        ("remainder i mod p, row of E1", remainder),
        ("quotient ⌊i/p⌋, row of E2", quotient),
    )
    return _walk("QR", of, i, of.remainder[remainder] * of.quotient[quotient], *steps)


def tt_rec(of: TTRecTable, i: int) -> Walk:
    """e = G_1[i_1] G_2[i_2] ⋯, the i_k mixed-radix digits of i."""
    digits: list[int] = []
    rest = i
    for size in reversed(of.row_split):
        rest, digit = divmod(rest, size)
        digits.insert(0, digit)
    slices = [core[digit] for core, digit in zip(of.cores, digits, strict=True)]
    product = torch.ones(1, 1)
    for part in slices:
        # [numbers so far, r] times [r, d·r′]: each number so far becomes d numbers
        product = (product @ part.flatten(1)).view(-1, part.shape[-1])
    steps = (
        ("n_k, Π n_k ≥ n", tuple(of.row_split)),
        ("d_k, Π d_k = D", tuple(of.dim_split)),
        ("digits of i, most significant first", tuple(digits)),
        ("slices r×d×r′", " · ".join("×".join(map(str, part.shape)) for part in slices)),
    )
    return _walk("TT-Rec", of, i, product.flatten(), *steps)


def dhe(of: DHETable, i: int, shown: int = 4) -> Walk:
    """e = MLP(c), c_j = 2 h_j/(M−1) − 1, h_j = ((a_j(i+1) + b_j) mod p_j) mod M."""
    hashes = [(a * (i + 1) + b) % p % BUCKETS for a, b, p in of.constants.T.tolist()]
    x = torch.tensor([[2 * h / (BUCKETS - 1) - 1 for h in hashes]])
    for layer, linear in enumerate(of.linears):
        assert isinstance(linear, nn.Linear)
        x = x @ linear.weight.T + linear.bias
        if layer < len(of.linears) - 1 or not of.settings.linear_output:
            if of.norms is not None:
                norm = of.norms[layer]
                assert isinstance(norm, nn.BatchNorm1d)
                assert norm.running_mean is not None and norm.running_var is not None
                x = (x - norm.running_mean) / (norm.running_var + norm.eps).sqrt() * norm.weight + norm.bias
            x = x * torch.tanh(functional.softplus(x))
    a, b, p = of.constants[:, 0].tolist()
    steps = (
        ("hashes k, in 0 … M−1", (len(hashes), BUCKETS - 1)),
        ("a, b, p of the first", (a, b, p)),
        (f"first {shown} hashes", tuple(hashes[:shown])),
        ("layers", " → ".join(str(w) for w in (len(hashes), *of.settings.hidden, of.dim))),
    )
    return _walk("DHE", of, i, x[0], *steps)


def memcom(of: MEmComTable, i: int) -> Walk:
    """e = U[i mod b] · V[i]."""
    b = of.settings.buckets
    steps = (("shared rows b", b), ("row i mod b", i % b), ("factor", f"V[{i:,}], its own"))
    return _walk("MEmCom", of, i, of.shared[i % b] * of.scale[i], *steps)


def mixed_dimension(of: MixedDimensionTable, i: int) -> Walk:
    """e = E_f[i − start] P_f."""
    field = int(np.searchsorted(of.starts, i, side="right")) - 1
    d, row = of.settings.dims[field], i - of.starts[field]
    own = of.weight.split(of.sizes)[field].view(-1, d)[row]
    projection = of.projection.split(of.projection_sizes)[field]
    steps = (
        ("field, its ids", (field, of.field_sizes[field])),
        ("numbers a row d_f", d),
        ("row in the field", row),
        ("map P_f", f"{d}×{of.dim}" if len(projection) else "none: d_f = D"),
    )
    e = own @ projection.view(d, of.dim) if len(projection) else own
    return _walk("mixed dimension", of, i, e, *steps)


def pruned(of: SparseTable, mask: Tensor, i: int) -> Walk:
    """A mask's row, stored as the bits of a word, and numbers at places starts[i] … starts[i+1] of all."""
    first, end = of.starts[i : i + 2].tolist()
    row = torch.zeros(of.dim)
    (columns,) = of.bits(torch.tensor([i]))[0].nonzero(as_tuple=True)
    row[columns] = of.values[first:end]
    steps = (
        ("mask, row i", "".join(map(str, mask[i].int().tolist()))),
        ("masks[i], bits of D columns", tuple(of.masks[i].tolist())),
        ("starts[i], starts[i+1]", (first, end)),
        ("columns", tuple(columns.tolist())),
    )
    return _walk("pruned (MagPrune, PEP)", of, i, row, *steps)


def soft_threshold(of: SoftThresholdTable, i: int) -> Walk:
    """e = sign(v)·max(0, |v| − T)."""
    v, t = of.table.weight_view()[i].detach(), of.threshold
    row = v.sign() * (v.abs() - t).clamp(min=0)
    steps = (
        ("numbers of the row over T", int((v.abs() > t).sum())),
        ("numbers of the table over T", of.num_parameters()),
    )
    return _walk("soft threshold (PEP, while it finds)", of, i, row, *steps)


def pair(of: PairTable, i: int) -> Walk:
    """e = P[i mod b] + Q[⌊i/⌈n/b⌉⌋]."""
    b, span = of.buckets, -(-of.rows // of.buckets)
    first, second = i % b, i // span
    p, q = of.first.weight_view()[first], of.second.weight_view()[second]
    steps = (
        ("rows b of each, ⌈n/b⌉", (b, span)),
        ("row i mod b of P", first),
        ("row ⌊i/⌈n/b⌉⌋ of Q", second),
        ("zeros in P's row, in Q's, in both", tuple(int((x == 0).sum()) for x in (p, q, p.abs() + q.abs()))),
    )
    return _walk("pair (CERP)", of, i, p + q, *steps)


def ragged(of: RaggedTable, i: int) -> Walk:
    """The first w_i numbers, w_i = (starts[i+1] − starts[i])·unit."""
    first, end = of.starts[i : i + 2].tolist()
    row = torch.zeros(of.dim)
    row[: (end - first) * of.unit] = of.weight[first:end].flatten()
    steps = (
        ("numbers in a unit", of.unit),
        ("starts[i], starts[i+1]", (first, end)),
        ("width w_i", (end - first) * of.unit),
    )
    return _walk("ragged (OptEmbed)", of, i, row, *steps)


def table_vectors(walks: Sequence[Walk]) -> Figure:
    """The id's vector in every table, each scaled to its largest number; zeros are white."""
    figure = Figure(figsize=(9, 0.4 + 0.32 * len(walks)), layout="constrained")
    axis = figure.subplots()
    image = np.stack([w.row.numpy() / max(float(w.row.abs().max()), 1e-12) for w in walks])
    axis.imshow(image, aspect="auto", cmap="RdBu", vmin=-1, vmax=1)
    axis.set_yticks(range(len(walks)), [w.name for w in walks], fontsize=9)
    axis.set_xticks(range(image.shape[1]))
    axis.set_xlabel("d")
    axis.spines[:].set_visible(False)
    return figure
