"""Tables and badges for the pages: the same input gives the same bytes, so stored outputs can be compared.

No random ids, no styles inside: the look is in `_static/book.css`. A table has a plain-text form too, for
terminals and for readers of a diff.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from html import escape
from typing import Any, Literal

import pandas as pd

from lfmp_core.errors import check_name

VERDICTS = {
    "holds": "holds",
    "part": "holds in part",
    "fails": "does not hold",
    "undecided": "undecided",
    "slip": "slip",
    "untestable": "not testable here",
}
Format = str | Callable[[Any], str]
EMPTY = "–"
STALE = " °"
STALE_NOTE = "° Of records that are stale: the code computes other numbers now, see `lfmp status`."


@dataclass(frozen=True)
class Badge:
    """A verdict as a coloured word; the colour never says anything that the word doesn't."""

    kind: str

    @property
    def text(self) -> str:
        """The word."""
        return VERDICTS[self.kind]

    def _repr_html_(self) -> str:
        return f'<span class="verdict verdict-{self.kind}">{self.text}</span>'

    def __repr__(self) -> str:
        return self.text


def verdict(text: str) -> Badge:
    """The badge of a verdict, given by its kind (`part`) or its words (`holds in part`).

    Raises:
        UnknownName: no such verdict.
    """
    words = {word: kind for kind, word in VERDICTS.items()}
    return Badge(words.get(text) or check_name(text, VERDICTS, "verdict"))


@dataclass(frozen=True)
class Folded:
    """A line in a cell, with more of it to be unfolded.

    Args:
        line: plain text. more: shows itself as HTML.
    """

    line: str
    more: Any

    def _repr_html_(self) -> str:
        inner = self.more._repr_html_()
        return (
            f'<details class="lfmp-fold"><summary>{escape(self.line)}</summary> <div>{inner}</div></details>'
        )

    def __repr__(self) -> str:
        return self.line


@dataclass(frozen=True)
class Bar:
    """Parts of a whole as a bar of colours, with the same in words.

    Args:
        parts: kind of a verdict → how many. words: of it.
    """

    parts: Mapping[str, int]
    words: str

    def _repr_html_(self) -> str:
        spans = "".join(
            f'<i class="bar-{kind}" style="flex:{count}"></i>' for kind, count in self.parts.items() if count
        )
        return f'<span class="lfmp-bar" aria-hidden="true">{spans}</span>{escape(self.words)}'

    def __repr__(self) -> str:
        return self.words


@dataclass(frozen=True)
class Spread:
    """A mean over seeds with its spread; prints as 0.7541 ± 0.0012 and sorts and compares by the mean.

    Args:
        mean, spread: over `count` seeds; spread is None for one seed.
        count: number of seeds.
        digits: decimals shown.
        stale: it is of stale records; a table says what that means.
        ids: of the records that it is of, where they are known; the built book leads to them.
    """

    mean: float
    spread: float | None = None
    count: int = 1
    digits: int = 4
    stale: bool = False
    ids: tuple[str, ...] = field(default=(), compare=False)

    @classmethod
    def of(cls, values: Sequence[float], digits: int = 4, *, stale: bool = False) -> "Spread":
        """Mean and sample standard deviation of the values of the seeds."""
        if not len(values):
            return cls(math.nan, None, 0, digits)
        mean = sum(values) / len(values)
        if len(values) == 1:
            return cls(mean, None, 1, digits, bool(stale))
        deviation = math.sqrt(sum((v - mean) ** 2 for v in values) / (len(values) - 1))
        return cls(mean, deviation, len(values), digits, bool(stale))

    @classmethod
    def over(cls, runs: pd.DataFrame, column: str, digits: int = 4) -> "Spread | None":
        """The same of a column of a cell's runs, see `results.frame`; None without runs."""
        if not len(runs):
            return None
        found = cls.of(runs[column].tolist(), digits, stale=is_stale(runs))
        return replace(found, ids=tuple(runs["id"])) if "id" in runs else found

    def __float__(self) -> float:
        return float(self.mean)

    def __lt__(self, other) -> bool:
        return float(self) < float(other)

    def __repr__(self) -> str:
        if math.isnan(self.mean):
            return EMPTY
        spread = "" if self.spread is None else f" ± {self.spread:.{self.digits}f}"
        return f"{self.mean:.{self.digits}f}{spread}{STALE * self.stale}"

    def _repr_html_(self) -> str:
        if math.isnan(self.mean) or self.spread is None:
            return repr(self)
        spread = f'<span class="spread"> ± {self.spread:.{self.digits}f}</span>'
        return f"{self.mean:.{self.digits}f}{spread}{STALE * self.stale}"


def is_stale(runs: pd.DataFrame) -> bool:
    """Whether a cell's runs are stale; those of one cell all are or none is."""
    return "stale" in runs and bool(runs["stale"].any())


def _missing(value: Any) -> bool:
    return value is None or value is pd.NA or (isinstance(value, float) and math.isnan(value))


def _text(value: Any, form: Format | None) -> str:
    if _missing(value):
        return EMPTY
    if callable(form):
        return form(value)
    if form is not None:
        return format(value, form)
    if isinstance(value, float):
        return f"{value:.4f}"
    if isinstance(value, int) and not isinstance(value, bool):
        return f"{value:,}"
    return str(value)


def _is_number(value: Any) -> bool:
    return isinstance(value, Spread) or (isinstance(value, int | float) and not isinstance(value, bool))


@dataclass(frozen=True)
class HtmlTable:
    """A rendered table: shows itself in a notebook, prints itself in a terminal; without rows, its caption
    alone in a notebook.
    """

    header: list[list[str]]
    cells: list[list[str]]
    plain: list[list[str]]
    classes: list[list[str]]
    numeric: list[bool]
    caption: str | None = None
    note: str | None = None
    starts: frozenset[int] = field(default_factory=frozenset)
    facets: frozenset[int] = field(default_factory=frozenset)
    runs: Mapping[tuple[int, int], tuple[str, ...]] = field(default_factory=dict)  # (row, column) → records

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> tuple[dict, dict]:
        return {}, beside_html(runs_of(self))

    def _repr_html_(self) -> str:
        lines = ['<div class="lfmp-table">']
        if self.caption:
            lines.append(f'<p class="lfmp-caption">{escape(self.caption)}</p>')
        if self.cells or not self.caption:
            lines += self._grid()
        if self.note:
            lines.append(f'<p class="lfmp-note">{escape(self.note)}</p>')
        lines.append("</div>")
        return "\n".join(lines)

    def _grid(self) -> list[str]:
        lines = []
        dense = " lfmp-dense" * (len(self.numeric) > 7)
        lines.append(f'<div class="lfmp-scroll" tabindex="0"><table class="lfmp{dense}">')
        lines.append("<thead>")
        for level, row in enumerate(self.header):
            lines.append("<tr>" + "".join(self._heading(level, row)) + "</tr>")
        lines.append("</thead><tbody>")
        for number, row in enumerate(self.cells):
            start = ' class="group-start"' if number in self.starts else ""
            cells = []
            for column, cell in enumerate(row):
                kind = "num" if self.numeric[column] else "text" * self._wraps(column)
                names = " ".join(filter(None, [kind, self.classes[number][column]]))
                cells.append(f'<td class="{names}">{cell}</td>' if names else f"<td>{cell}</td>")
            lines.append(f"<tr{start}>" + "".join(cells) + "</tr>")
        lines.append("</tbody></table></div>")
        return lines

    def _wraps(self, column: int) -> bool:
        """Whether a column holds sentences, which may break; shorter texts stay on one line."""
        return max((len(row[column]) for row in self.plain), default=0) > 40

    def _heading(self, level: int, row: list[str]):
        last = level == len(self.header) - 1
        column = 0
        while column < len(row):
            span = 1
            while not last and column + span < len(row) and row[column + span] == row[column]:
                span += 1
            names = "num" if last and self.numeric[column] else ("over" if not last and row[column] else "")
            names = "facet" if last and column in self.facets else names
            attributes = f' class="{names}"' * bool(names) + f' colspan="{span}"' * (span > 1)
            yield f'<th scope="col{"group" * (span > 1)}"{attributes}>{escape(row[column])}</th>'
            column += span

    def __repr__(self) -> str:
        head = [[" ".join(filter(None, parts)) for parts in zip(*self.header, strict=True)]]
        rows = head + self.plain
        widths = [max(len(r[c]) for r in rows) for c in range(len(self.numeric))]
        lines = [
            "  ".join(
                cell.rjust(w) if right else cell.ljust(w)
                for cell, w, right in zip(row, widths, self.numeric, strict=True)
            ).rstrip()
            for row in rows
        ]
        lines.insert(1, "  ".join("-" * w for w in widths))
        return "\n".join(
            ([self.caption] if self.caption else []) + lines + ([self.note] if self.note else [])
        )


def table(
    rows: pd.DataFrame,
    *,
    caption: str | None = None,
    formats: Mapping[Any, Format] | None = None,
    highlight: Mapping[Any, Literal["max", "min"]] | None = None,
    group: Any = None,
    rule: Sequence[Any] | None = None,
    note: str | None = None,
    facets: Sequence[Any] = (),
) -> HtmlTable:
    """A table for a page. The index is not shown; columns in two levels make a heading over the heading.

    Args:
        rows: cells may be numbers, text, `Badge`, `Spread`; a missing value shows as a dash.
        caption, note: above and below, plain text.
        formats: column → a format such as `.4f`, or a function to text.
        highlight: column → whether its largest or its smallest value is bold. Values that look the same
            are bold together.
        group: column; the best is sought within each run of equal values, with a rule between the runs.
        rule: a value for each row; a rule between runs of equal values, and the best is sought among all
            rows. It needs no column, and `group` goes before it.
        note: for example how many seeds, how many rows, the record's id.
        facets: columns of few values, by each of which a browser lets choose rows.

    Raises:
        UnknownName: formats, highlight, group or facets name a column that is not there.
    """
    columns = list(rows.columns)
    known = {str(c): c for c in columns}
    for name in [*(formats or {}), *(highlight or {}), *([group] if group is not None else []), *facets]:
        check_name(str(name), known, "column")
    data = {c: rows[c].tolist() for c in columns}
    plain = {c: [_text(v, (formats or {}).get(c)) for v in data[c]] for c in columns}
    count = len(rows)
    starts, runs = [], [range(count)]
    parted = rule if group is None else data[group]
    if parted is not None:
        starts = [i for i in range(count) if i == 0 or parted[i] != parted[i - 1]]
    if group is not None and count:
        runs = [range(a, b) for a, b in zip(starts, [*starts[1:], count], strict=True)]
    classes = [["" for _ in columns] for _ in range(count)]
    for name, which in (highlight or {}).items():
        check_name(which, ("max", "min"), "highlight")
        for run in runs:
            values = {i: float(data[name][i]) for i in run if not _missing(data[name][i])}
            if values:
                best = (max if which == "max" else min)(values, key=values.__getitem__)
                shown = _text(float(data[name][best]), (formats or {}).get(name))
                for i in values:
                    if _text(float(data[name][i]), (formats or {}).get(name)) == shown:
                        classes[i][columns.index(name)] = "best"

    def cell(name, i):
        value = data[name][i]
        if hasattr(value, "_repr_html_") and name not in (formats or {}):
            return value._repr_html_()
        return escape(plain[name][i])

    if any(isinstance(v, Spread) and v.stale for c in columns for v in data[c]):
        note = f"{note.rstrip('.')}. {STALE_NOTE}" if note else STALE_NOTE
    levels = rows.columns.nlevels
    header = [[str(c[level] if levels > 1 else c) for c in columns] for level in range(levels)]
    return HtmlTable(
        header=header,
        cells=[[cell(c, i) for c in columns] for i in range(count)],
        plain=[[plain[c][i] for c in columns] for i in range(count)],
        classes=classes,
        numeric=[any(_is_number(v) for v in data[c]) for c in columns],
        caption=caption,
        note=note,
        starts=frozenset(starts[1:]),
        facets=frozenset(columns.index(name) for name in facets),
        runs={
            (i, k): data[c][i].ids
            for k, c in enumerate(columns)
            for i in range(count)
            if isinstance(data[c][i], Spread) and data[c][i].ids
        },
    )


_OPENED = '<div class="lfmp-table">'


def runs_of(shown: Any) -> list[list[list[Any]]]:
    """For each table that something shows, in their order, [row, column, *ids of records] of its cells."""
    if isinstance(shown, Stack):
        return [own for part in shown.parts for own in runs_of(part)]
    if not isinstance(shown, HtmlTable):
        return []
    inside = shown._repr_html_().count(_OPENED) - 1  # tables that its cells fold away
    return [[[*place, *ids] for place, ids in shown.runs.items()], *([] for _ in range(inside))]


def beside_html(runs: list[list[list[Any]]]) -> dict[str, Any]:
    """The same as what a notebook keeps beside an output, which its comparison leaves out."""
    return {"text/html": {"lfmp_runs": runs}} if any(runs) else {}


@dataclass(frozen=True)
class Stack:
    """Tables and figures one below the other, as one cell's output."""

    parts: tuple[Any, ...]

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> tuple[dict, dict]:
        # what else shows tables would put the count of them wrong
        plain = (HtmlTable, Stack)
        others = (part for part in self.parts if not isinstance(part, plain))
        mixed = any(_OPENED in part._repr_html_() for part in others if hasattr(part, "still"))
        return {}, {} if mixed else beside_html(runs_of(self))

    def _repr_html_(self) -> str:
        return "\n".join(part._repr_html_() for part in self.parts)

    def __repr__(self) -> str:
        return "\n\n".join(repr(part) for part in self.parts)
