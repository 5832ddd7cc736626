"""What the ledger, the audit and the records answer: how much of the papers stands."""

from collections import Counter
from collections.abc import Iterable

from lfmp_core.experiments.items import registry
from lfmp_core.experiments.stamp import outdated
from lfmp_core.experiments.store import store_for

from ..claims import sentences
from ..show.answer import Answer
from ..show.html import VERDICTS
from ..show.words import listed, number
from . import audit
from .ledger import Ledger

# of several sentences
MANY = VERDICTS | {"holds": "hold", "part": "hold in part", "fails": "do not hold", "slip": "slips"}


def verdict_counts(verdicts: Iterable[str]) -> str:
    """How many there are of each verdict that there is, in words."""
    counts = Counter(verdicts)
    words = {kind: VERDICTS[kind] if counts[kind] == 1 else word for kind, word in MANY.items()}
    return ", ".join(f"{counts[kind]} {word}" for kind, word in words.items() if counts[kind])


def of_ledger(ledger: Ledger) -> Answer:
    """How many sentences stand, of each paper, and of those that carry it."""
    said = []
    for title in dict.fromkeys(e.sentence.title for e in ledger.entries):
        own = [e for e in ledger.entries if e.sentence.title == title]
        central = [e for e in own if e.sentence.central]
        said.append(
            f"**{title}**, {len(own)} sentences: {verdict_counts(e.verdict for e in own)}. Of the "
            f"{len(central)} "
            f"that carry it (abstract, contributions, findings): "
            f"{verdict_counts(e.verdict for e in central)}."
        )
    runs = [e for e in ledger.entries if e.route == "runs"]
    groups = {e.evidence for e in runs}
    said.append(
        f"Reference runs judge {len(runs)} of them on {len(groups)} distinct pieces of evidence: "
        "sentences that say the same stand and fall together."
    )
    records = sum(len(e.records) for e in ledger.evidence.values())
    return Answer(
        tuple(said),
        f"{records:,} records over "
        f"{number(sum(bool(e.records) for e in ledger.evidence.values()), 'item')}. Undecided: "
        "intervals or seconds can't tell, on samples of the papers' rows. A slip is off in print and "
        "changes nothing.",
    )


def of_audit() -> Answer:
    """How many findings there are of each verdict, paper by paper."""
    said = []
    for paper, title in sentences.PAPERS.items():
        found = audit.audit_findings(paper)
        off = sum(f.beyond_rounding is True for f in found)
        said.append(
            f"**{title}**, {len(found)} findings: {verdict_counts(f.verdict for f in found)}. "
            f"{number(off, 'difference')} beyond rounding."
        )
    return Answer(
        tuple(said),
        "Arithmetic on printed numbers, carried through as intervals; words against words are a reading. No "
        "run is used.",
    )


def of_records() -> Answer:
    """How many reference records there are, and how many are stale."""
    store, ids, stale, missing = store_for("reference"), set(), set(), []
    for name, item in sorted(registry().items()):
        records = item.records("reference", store) if "reference" in item.profiles else []
        ids |= {record.id for record in records}
        if not records and "reference" in item.profiles:
            missing.append(name)
        stale |= {record.id for record in records if outdated(record)}
    return Answer(
        (
            f"**{len(ids):,} reference records are committed, {len(stale):,} of them stale**: made when the "
            "code computed "
            "other numbers. They are marked ° where they show, and compared only with their like.",
            f"Items without any: {listed(missing)}.",
        ),
    )
