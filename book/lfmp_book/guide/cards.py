"""The front page's answer: four cards with figures from the records."""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

from IPython.display import display

from lfmp_core.metrics import AUC

from ..evidence.datasets import test_rows
from ..evidence.outcomes import BETTER, EQUAL, UNDECIDED, WORSE
from ..lightfmp.selectors import set_of
from ..show.words import listed, percent
from .effects import Action, cases_of, num_comparisons, of_class
from .known import FIELDS, PRINTED, REPAIRED, TABLE
from .words import BOUNDS, FREE, bounded, field_removals, outcomes_in, shares_of, tables_of

GLUED = "application/papermill.record/"  # by which the book's builder knows what is kept for other pages


@dataclass(frozen=True)
class Card:
    """One answer.

    Attributes:
        title: its question. figure: the number that says most. text: what it counts. page: that shows more.
    """

    title: str
    figure: str
    text: str
    page: str


@dataclass(frozen=True)
class Cards:
    """Cards side by side, for a page that lies one folder above the pages they lead to."""

    cards: tuple[Card, ...]

    def _repr_html_(self) -> str:
        return '<div class="lfmp-cards">' + "".join(map(_html, self.cards)) + "</div>"

    def __repr__(self) -> str:
        return "\n".join(f"{c.title}: {c.figure} {c.text}" for c in self.cards)


def glue(name: str, shown: Any) -> None:
    """Keep what a page shows under a name, for `{glue}` of another page, and show nothing here."""
    outputs = {GLUED + "text/html": shown._repr_html_(), GLUED + "text/plain": repr(shown)}
    display(outputs, raw=True, metadata={"scrapbook": {"name": name, "mime_prefix": GLUED}})


def _html(card: Card) -> str:
    return (
        f'<div class="lfmp-card"><p class="lfmp-card-title">{escape(card.title)}</p>'
        f'<p class="lfmp-card-figure">{escape(card.figure)}</p><p>{escape(card.text)}</p>'
        f'<p><a href="executed/{card.page}.html">{escape(card.title)}: the evidence</a></p></div>'
    )


def cards(found: Sequence[Action]) -> Cards:
    """What can go free, what costs, what does not work, how sure.

    Args:
        found: every way of removing a part; see `known.known`.
    """
    return Cards((_free(found), _costs(found), _never(found), _sure(found)))


def _free(found: Sequence[Action]) -> Card:
    cases, free = cases_of(found), of_class(found, "free")
    equal = sum(c.outcome == EQUAL for c in cases)
    text = (
        f"ways of removing a part are shown to be free; {equal} of {len(cases)} comparisons are equal within "
        f"± {AUC.margin} of test AUC. {len(bounded(found, BOUNDS[0]))} exclude a loss of more than "
        f"{BOUNDS[0]} in every case, {len(bounded(found, BOUNDS[1]))} one of more than {BOUNDS[1]}."
    )
    return Card("What can go free", f"{len(free)} of {len(found)}", text, "decide")


def _costs(found: Sequence[Action]) -> Card:
    own, most = cases_of(field_removals(found)), max(shares_of(found), default=0.0)
    table = cases_of(tables_of(found, most))
    worse = sum(c.outcome == WORSE for c in own)
    text = f"comparisons with half of the fields are worse: {outcomes_in(own)}. "
    text += f"Without {percent(most)} of the table: {outcomes_in(table)}."
    return Card("What costs", f"{worse} of {len(own)}", text, FIELDS.page)


def _never(found: Sequence[Action]) -> Card:
    lost = of_class(found, "never")
    readings = [c for a in field_removals(found) if a.arm in (PRINTED, REPAIRED) for c in a.cases]
    better = sum(c.plain == BETTER for c in readings)
    text = (
        f"ways never pay: worse in some case than {FREE['table']} or {FREE['fields']}, and better in none. "
        f"Light-FMP's gates, as printed or repaired, are better than random fields in {better} of "
        f"{len(readings)} cases."
    )
    return Card("What does not work", f"{len(lost)} of {len(found)}", text, TABLE.page)


def _sure(found: Sequence[Action]) -> Card:
    cases = cases_of(found)
    undecided = sum(c.outcome == UNDECIDED for c in cases)
    sets = list(dict.fromkeys(c.dataset for c in cases))
    total = listed([f"{test_rows(name):,} ({set_of(name)})" for name in sets])
    seeds = sorted({c.seeds for c in cases})
    text = (
        f"comparisons are undecided: {total} test rows and {seeds[0]} to {seeds[-1]} seeds can't tell. "
        f"The words hold for all {num_comparisons(found)} comparisons together (Holm). All of it is click "
        "prediction; collaborative filtering stands apart."
    )
    return Card("How sure", f"{undecided} of {len(cases)}", text, "decide")
