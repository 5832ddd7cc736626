"""The ledger: every checkable sentence of the papers with its verdict, computed from records.

A sentence is judged by the claims of the items that have reference records, and by the audit of its paper's
own numbers. An item without records judges nothing.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import pandas as pd

from lfmp_core.errors import LfmpError, check_name
from lfmp_core.experiments.items import get_item, registry
from lfmp_core.experiments.store import store_for
from lfmp_core.settings import digest

from ..claims.claim import Claim
from ..claims.sentences import PAPERS, Sentence, load
from ..evidence import datasets, results
from ..lers import fig2 as lers_fig2
from ..lers import fig6 as lers_fig6
from ..lers.table5 import claims as on_lers
from ..lers.table5 import page as lers_table5
from ..lightfmp import fig2a, fig2b, fig2c, fig2d, fig3, further, recovery, table3
from ..lightfmp.table2 import claims as on_table2
from ..lightfmp.table2 import page as table2
from . import audit

# Items that sentences name before they exist; one that is made moves to the register by itself.
PLANNED = (
    "lightfmp_table2",
    "lightfmp_fig2a",
    "lightfmp_fig2b",
    "lightfmp_fig2c",
    "lightfmp_fig2d",
    "planted_recovery",
    "lers_fig2",
)
# Pages that show another item's runs, so that no item of their name is in the register.
PAGES = {
    "lightfmp_fig2a": "lightfmp_fig2a_phase_times",
    "lightfmp_fig2c": "lightfmp_fig2c_prune_ratio",
    "lers_fig2": "lers_fig2_frequency",
}
# Arms of the book's own making: shown beside the others, without a say on what the paper claims.
BEYOND = ("Light-FMP, one pass",)
UNTESTABLE = "untestable"
NO_RECORDS = "no reference records yet"


Judged = tuple[Sequence[str], Sequence[Claim]]


def _table3() -> Judged:
    reference = results.reference_frame("lightfmp_table3")
    compared = results.load_comparisons("lightfmp_table3", reference)
    return reference.id, [*table3.claims(reference, compared), *further.on_backbones(reference, compared)]


def _fig3() -> Judged:
    reference = results.reference_frame("lightfmp_fig3")
    compared = results.load_comparisons("lightfmp_fig3", reference)
    names, _ = datasets.fields(datasets.description("criteo"))
    return reference.id, [*fig3.claims(reference, compared, names), *further.on_gates(reference, names)]


def _table2() -> Judged:
    reference = results.reference_frame(table2.ITEM)
    compared = _compared(reference, table2.ITEM)
    return list(reference.id), on_table2.claims(reference, compared) if len(reference) else []


def _fig2a() -> Judged:
    reference = fig2a.on_criteo(results.reference_frame(table2.ITEM))
    return list(reference.id), fig2a.claims(reference) if len(reference) else []


def _fig2b() -> Judged:
    reference = fig2b.ablated(results.reference_frame("lightfmp_fig2b"))
    compared = results.load_comparisons("lightfmp_fig2b", reference)
    return list(reference.id), fig2b.claims(reference, compared)


def _fig2c() -> Judged:
    reference = results.reference_frame("lightfmp_fig3")
    compared = results.load_comparisons("lightfmp_fig3", reference)
    return list(reference.id), fig2c.claims(reference, compared)


def _fig2d() -> Judged:
    reference = fig2d.measured(results.reference_frame("lightfmp_fig2d"))
    compared = results.load_comparisons("lightfmp_fig2d", reference)
    return list(reference.id), fig2d.claims(reference, compared)


def _recovery() -> Judged:
    reference = recovery.of_reference()
    return sorted(set(reference.id)), recovery.claims(reference)


def _compared(reference: pd.DataFrame, item: str) -> pd.DataFrame:
    """The comparisons of an item whose records come in data set by data set.

    Raises:
        LfmpError: those of some set are missing.
    """
    compared, without = results.known_comparisons(item, reference)
    if without:
        raise LfmpError("; ".join(without))
    return compared


def _lers_table5() -> Judged:
    reference = lers_table5.reference()
    compared = _compared(reference, lers_table5.ITEM)
    return list(reference.id), on_lers.claims(reference, compared) if len(reference) else []


def _lers_fig2() -> Judged:
    grids = lers_fig2.grids("reference", sets="criteo")  # the sentences speak of its fields
    reference = lers_fig2.curves(grids, store_for("reference"))
    return sorted(set(reference.id)), lers_fig2.claims(reference)


def _lers_fig6() -> Judged:
    reference = lers_fig6.reference()
    return list(reference.id), lers_fig6.claims(reference)


# Item → ids of the reference records that it shows, its own or another item's, and its claims on them.
JUDGES: dict[str, Callable[[], Judged]] = {
    "lightfmp_table3": _table3,
    "lightfmp_fig3": _fig3,
    "lightfmp_table2": _table2,
    "lightfmp_fig2a": _fig2a,
    "lightfmp_fig2b": _fig2b,
    "lightfmp_fig2c": _fig2c,
    "lightfmp_fig2d": _fig2d,
    "planted_recovery": _recovery,
    "lers_table5": _lers_table5,
    "lers_fig2": _lers_fig2,
    "lers_fig6": _lers_fig6,
}


@dataclass(frozen=True)
class Evidence:
    """What one item has to say.

    Attributes:
        item: its name. page: its notebook's name, empty while there is none.
        records: ids of the reference records that it shows, sorted.
        claims: judged on them. reason: why there are none.
    """

    item: str
    page: str = ""
    records: tuple[str, ...] = ()
    claims: tuple[Claim, ...] = ()
    reason: str = ""

    @property
    def digest(self) -> str:
        """12 hex digits that name this very set of records."""
        return digest(list(self.records), 12) if self.records else ""


def gather(item: str) -> Evidence:
    """An item's claims, or why it has none."""
    known = item in registry()
    page = get_item(item).notebook if known else PAGES.get(item, "")
    made = get_item(item).records("reference", store_for("reference")) if known else []
    own = tuple(sorted(r.id for r in made if r.spec.role != "search"))
    if item not in JUDGES:
        return Evidence(item, page, own, reason="its records are not judged yet" if own else NO_RECORDS)
    try:
        ids, claims = JUDGES[item]()
    except LfmpError as error:  # not all records are there, or they were not compared
        return Evidence(item, page, own, reason=str(error))
    return Evidence(item, page, tuple(sorted(ids)), tuple(claims), "" if len(ids) else NO_RECORDS)


def combine(verdicts: Sequence[str]) -> str:
    """One verdict of several: theirs if they agree, else in part; what can't be tested says nothing."""
    told = {v for v in verdicts if v != UNTESTABLE}
    if not told:
        return UNTESTABLE
    return told.pop() if len(told) == 1 else "part"


def arm_of(claim: Claim) -> str:
    """The arm that a claim's place names in brackets; empty where it names none."""
    return claim.place.rpartition("(")[2].rstrip(")") if claim.place.endswith(")") else ""


@dataclass(frozen=True)
class Entry:
    """One sentence with everything that judges it.

    Attributes:
        claims: (item, claim) of the runs. findings: of the audit. waiting: (item, why it says nothing).
    """

    sentence: Sentence
    claims: tuple[tuple[str, Claim], ...] = ()
    findings: tuple[audit.Finding, ...] = ()
    waiting: tuple[tuple[str, str], ...] = ()

    @property
    def by_runs(self) -> str:
        """Verdict of the reference runs of the paper's own arms."""
        return combine([claim.verdict for _, claim in self.claims if arm_of(claim) not in BEYOND])

    @property
    def by_paper(self) -> str:
        """Verdict of the paper's own numbers."""
        return combine([finding.verdict for finding in self.findings])

    @property
    def verdict(self) -> str:
        """The runs' verdict where they have one, else that of the paper's own numbers."""
        return self.by_runs if self.by_runs != UNTESTABLE else self.by_paper

    @property
    def route(self) -> str:
        """What decides: runs, paper, or nothing."""
        return "runs" if self.by_runs != UNTESTABLE else "paper" if self.by_paper != UNTESTABLE else "nothing"

    @property
    def reason(self) -> str:
        """Why nothing decides."""
        waiting = (f"{item}: {why}" for item, why in self.waiting)
        return "; ".join(filter(None, [self.sentence.reason, *waiting]))


@dataclass(frozen=True)
class Ledger:
    """All entries of one or more papers and the evidence that they rest on."""

    entries: tuple[Entry, ...]
    evidence: Mapping[str, Evidence]

    def unmatched(self) -> list[tuple[str, Claim]]:
        """Claims of items that judge no sentence of the list."""
        used = {id(claim) for entry in self.entries for _, claim in entry.claims}
        return [(e.item, c) for e in self.evidence.values() for c in e.claims if id(c) not in used]


def make(papers: str | Sequence[str] = tuple(PAPERS), gatherer: Callable[[str], Evidence] = gather) -> Ledger:
    """The ledger of one or more papers.

    Args:
        papers: as in `sentences.load`. gatherer: item → evidence.

    Raises:
        UnknownName: there is no such paper.
    """
    names = (papers,) if isinstance(papers, str) else papers
    for name in names:
        check_name(name, PAPERS, "paper")
    said = [sentence for paper in names for sentence in load(paper).values()]
    evidence = {item: gatherer(item) for item in dict.fromkeys(item for s in said for item in s.items)}
    found = {paper: audit.findings(paper) for paper in names}
    entries = []
    for sentence in said:
        claims = tuple(
            (item, claim)
            for item in sentence.items
            for claim in evidence[item].claims
            if sentence.quoted_by(claim.words)
        )
        told = {item for item, _ in claims}
        waiting = tuple(
            (item, evidence[item].reason or "its page does not judge this sentence")
            for item in sentence.items
            if item not in told
        )
        findings = tuple(f for f in found[sentence.paper] if sentence.id in f.sentences)
        entries.append(Entry(sentence, claims, findings, waiting))
    return Ledger(tuple(entries), evidence)
