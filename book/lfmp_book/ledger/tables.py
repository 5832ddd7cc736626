"""The ledger as tables for its page."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape
from itertools import product
from typing import Any

import pandas as pd

from ..claims.claim import Claim, claims_table
from ..show.html import VERDICTS, HtmlTable, table, verdict
from .ledger import Ledger, LedgerEntry


@dataclass(frozen=True)
class LinkedLines:
    """Several lines in one cell, each with a link before it if it has one.

    Args:
        parts: (page, text of the link, rest of the line); no link where page is empty.
    """

    parts: tuple[tuple[str, str, str], ...]

    def _repr_html_(self) -> str:
        lines = []
        for page, name, rest in self.parts:
            link = f'<a href="{escape(page)}.html">{escape(name)}</a>' if page else escape(name)
            lines.append(f"{link} {escape(rest)}".strip())
        return "<br>".join(lines)

    def __repr__(self) -> str:
        return "; ".join(f"{name} {rest}".strip() for _, name, rest in self.parts)


def _evidence(entry: LedgerEntry, ledger: Ledger) -> LinkedLines:
    lines, last = [], ""
    for item, claim in entry.claims:
        if item != last:
            source, last = ledger.evidence[item], item
            lines.append((source.page, item, f"({len(source.records)} records)"))
        arm = claim.arm.removeprefix("Light-FMP, ") + " (beyond the paper)" * claim.beyond
        told = f"{VERDICTS[claim.verdict]}; {claim.found}"
        lines.append(("", "", f"{arm}: {told}" if arm else told))
    lines += [("", item, f"({reason})") for item, reason in entry.waiting]
    return LinkedLines(tuple(lines))


def _findings(entry: LedgerEntry) -> LinkedLines:
    lines = [("audit", f.against, f"{VERDICTS[f.verdict]}, {f.computed}") for f in entry.findings]
    return LinkedLines(tuple(lines))


def _places(rows: Iterable[dict[str, Any]]) -> list[str]:
    """What the rules of a table part."""
    return [row["place"] for row in rows]


def _rows(entries: Iterable[LedgerEntry], only: str) -> list[LedgerEntry]:
    return [e for e in entries if not only or e.verdict == verdict(only).kind]


def summary_table(ledger: Ledger) -> HtmlTable:
    """How many sentences of each paper there are of each verdict, by what decides them."""
    rows: list[dict[str, Any]] = []
    names = {"runs": "reference runs", "paper": "the paper's own numbers alone", "nothing": "nothing"}
    papers = dict.fromkeys(e.sentence.title for e in ledger.entries)
    for paper, (route, name) in product(papers, names.items()):
        entries = [e for e in ledger.entries if (e.sentence.title, e.route) == (paper, route)]
        counts = {word: sum(e.verdict == kind for e in entries) for kind, word in VERDICTS.items()}
        rows.append({"paper": paper, "decided by": name, "sentences": len(entries), **counts})
    data = pd.DataFrame(rows)
    data.loc[len(data)] = ["all", "all", *data.drop(columns=["paper", "decided by"]).sum()]
    return table(data, caption="Sentences by verdict and by what decides them", group="paper")


def runs_table(ledger: Ledger, only: str = "") -> HtmlTable:
    """Sentences judged by reference runs, with what the paper's own numbers say of them.

    Args:
        only: one verdict; all where empty.
    """
    rows = [
        {
            "sentence": e.sentence.words,
            "place": f"{e.sentence.title}, {e.sentence.place}",
            "own numbers": verdict(e.by_paper) if e.findings else "",
            "verdict": verdict(e.verdict),
            "evidence": _evidence(e, ledger),
        }
        for e in _rows((e for e in ledger.entries if e.route == "runs"), only)
    ]
    columns = ["sentence", "place", "own numbers", "verdict", "evidence"]
    return table(pd.DataFrame(rows, columns=columns), caption="Judged by reference runs", rule=_places(rows))


def paper_table(ledger: Ledger, only: str = "") -> HtmlTable:
    """Sentences that only the paper's own numbers judge, by now or for good."""
    rows = [
        {
            "sentence": e.sentence.words,
            "place": f"{e.sentence.title}, {e.sentence.place}",
            "verdict": verdict(e.verdict),
            "held against": _findings(e),
            "by runs": e.reason or "not a matter of runs",
        }
        for e in _rows((e for e in ledger.entries if e.route == "paper"), only)
    ]
    columns = ["sentence", "place", "verdict", "held against", "by runs"]
    caption = "Judged by the paper's own numbers alone"
    return table(pd.DataFrame(rows, columns=columns), caption=caption, rule=_places(rows))


def undecided_table(ledger: Ledger) -> HtmlTable:
    """Sentences that nothing decides, each with the reason."""
    rows = [
        {
            "sentence": e.sentence.words,
            "place": f"{e.sentence.title}, {e.sentence.place}",
            "verdict": verdict(e.verdict),
            "why": e.reason or "; ".join(f.consequence or f.computed for f in e.findings),
        }
        for e in ledger.entries
        if e.route == "nothing"
    ]
    columns = ["sentence", "place", "verdict", "why"]
    return table(
        pd.DataFrame(rows, columns=columns), caption="Not testable here, or not yet", rule=_places(rows)
    )


def evidence_table(ledger: Ledger) -> HtmlTable:
    """Which records the verdicts rest on."""
    rows = [
        {
            "item": LinkedLines(((e.page if e.records else "", e.item, ""),)),
            "records": len(e.records),
            "their digest": e.digest,
            "claims": len(e.claims),
            "sentences": sum(e.item in {item for item, _ in entry.claims} for entry in ledger.entries),
            "remark": e.reason,
        }
        for e in ledger.evidence.values()
    ]
    note = (
        "Records are the files book/records/DATA/ID.json. The digest is of the sorted ids of the "
        "records that the item's page shows: another set of records has another."
    )
    return table(pd.DataFrame(rows), caption="Evidence", note=note)


def unmatched_table(ledger: Ledger) -> HtmlTable | str:
    """Claims of the pages that quote no sentence of the list."""
    claims: Sequence[Claim] = [claim for _, claim in ledger.unmatched()]
    return claims_table(claims) if claims else "every claim of the pages judges a sentence of the list"
