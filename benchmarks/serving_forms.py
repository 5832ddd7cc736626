"""The forms in which a model is served: how each is made, and what its records are called.

Criteo's shape with random weights: what a form costs does not depend on what was learnt. Fields are cut and
rows are drawn at random. How many numbers are left of a table is LERS's middle budget, 80 % removed, unless
the form's name says else.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from math import ceil
from typing import Any

import numpy as np
import torch
from torch import nn

from lfmp_book.lers.grids import LERS_METHODS
from lfmp_core.data.planted import CRITEO_SIZES
from lfmp_core.embeddings import TABLES, FullTable, Table
from lfmp_core.embeddings.packed import Bits
from lfmp_core.embeddings.pair import PairTable
from lfmp_core.embeddings.quantised import QuantisedTable
from lfmp_core.embeddings.ragged import RaggedTable
from lfmp_core.embeddings.registry import TableFactory
from lfmp_core.embeddings.small_dense import smaller_dim
from lfmp_core.embeddings.sparse import SparseTable
from lfmp_core.masking import num_kept
from lfmp_core.models import Backbone, BackboneSettings, build_model
from lfmp_core.surgery import cut, plan_fields

SPARSITY, SPARSER = 0.8, 0.95
RATIOS = (0.25, 0.5, 0.75)
ORIGINAL = "original"


@dataclass(frozen=True)
class Shape:
    """The model that is served in many forms.

    Attributes:
        title: as the page shows it.
        backbone: settings.
        sizes: ids of each field.
    """

    title: str
    backbone: Mapping[str, Any]
    sizes: tuple[int, ...] = CRITEO_SIZES

    def settings(self, **other: Any) -> BackboneSettings:
        """Of the backbone, some of them others."""
        return BackboneSettings.model_validate({**self.backbone, **other})

    def quick(self) -> "Shape":
        """The same in a moment: every part runs, no figure means anything."""
        sizes = tuple(max(2, size // 500) for size in self.sizes)
        return replace(self, backbone={**self.backbone, "hidden": (8,)}, sizes=sizes)


Maker = Callable[[Shape, int], Backbone]


@dataclass(frozen=True)
class Form:
    """One way to serve.

    Attributes:
        name: as the page shows it.
        make: (shape, seed) → the model.
        sparsity: asked of the table; 0: none.
        prune_ratio: share of the fields cut.
        keep: rows that are worked out and kept: "none"; "all", of every id, in the bytes of a plain table; or
            "within", as many as fit beside the compact form into the bytes that `SPARSITY` leaves of one.
        runtimes: by which it is served; those ways of one form that differ in `keep` are our scoring's alone.
    """

    name: str
    make: Maker
    sparsity: float = 0.0
    prune_ratio: float = 0.0
    keep: str = "none"
    runtimes: tuple[str, ...] = ("own", "torch", "onnxruntime")


def _plain(shape: Shape, seed: int) -> Backbone:
    return build_model(shape.settings(), shape.sizes, seed=seed)


def _fields(ratio: float, shape: Shape, seed: int) -> Backbone:
    model, m = _plain(shape, seed), len(shape.sizes)
    # of one order, so that what a smaller ratio cuts a larger one does too
    order = np.random.default_rng(seed).permutation(m)
    return cut(model, plan_fields(model, sorted(order[: num_kept(m, ratio)].tolist())))


def _narrow(shape: Shape, seed: int) -> Backbone:
    # of 16 dimensions no whole number is a fifth
    dim = smaller_dim(shape.sizes, shape.settings().embedding_dim, SPARSITY, tolerance=0.25)
    return build_model(shape.settings(embedding_dim=dim), shape.sizes, seed=seed)


def _composed(label: str, sparsity: float, shape: Shape, seed: int) -> Backbone:
    own = dict(LERS_METHODS[label][1])
    kind, own = TABLES[own["table"]], own.get("table_settings", {})

    def make(sizes: tuple[int, ...], dim: int, generator: torch.Generator) -> Table:
        # a small table, of a trial, has few sizes to choose from
        tolerance = 0.01 if sum(sizes) > 1e5 else 0.5
        return kind.make(sizes, dim, kind.budget(sizes, dim, sparsity, tolerance=tolerance, **own), generator)

    return build_model(shape.settings(), shape.sizes, seed=seed, table=make)


def _served(factory: TableFactory, shape: Shape, seed: int) -> Backbone:
    return build_model(shape.settings(), shape.sizes, seed=seed, table=factory)


def _normal(sizes: Sequence[int], dim: int, generator: torch.Generator) -> torch.Tensor:
    return FullTable(tuple(sizes), dim, std=0.01, generator=generator).weight.detach()


def _largest(sizes: tuple[int, ...], dim: int, generator: torch.Generator) -> Table:
    weight = _normal(sizes, dim, generator)
    least = weight.abs().flatten().kthvalue(round(SPARSITY * weight.numel())).values
    return SparseTable.of(weight, weight.abs() > least, sizes)


def _pair(sizes: tuple[int, ...], dim: int, generator: torch.Generator) -> Table:
    # the buckets of `cerp`, which two tables fill to the budget
    rows = sum(sizes)
    buckets = max(ceil(max(0.129, 0.59 * (1 - SPARSITY)) * rows), ceil(rows**0.5))
    share = min(1.0, (1 - SPARSITY) * rows / (2 * buckets))
    parts = []
    for _ in range(2):
        weight = _normal((buckets,), dim, generator)
        kept = torch.rand(weight.shape, generator=generator) < share
        parts.append(SparseTable.of(weight, kept, (buckets,)))
    return PairTable(sizes, *parts)


def _leading(sizes: tuple[int, ...], dim: int, generator: torch.Generator) -> Table:
    # as OptEmbed's: widths by field, some rows gone
    widths = torch.randint(1, dim // 2, (len(sizes),), generator=generator)
    of_ids = widths.repeat_interleave(torch.tensor(sizes))
    stays = min(1.0, (1 - SPARSITY) * dim * len(of_ids) / float(of_ids.sum()))
    of_ids = of_ids * (torch.rand(len(of_ids), generator=generator) < stays)
    of_ids[0] = widths[0]
    return RaggedTable.pack(_normal(sizes, dim, generator), of_ids, sizes)


def _rounded(bits: Bits, shape: Shape, seed: int) -> Backbone:
    model = _plain(shape, seed)
    tables = {name: QuantisedTable.of(table, bits, "field") for name, table in model.tables().items()}
    model.put(tables)
    return model


def _cut_forms() -> list[Form]:
    return [
        Form(f"fields cut, τ = {ratio:g}", partial(_fields, ratio), prune_ratio=ratio) for ratio in RATIOS
    ]


def _composed_forms(label: str) -> list[Form]:
    """As it is stored, with every row kept, and as much smaller as the rows that are kept take bytes."""
    make = partial(_composed, label, SPARSITY)
    return [
        Form(label, make, SPARSITY),
        Form(f"{label}, rows kept", make, SPARSITY, keep="all", runtimes=("own",)),
        Form(
            f"{label}, {SPARSER:.0%}, rows kept within bytes",
            partial(_composed, label, SPARSER),
            SPARSER,
            keep="within",
            runtimes=("own",),
        ),
    ]


@dataclass(frozen=True)
class Group:
    """Forms of one model, which take turns."""

    shape: Shape
    forms: tuple[Form, ...] = field(default_factory=tuple)


def groups() -> dict[str, Group]:
    """All groups, by the key that `--groups` takes."""
    deep = {"name": "deepfm", "embedding_dim": 16, "hidden": (400, 400, 400), "batch_norm": True}
    whole = Form(ORIGINAL, _plain)
    compressed = [
        Form("smaller dense", _narrow, SPARSITY),
        Form("QR", partial(_composed, "QR", SPARSITY), SPARSITY),
        *_composed_forms("TT-Rec"),
        *_composed_forms("DHE"),
        Form("PEP, MagPrune (CSR)", partial(_served, _largest), SPARSITY),
        Form("CERP (pair of CSR)", partial(_served, _pair), SPARSITY),
        Form("OptEmbed (ragged)", partial(_served, _leading), SPARSITY),
        Form("int8", partial(_rounded, 8)),
        Form("int4", partial(_rounded, 4)),
    ]
    return {
        "deepfm": Group(Shape("DeepFM, D = 16, 400-400-400", deep), (whole, *_cut_forms(), *compressed)),
        "xdeepfm": Group(
            Shape("xDeepFM, CIN 64-64-64, D = 10, 400-400-200", {"name": "xdeepfm"}),
            (whole, *_cut_forms()),
        ),
    }


def parts_of(model: nn.Module) -> dict[str, int]:
    """Numbers of a model's table and bytes of table and model, as stored."""
    assert isinstance(model, Backbone)
    tables = model.tables().values()
    return {
        "embedding_parameters": model.num_embedding_parameters(),
        "table_bytes": sum(table.num_bytes() for table in tables),
        "bytes": model.num_bytes(),
    }
