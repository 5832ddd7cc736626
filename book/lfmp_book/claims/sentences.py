"""The checkable sentences of a paper: words, place, what each is tested by, and how pages quote it."""

from collections.abc import Mapping
from dataclasses import dataclass

from ..evidence import published

AUDIT = "audit"
# name in the published tables → on pages
PAPERS = {"lightfmp": "Light-FMP", "lers": "LERS"}


@dataclass(frozen=True)
class Sentence:
    """One row of `published/<paper>_sentences.csv` that is no part of another.

    Attributes:
        paper: a key of `PAPERS`. id: unique within the paper. place: section, table or figure.
        words: as printed; … stands for what is left out.
        items: of the book, that judge it by runs.
        audited: whether it is held against the paper's own numbers.
        reason: why it can't be tested here, where nothing tests it.
        central: whether it carries its paper: of the abstract, the contributions, or a benchmark's findings.
    """

    id: str
    place: str
    words: str
    items: tuple[str, ...] = ()
    audited: bool = False
    reason: str = ""
    paper: str = ""
    central: bool = False

    @property
    def title(self) -> str:
        """The paper's name on pages."""
        return PAPERS.get(self.paper, self.paper)


@dataclass(frozen=True)
class Quote:
    """A sentence as a page quotes it, whole or in part; a part has a row and an id of its own.

    Attributes:
        sentence: of which it is. place, words: of the quotation.
    """

    sentence: Sentence
    place: str
    words: str


def load_sentences(paper: str) -> Mapping[str, Sentence]:
    """All sentences of a paper by id, in its order.

    Args:
        paper: as in the names of its published tables, such as `lightfmp`.
    """
    found = {}
    for row in _rows(paper):
        by = row["judged_by"].split()
        if not row["part_of"]:
            found[row["id"]] = Sentence(
                id=row["id"],
                place=row["place"],
                words=row["words"],
                items=tuple(name for name in by if name != AUDIT),
                audited=AUDIT in by,
                reason=row["reason"],
                paper=paper,
                central=row["central"] == "yes",
            )
    return found


def quotes(paper: str) -> Mapping[str, Quote]:
    """What pages may quote of a paper by id: each of its sentences, and the parts of some."""
    known = load_sentences(paper)
    return {
        row["id"]: Quote(known[row["part_of"] or row["id"]], row["place"], row["words"])
        for row in _rows(paper)
    }


def _rows(paper: str) -> list[dict[str, str]]:
    rows = published.printed_table(f"{paper}_sentences").fillna("").astype(str).to_dict("records")
    return [{str(key): str(value) for key, value in row.items()} for row in rows]
