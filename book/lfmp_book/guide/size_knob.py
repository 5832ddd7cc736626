"""Bytes of an embedding table by its form, for one's own fields."""

from collections.abc import Sequence

import pandas as pd
import torch

from lfmp_core.embeddings.base import Table
from lfmp_core.embeddings.quantised import QuantisedTable
from lfmp_core.embeddings.registry import TABLES
from lfmp_core.embeddings.small_dense import smaller_dim
from lfmp_core.embeddings.sparse import SparseTable

from ..evidence import datasets
from ..show.html import table
from ..show.touch import Touch

FORMS = {
    "full": "full table",
    "smaller": "fewer dimensions",
    "hashing": "hashing",
    "qr": "QR",
    "tt_rec": "TT-Rec",
    "dhe": "DHE",
    "memcom": "MEmCom",
    "sparse": "pruned (MagPrune, PEP)",
}
SET, DIM, SPARSITY, HASHES = "criteo-threshold-2", 16, 0.8, 128  # where the knob starts
ANY = 1e9  # a tolerance: what comes nearest is taken, and whether it meets the sparsity is said


def made(
    form: str, sizes: Sequence[int], dim: int, sparsity: float, bits: int = 32, hashes: int = HASHES
) -> Table:
    """A table in one of `FORMS`, as near to a sparsity as it can be; its numbers have no meaning.

    Args:
        bits: of a number; below 32 it is rounded, with a step and an offset for each field or factor.
        hashes: of DHE.
    """
    generator, sizes = torch.Generator().manual_seed(0), tuple(sizes)
    if form in ("full", "smaller"):
        own = dim if form == "full" else smaller_dim(sizes, dim, sparsity, tolerance=ANY)
        found: Table = TABLES["full"].make(sizes, own, TABLES["full"].settings_type(), generator)
    elif form == "sparse":
        kept = round((1 - sparsity) * sum(sizes) * dim)
        runs = [kept * size // sum(sizes) for size in sizes]
        for f in range(kept - sum(runs)):
            runs[f] += 1
        mask = torch.cat([torch.arange(n * dim) < k for n, k in zip(sizes, runs, strict=True)])
        found = SparseTable.of(torch.zeros(sum(sizes), dim), mask.view(-1, dim), sizes)
    else:
        kind = TABLES[form]
        own_settings = {"hashes": hashes} if form == "dhe" else {}
        settings = kind.budget(sizes, dim, sparsity, tolerance=ANY, **own_settings)
        found = kind.make(sizes, dim, settings, generator)
    return found if bits == 32 else QuantisedTable.of(found.eval(), bits)  # type: ignore[arg-type]


def size_knob() -> Touch:
    """Fields to paste, and what each form of a table of theirs takes; without scripts those of one set."""
    _, sizes = datasets.fields(datasets.description(SET))
    whole = made("full", sizes, DIM, 0.0).num_bytes()
    rows = []
    for form, name in FORMS.items():
        one = made(form, sizes, DIM, SPARSITY)
        few = QuantisedTable.of(one.eval(), 4)
        rows.append(
            {
                "form": name, "numbers": one.num_parameters(), "bytes": one.num_bytes(),
                "× whole": one.num_bytes() / whole, "bytes at 4 bits": few.num_bytes(),
                "at 4 bits, × whole": few.num_bytes() / whole,
            }
        )  # fmt: skip
    still = table(
        pd.DataFrame(rows),
        caption=f"{datasets.title('criteo')}: bytes of its table by form, at a sparsity of {SPARSITY:.0%}",
        formats={"× whole": ".3f", "at 4 bits, × whole": ".3f"},
        note=f"{len(sizes)} fields, {sum(sizes):,} ids, dimension {DIM}; DHE with {HASHES} hashes. As stored "
        "to be served, with indices, hashes and scales; network and first-order weights stay beside it.",
    )  # fmt: skip
    data = {"sizes": list(sizes), "dim": DIM, "sparsity": SPARSITY, "hashes": HASHES}
    words = (
        "Paste how many ids each of your fields has. Numbers and bytes are those that this project's own "
        "tables report of themselves; the network and first-order weights stay beside them."
    )
    return Touch("bytes", "Bytes of your own table", data, still, words)
