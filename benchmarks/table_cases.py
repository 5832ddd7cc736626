"""Which tables take part, how each is made, and what each is held against."""

from collections.abc import Callable, Mapping
from functools import partial
from itertools import product
from typing import Any, get_args

import torch

from lfmp_book.lers.grids import LERS_METHODS, OTHERS
from lfmp_core.embeddings import TABLES, FullTable, Table, table_factory
from lfmp_core.embeddings.compressed import CompressedTable
from lfmp_core.embeddings.memoised import MemoisedTable
from lfmp_core.embeddings.packed import Bits, Per
from lfmp_core.embeddings.quantised import QuantisedTable
from lfmp_core.embeddings.sparse import SparseTable

from .in_process import Case, Group
from .table_contenders import Bench, Drawn, Maker, ProductsAlone, Served, Trained
from .table_references import (
    BytesGather,
    EveryOccurrence,
    NarrowGather,
    SciPyRows,
    SlicesGathered,
    TorchBits,
    TorchProduct,
)

PRUNED = (0.5, 0.8, 0.95)
PRUNED_SHARE = 0.8  # of the one in few bits


def compressed(
    bench: Bench, kind: str, own: Mapping[str, Any], like: type[CompressedTable] | None = None
) -> Maker:
    """What makes a table of the registry at the bench's sparsity.

    Args:
        bench: sizes.
        kind: name in the registry.
        own: settings that the budget does not decide; `tolerance` among them is of the budget.
        like: a table to make of the same settings instead.
    """
    if kind == "full":
        return table_factory("full")
    own = dict(own)
    tolerance = max(own.pop("tolerance", 0.01), bench.tolerance)

    def make(sizes: tuple[int, ...], dim: int, generator: torch.Generator) -> Table:
        settings = TABLES[kind].budget(sizes, dim, bench.sparsity, tolerance=tolerance, **own)
        if like is None:
            return TABLES[kind].make(sizes, dim, settings, generator)
        return like(sizes, dim, settings, generator=generator)

    return make


def _kinds() -> dict[str, tuple[str, dict[str, Any]]]:
    """Label → name in the registry and settings: the plain table and those of the LERS pages."""
    found: dict[str, tuple[str, dict[str, Any]]] = {"full": ("full", {})}
    for label, (method, settings) in {**LERS_METHODS, **OTHERS}.items():
        if method == "table":
            own = dict(settings.get("table_settings", {}))
            if "tolerance" in settings:
                own["tolerance"] = settings["tolerance"]
            found[label] = (settings["table"], own)
    return found


KINDS = _kinds()
TT_BEFORE, DHE_BEFORE = "TT-Rec, slices gathered", "DHE, every occurrence"
DHE_FLOOR = "DHE's matrix products alone"
BEFORE: dict[str, tuple[str, type[CompressedTable]]] = {
    TT_BEFORE: ("TT-Rec", SlicesGathered),
    DHE_BEFORE: ("DHE", EveryOccurrence),
}


def _trained(label: str, like: type[CompressedTable] | None, bench: Bench, drawn: Drawn) -> Trained:
    return Trained(bench, drawn, compressed(bench, *KINDS[label], like))


def _products_alone(bench: Bench, drawn: Drawn) -> ProductsAlone:
    return ProductsAlone(bench, drawn, compressed(bench, *KINDS["DHE"]))


def _training(label: str, **more: Any) -> Case:
    owner, like = BEFORE.get(label, (label, None))
    return Case(label, partial(_trained, owner, like), reference=like is not None, **more)


def _served(label: str, remember: bool, bench: Bench, drawn: Drawn) -> Served:
    generator = torch.Generator().manual_seed(bench.seed)
    table = compressed(bench, *KINDS[label])(bench.sizes, bench.dim, generator)
    drawn.fill_cache(table)
    if isinstance(table, MemoisedTable):
        table.memoise = remember
    table.to(bench.device)
    return Served(drawn, table, table)


def _sparse(sparsity: float, way: Callable[[SparseTable], Any] | None, bench: Bench, drawn: Drawn) -> Served:
    full = FullTable(bench.sizes, bench.dim, std=0.01, generator=torch.Generator().manual_seed(bench.seed))
    weight = full.weight.detach()
    threshold = weight.abs().flatten().kthvalue(max(1, round(sparsity * weight.numel()))).values
    table = SparseTable.of(weight, weight.abs() > threshold, bench.sizes).to(bench.device)
    return Served(drawn, table if way is None else way(table), table if way is None else None)


REMEMBERING = ("tt_rec", "dhe")


def _serving(label: str, *, steps: int = 8) -> list[Case]:
    """A table as it is; of one that remembers its rows, both ways."""
    if KINDS[label][0] not in REMEMBERING:
        return [Case(label, partial(_served, label, True), steps=steps)]
    stored, remembered = f"{label}, as stored", f"{label}, remembered"
    return [
        Case(stored, partial(_served, label, False), steps=steps),
        Case(remembered, partial(_served, label, True), {"before": (stored,)}, steps=8),
    ]


def _pruned(sparsity: float, device: str) -> list[Case]:
    """A sparse table, its floor and, on a CPU, its peers."""
    share = f"{100 * sparsity:g} %"
    ways: dict[str, Callable[[SparseTable], Any]] = {f"gather of as many bytes, {share}": NarrowGather}
    if device == "cpu":
        ways[f"torch, product of CSR, {share}"] = TorchProduct
        ways[f"SciPy, rows of CSR, {share}"] = SciPyRows
    floor, *peers = ways
    held = {"floor": (floor,), "peer": tuple(peers)}
    own = Case(f"CSR, {share}", partial(_sparse, sparsity, None), held, steps=8)
    others = [
        Case(name, partial(_sparse, sparsity, way), reference=True, steps=8) for name, way in ways.items()
    ]
    return [own, *others]


def _rounded(
    label: str, bits: Bits, per: Per, way: Callable[[Any], Any] | None, bench: Bench, drawn: Drawn
) -> Served:
    """A table in few bits: of `KINDS`, or pruned where the label is a share."""
    if label in KINDS:
        made = compressed(bench, *KINDS[label])(
            bench.sizes, bench.dim, torch.Generator().manual_seed(bench.seed)
        )
    else:
        made = _sparse(PRUNED_SHARE, None, bench, drawn).table
    table = QuantisedTable.of(made, bits, per).to(bench.device)
    return Served(drawn, table if way is None else way(table), table if way is None else None)


def _few_bits(device: str) -> list[Case]:
    """The plain table in few bits with its floor and, on a CPU, torch's; a pruned and a compositional one."""
    found = []
    for bits, per in product(get_args(Bits), get_args(Per)):
        name = f"int{bits}, scale per {per}"
        floor, peer = f"gather of as many bytes, {name}", f"torch, {name}"
        held: dict[str, tuple[str, ...]] = {"floor": (floor,)}
        ways: dict[str, Callable[[Any], Any]] = {floor: BytesGather}
        if device == "cpu" and per == "row":
            held["peer"], ways[peer] = (peer,), TorchBits
        found.append(Case(name, partial(_rounded, "full", bits, per, None), held, steps=8))
        found += [
            Case(key, partial(_rounded, "full", bits, per, way), reference=True, steps=8)
            for key, way in ways.items()
        ]
    pruned = f"CSR, {100 * PRUNED_SHARE:g} %"
    return [
        *found,
        Case(pruned, partial(_sparse, PRUNED_SHARE, None), steps=8),
        Case(f"{pruned}, int4", partial(_rounded, pruned, 4, "field", None), steps=8),
        *_serving("QR"),
        Case("QR, int4", partial(_rounded, "QR", 4, "field", None), steps=8),
    ]


def groups(device: str = "cpu") -> dict[str, Group]:
    """All groups, by the key that `--groups` takes."""
    labels = [label for label in KINDS if label != "DHE"]
    training = [_training(label) for label in labels]
    # a step takes seconds, one of every occurrence half a minute
    held: dict[str, tuple[str, ...]] = {"before": (DHE_BEFORE,), "floor": (DHE_FLOOR,)}
    dhe = _training("DHE", steps=1, yardsticks=held)
    floor = Case(DHE_FLOOR, _products_alone, reference=True, steps=1)
    training += [dhe, floor, _training(DHE_BEFORE, steps=1, rounds=2)]
    small = [
        _training("full"),
        _training("TT-Rec", yardsticks={"before": (TT_BEFORE,)}),
        _training(TT_BEFORE, steps=1),
        dhe,
        floor,
        _training(DHE_BEFORE, steps=1),
    ]
    serving = [case for label in labels for case in _serving(label)]
    serving += [
        *_serving("DHE", steps=1),
        *(case for sparsity in PRUNED for case in _pruned(sparsity, device)),
    ]
    return {
        "train": Group("Training", "train", tuple(training)),
        "train_small": Group("Training, small batches", "train", tuple(small), small=True),
        "serve": Group("Serving", "serve", tuple(serving)),
        "bits": Group("Serving in few bits", "serve", (*_serving("full"), *_few_bits(device))),
    }
