"""The ledger as tables for its page."""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from itertools import product
from typing import Any

import pandas as pd

from ..claims.claim import Claim, claims_table
from ..show.html import VERDICTS, Bar, Folded, HtmlTable, table, verdict
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


def _reasons(entry: LedgerEntry) -> LinkedLines:
    """Why runs don't judge it, where they don't."""
    return LinkedLines((("", "by runs:", entry.reason),)) if entry.reason else LinkedLines(())


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


ROUTES = {"runs": "runs", "paper": "its own numbers", "nothing": "nothing"}


def explorer_table(ledger: Ledger, only: str = "") -> HtmlTable:
    """A line for each sentence, those that carry their paper first; what judges it unfolds.

    Args:
        only: one verdict; all where empty.
    """
    entries = [e for e in ledger.entries if not only or e.verdict == verdict(only).kind]
    rows = []
    for e in sorted(entries, key=lambda e: not e.sentence.central):
        evidence = LinkedLines((*_evidence(e, ledger).parts, *_findings(e).parts, *_reasons(e).parts))
        tally = e.tally
        parts = {"holds": tally.holds, "fails": tally.fails, "undecided": tally.undecided}
        rows.append(
            {
                "sentence": Folded(e.sentence.words, evidence),
                "verdict": verdict(e.verdict),
                "cases that hold": Bar(parts, f"{tally.holds} of {tally.cases}") if tally.cases else "",
                "by": ROUTES[e.route],
                "its own numbers": VERDICTS[e.by_paper] if e.findings else "",
                "central": "yes" if e.sentence.central else "no",
                "paper": e.sentence.title,
                "place": e.sentence.place,
            }
        )
    columns = ["sentence", "verdict", "cases that hold", "by", "its own numbers", "central", "paper", "place"]
    note = (
        "Central: of the abstract, the contributions, or a benchmark's findings. Cases: of the paper's own "
        "arms; green holds, red does not, blue can't be told. By: what decides; its own numbers stand beside."
    )
    return table(
        pd.DataFrame(rows, columns=columns),
        caption="Every sentence and its verdict",
        note=note,
        facets=["verdict", "by", "central", "paper"],
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
        "Records are the files book/records/DATA/ID.json; of times and memory, the cases of "
        "book/performance/costs.json. The digest is of the sorted ids of the records that the item's page "
        "shows: another set of records has another."
    )
    return table(pd.DataFrame(rows), caption="Evidence", note=note)


def unmatched_table(ledger: Ledger) -> HtmlTable | str:
    """Claims of the pages that quote no sentence of the list."""
    claims: Sequence[Claim] = [claim for _, claim in ledger.unmatched()]
    return claims_table(claims) if claims else "every claim of the pages judges a sentence of the list"
