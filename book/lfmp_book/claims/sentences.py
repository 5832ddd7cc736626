"""The checkable sentences of a paper: words, place, and what each is tested by."""

from collections.abc import Mapping
from dataclasses import dataclass

from ..evidence import published

AUDIT = "audit"
# name in the published tables → on pages
PAPERS = {"lightfmp": "Light-FMP", "lers": "LERS"}


@dataclass(frozen=True)
class Sentence:
    """One row of `published/<paper>_sentences.csv`.

    Attributes:
        paper: a key of `PAPERS`. id: unique within the paper. place: section, table or figure.
        words: as printed; … stands for what is left out.
        items: of the book, that judge it by runs.
        audited: whether it is held against the paper's own numbers.
        match: parts of the words of claims that judge it; a claim that quotes the sentence needs none.
        reason: why it can't be tested here, where nothing tests it.
    """

    id: str
    place: str
    words: str
    items: tuple[str, ...] = ()
    audited: bool = False
    match: tuple[str, ...] = ()
    reason: str = ""
    paper: str = ""

    @property
    def title(self) -> str:
        """The paper's name on pages."""
        return PAPERS.get(self.paper, self.paper)

    def quoted_by(self, words: str) -> bool:
        """Whether a claim with these words judges this sentence."""
        own, theirs = _plain(self.words), _plain(words)
        parts = [part.strip() for part in theirs.split("…") if part.strip()]
        return all(part in own for part in parts) or any(_plain(m) in theirs for m in self.match)


def load(paper: str) -> Mapping[str, Sentence]:
    """All sentences of a paper by id, in its order.

    Args:
        paper: as in the names of its published tables, such as `lightfmp`.
    """
    rows = published.load(f"{paper}_sentences").fillna("").astype(str)
    found = {}
    for row in rows.to_dict("records"):
        by = row["judged_by"].split()
        found[row["id"]] = Sentence(
            id=row["id"],
            place=row["place"],
            words=row["words"],
            items=tuple(name for name in by if name != AUDIT),
            audited=AUDIT in by,
            match=tuple(part for part in row["match"].split("|") if part),
            reason=row["reason"],
            paper=paper,
        )
    return found


def _plain(text: str) -> str:
    return " ".join(text.replace("’", "'").lower().split()).rstrip(".")
