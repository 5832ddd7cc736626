"""LERS's Table 1: what each method learns, and which file implements it."""

import inspect
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

import lfmp_core
from lfmp_core.embeddings.dhe import DHETable
from lfmp_core.embeddings.hashing import HashingTable
from lfmp_core.embeddings.memcom import MEmComTable
from lfmp_core.embeddings.mixed_dimension import MixedDimensionTable
from lfmp_core.embeddings.qr import QRTable
from lfmp_core.embeddings.tt_rec import TTRecTable
from lfmp_core.methods import compression as c

from ..evidence import published
from ..show.html import HtmlTable, table
from .cf_arms import METHODS as LISTED

LETTERS = {"P": "pruning", "C": "composition", "N": "search for an architecture"}


@dataclass(frozen=True)
class Listed:
    """One method of the taxonomy.

    Attributes:
        label: as the pages of LERS have it. printed: its name in Table 1, where it is there.
        letters: of `LETTERS`; none where sizes follow a rule and nothing is shared or pruned.
        learnt: what training decides.
        trained: numbers of the table while it learns: "the budget", "all", or what else.
        thing: table or procedure that implements it.
    """

    label: str
    printed: str | None
    letters: str
    learnt: str
    trained: str
    thing: Callable[..., Any]

    @property
    def file(self) -> str:
        """Where it is implemented."""
        path = inspect.getsourcefile(inspect.unwrap(self.thing)) or ""
        return Path(path).relative_to(Path(lfmp_core.__file__).parent).as_posix()

    @property
    def tasks(self) -> str:
        """What it is run on in this book; OptEmbed on pairs is OptEmbed-D, without its mask of rows."""
        return "both" if {self.label, f"{self.label}-D"} & set(LISTED) else "clicks"

    @property
    def source(self) -> str:
        """The papers that its docstring names."""
        found = re.search(r"Source: (.+?)(?:;|\.\n|\.?$)", inspect.getdoc(self.thing) or "", re.DOTALL)
        return " ".join(found[1].split()) if found else ""


TAXONOMY = (
    Listed("QR", "QR", "C", "rows of two small tables, multiplied", "the budget", QRTable),
    Listed("TT-Rec", "TTRec", "C", "cores of a tensor train; rows of a cache", "the budget", TTRecTable),
    Listed("DHE", "DHE", "C", "a network over fixed hashes of the id", "the budget", DHETable),
    Listed("PEP", "PEP", "P", "which numbers stay, by one rising threshold", "all", c.pep),
    Listed("OptEmbed", "OptEmb", "PN", "which rows stay; a width for each field", "all", c.optembed_budget),
    Listed("CERP", "CERP", "PC", "which numbers stay of two small tables, added", "two tables", c.cerp),
    Listed("MagPrune", None, "P", "nothing but the numbers; the smallest go last", "all", c.magprune),
    Listed("hashing", None, "C", "rows that ids share at random", "the budget", HashingTable),
    Listed("MEmCom", None, "C", "shared rows, and a factor for each id", "the budget", MEmComTable),
    Listed("mixed dimension", None, "", "short rows, and their maps to D", "the budget", MixedDimensionTable),
    Listed("DeepLight", None, "P", "which numbers stay, fewer every few steps", "all", c.deeplight),
    Listed("SSEDS", None, "P", "which columns of a field stay, by one gradient", "all", c.sseds),
    Listed("DSL", None, "P", "which numbers stay; dropped ones may return", "all, masked", c.dsl),
    Listed("AutoDim", None, "N", "a dimension for each field", "all candidates", c.autodim),
    Listed("smaller dense", None, "", "a plain table of fewer dimensions", "the budget", c.smaller_dense),
)  # fmt: skip


def printed_letters(name: str | None) -> str | None:
    """P, C and N that Table 1 dots for a method; None of one that it doesn't list."""
    rows = published.printed_table("lers_table1").set_index("method")
    if name not in rows.index:
        return None
    return "".join(letter for letter in LETTERS if rows.loc[name, letter] == "•")


def taxonomy_table() -> HtmlTable:
    """Every method: letters as printed and here, what is learnt, numbers while training, file, source."""
    years = published.printed_table("lers_table1").set_index("method")
    rows = []
    for entry in TAXONOMY:
        row = years.loc[entry.printed] if entry.printed else None
        rows.append(
            {
                "method": entry.label,
                "paper": None if row is None else f"{row.venue} {row.year}",
                "dotted there": printed_letters(entry.printed),
                "here": entry.letters or None,
                "what is learnt": entry.learnt,
                "trained": entry.trained,
                "run on": entry.tasks,
                "lfmp_core/": entry.file,
                "source": entry.source,
            }
        )
    note = "; ".join(f"{letter}: {words}" for letter, words in LETTERS.items())
    note += (
        ". Trained: numbers of the table while it learns. Run on: clicks, or pairs of users and items too."
    )
    parts = ["in Table 1" if e.printed else "not in it" for e in TAXONOMY]
    return table(pd.DataFrame(rows), caption="Methods and their files", note=note, rule=parts)
