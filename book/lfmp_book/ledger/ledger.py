"""The ledger: every checkable sentence of the papers with its verdict, computed from records.

A sentence is judged by the claims of the items that have reference records, and by the audit of its paper's
own numbers. An item without records judges nothing.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from lfmp_core.errors import LfmpError, check_name
from lfmp_core.settings import digest

from ..claims.cases import Tally
from ..claims.claim import Claim
from ..claims.pending import NOT_YET
from ..claims.sentences import PAPERS, Sentence, load_sentences
from ..lers import judges as lers
from ..lightfmp import judges as lightfmp
from . import audit

UNTESTABLE = "untestable"
# item → the page that judges by its records
JUDGES = {judge.item: judge for judge in (*lightfmp.JUDGES, *lers.JUDGES)}


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


def evidence_of(item: str) -> Evidence:
    """An item's claims, or why it has none."""
    judge = JUDGES[item]
    reference = judge.reference()
    ids = tuple(sorted(set(reference.id)))
    try:
        claims = tuple(judge.claims(reference)) if ids else ()
    except LfmpError as error:  # they were not compared
        return Evidence(item, judge.page, ids, reason=str(error))
    return Evidence(item, judge.page, ids, claims, "" if ids else NOT_YET)


def combine(verdicts: Sequence[str]) -> str:
    """One verdict of several: theirs if they agree, else in part; what can't be tested says nothing.

    As of cases, the undecided keeps what is else all of one kind undecided, but for what more of them refute
    than leave open. A slip counts beside nothing that is worse.
    """
    told = Counter(verdicts)
    if "part" in told or {"holds", "fails"} <= set(told):
        return "part"
    if told["fails"] > told["undecided"]:
        return "fails"
    return next((v for v in ("undecided", "fails", "slip", "holds") if v in told), UNTESTABLE)


@dataclass(frozen=True)
class LedgerEntry:
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
        return combine([claim.verdict for _, claim in self.claims if not claim.beyond])

    @property
    def by_paper(self) -> str:
        """Verdict of the paper's own numbers."""
        return combine([finding.verdict for finding in self.findings])

    @property
    def verdict(self) -> str:
        """The runs' verdict where they have one, else that of the paper's own numbers."""
        return self.by_runs if self.by_runs != UNTESTABLE else self.by_paper

    @property
    def tally(self) -> Tally:
        """Of the cases of the paper's own arms."""
        return Tally.total(claim.tally for _, claim in self.claims if not claim.beyond)

    @property
    def evidence(self) -> frozenset[tuple[str, str, str]]:
        """What runs are asked to judge it: item, arm and test. Sentences that share it stand together."""
        return frozenset((item, claim.arm, claim.test) for item, claim in self.claims if not claim.beyond)

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

    entries: tuple[LedgerEntry, ...]
    evidence: Mapping[str, Evidence]

    def unmatched(self) -> list[tuple[str, Claim]]:
        """Claims of items that judge no sentence of the list."""
        used = {id(claim) for entry in self.entries for _, claim in entry.claims}
        return [(e.item, c) for e in self.evidence.values() for c in e.claims if id(c) not in used]


def make(
    papers: str | Sequence[str] = tuple(PAPERS), gatherer: Callable[[str], Evidence] = evidence_of
) -> Ledger:
    """The ledger of one or more papers.

    Args:
        papers: as in `sentences.load_sentences`. gatherer: item → evidence.

    Raises:
        UnknownName: there is no such paper.
    """
    names = (papers,) if isinstance(papers, str) else papers
    for name in names:
        check_name(name, PAPERS, "paper")
    said = [sentence for paper in names for sentence in load_sentences(paper).values()]
    evidence = {item: gatherer(item) for item in dict.fromkeys(item for s in said for item in s.items)}
    found = {paper: audit.audit_findings(paper) for paper in names}
    entries = []
    for sentence in said:
        claims = tuple(
            (item, claim)
            for item in sentence.items
            for claim in evidence[item].claims
            if sentence.id in claim.sentences
        )
        told = {item for item, _ in claims}
        waiting = tuple(
            (item, evidence[item].reason or "no reference records of what it speaks of yet")
            for item in sentence.items
            if item not in told
        )
        findings = tuple(f for f in found[sentence.paper] if sentence.id in f.sentences)
        entries.append(LedgerEntry(sentence, claims, findings, waiting))
    return Ledger(tuple(entries), evidence)
