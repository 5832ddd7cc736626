"""Paper | reference | this run: the table that the pages on results share."""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import pandas as pd

from lfmp_core.metrics import Metric

from .html import HtmlTable, Spread, table

Key = tuple[Any, ...]


@dataclass(frozen=True)
class ResultColumn:
    """One figure of a comparison.

    Args:
        key: its name in the frames of runs and in what the paper prints.
        title: its heading. digits: decimals of mean and spread. best: the end that is bold, if any.
        sides: headings under which it stands; None for all.
        of: (a cell's runs, *its key) → what is shown, in place of their mean ± spread.
    """

    key: str
    title: str
    digits: int = 4
    best: Literal["max", "min"] | None = None
    sides: tuple[str, ...] | None = None
    of: Callable[..., Any] | None = None

    @classmethod
    def measured(cls, metric: Metric) -> "ResultColumn":
        """A metric on the test rows or users, its better end bold."""
        return cls(f"test_{metric.name}", metric.title, best="max" if metric.higher else "min")

    def stands(self, side: str) -> bool:
        """Whether it is shown on a side."""
        return self.sides is None or side in self.sides

    def value(self, runs: pd.DataFrame, key: Key, digits: int) -> Any:
        """What a cell shows of its runs, with at most so many decimals; None of none, or if one lacks it."""
        if self.of is not None:
            return self.of(runs, *key) if len(runs) else None
        if runs[self.key].isna().any():
            return None
        return Spread.over(runs, self.key, min(self.digits, digits))


def keys(by: Iterable[str], *frames: pd.DataFrame) -> list[Key]:
    """The distinct values of some columns, in the order in which the frames have them."""
    columns = list(by)
    return list(dict.fromkeys(k for f in frames for k in f[columns].itertuples(index=False, name=None)))


def comparison(
    rows: Iterable[Key],
    by: Mapping[str, str],
    columns: Sequence[ResultColumn],
    paper: Callable[..., Mapping[str, Any]] | None,
    runs: Mapping[str, pd.DataFrame],
    *,
    head: Mapping[str, Callable[..., Any]] | None = None,
    digits: Mapping[str, int] | None = None,
    bold: Collection[str] | None = None,
    printed: str = "paper",
    **shown: Any,
) -> HtmlTable:
    """A row a key; beside it the same figures as printed and of the runs that have this key.

    Args:
        rows: keys, see `keys`: a value for each column in `by`.
        by: column that tells cells apart → its heading.
        columns: the figures, in their order on each side.
        paper: *key → figures as printed, by `Column.key`; empty where there are none. None: no such side.
        runs: heading of a side → its runs, see `results.frame`. They may be empty; the side stays.
        head: heading → (*key) → what stands there: in place of the value of the key, or beside the key.
        digits: side → decimals at most.
        bold: sides whose best is bold; None for all.
        printed: heading of the paper's side.
        shown: caption, formats, group, rule and note, see `html.table`; a column is (side, title), or
            ("", heading).
    """
    head, digits = head or {}, digits or {}
    headings = list(dict.fromkeys([*by.values(), *head]))
    cells = []
    for key in rows:
        own_head = dict(zip(by.values(), key, strict=True)) | {h: of(*key) for h, of in head.items()}
        row = [own_head[heading] for heading in headings]
        if paper is not None:
            theirs = paper(*key)
            row += [theirs.get(c.key) for c in columns if c.stands(printed)]
        for side, frame in runs.items():
            own = frame
            for name, value in zip(by, key, strict=True):
                own = own[own[name] == value]
            row += [c.value(own, key, digits.get(side, c.digits)) for c in columns if c.stands(side)]
        cells.append(row)
    sides = [*([] if paper is None else [printed]), *runs]
    figures = [(side, c) for side in sides for c in columns if c.stands(side)]
    names = [*(("", heading) for heading in headings), *((side, c.title) for side, c in figures)]
    best = {(side, c.title): c.best for side, c in figures if c.best and (bold is None or side in bold)}
    data = pd.DataFrame(cells, columns=pd.MultiIndex.from_tuples(names))
    return table(data, highlight=best, **shown)


def seed_counts(reference: pd.DataFrame, run: pd.DataFrame, cell: list[str]) -> str:
    """How many seeds a cell of a table stands on, for its note.

    Args:
        cell: columns that tell cells apart.
    """
    told = []
    for heading, data in (("reference", reference), ("this run", run)):
        if len(data):
            counts = data.groupby(cell).size()
            least, most = counts.min(), counts.max()
            told.append(f"{heading}: {least}" + (f" to {most}" if most > least else ""))
    return ", ".join(told)
