"""What every comparison with the whole model comes to, as one picture: a row a method, a mark a case."""

from collections.abc import Sequence

from ..evidence.outcomes import BETTER, EQUAL, OUTCOMES, UNDECIDED, WORSE
from ..show.drawing import Drawing
from ..show.words import percent
from .effects import Action, cases_of
from .words import field_removals, outcomes_in, place_of, shares_of, tables_of

# each word has a form of its own, so that colour is not needed to tell them apart
GLYPHS = {
    BETTER: "m-5 4l5-9 5 9z",
    EQUAL: "m-5-3h10m-10 5h10",
    UNDECIDED: "h0",
    WORSE: "m-5-5l5 9 5-9z",
}
STEP, ROW, NAMES = 15, 20, 200


def _drawn(title: str, columns: Sequence[tuple[str, Sequence[Action]]]) -> Drawing:
    """Rows of all arms in some groups of columns, the arms with fewest cases that are worse first."""
    actions = [action for _, own in columns for action in own]
    places = list(dict.fromkeys((c.dataset, c.backbone) for c in cases_of(actions)))
    arms = sorted(dict.fromkeys(a.arm for a in actions), key=lambda arm: _lost(actions, arm))
    wide = STEP * len(places) + 22
    words = "; ".join(f"{head}: {outcomes_in(cases_of(own))}" for head, own in columns)
    words = f"A mark for each case. {words}. The table of every way has the numbers."
    below = ["left to right in a group:", *order_of(actions)]
    height = 66 + ROW * len(arms) + 15 * len(below)
    drawing = Drawing(title, words, max(NAMES + wide * len(columns), 560), height, wide=True)
    for n, line in enumerate(below):
        drawing.text(
            NAMES if n else NAMES - 12,
            height - 15 * (len(below) - n) + 8,
            line,
            "start" if n else "end",
            "note",
        )
    found: dict[str, list[tuple[float, float]]] = {word: [] for word in OUTCOMES}
    for k, (head, own) in enumerate(columns):
        left = NAMES + k * wide
        drawing.text(left, 48, head, kind="head")
        for action in own:
            y = 66 + ROW * arms.index(action.arm)
            for case in action.cases:
                x = left + 6 + STEP * places.index((case.dataset, case.backbone))
                found[case.outcome].append((x, y))
    for n, arm in enumerate(arms):
        drawing.text(NAMES - 12, 70 + ROW * n, arm, "end")
    for word, at in found.items():
        drawing.glyphs(word, GLYPHS[word], at)
    at_legend = 6.0
    for word in OUTCOMES:
        drawing.glyphs(word, GLYPHS[word], [(at_legend, 14)]).text(at_legend + 10, 18, word, kind="note")
        at_legend += 40 + 6 * len(word)
    return drawing


def _lost(actions: Sequence[Action], arm: str) -> tuple[int, float]:
    own = [a for a in actions if a.arm == arm]
    return sum(a.count(WORSE) for a in own), max(a.possible for a in own)


def of_tables(found: Sequence[Action]) -> Drawing:
    """Every compression at every share."""
    columns = [(f"{percent(share)} gone", tables_of(found, share)) for share in shares_of(found)]
    return _drawn("Compressed tables against the whole one", columns)


def of_fields(found: Sequence[Action]) -> Drawing:
    """Every way of choosing fields."""
    return _drawn("Half of the fields against all", [("half of the fields gone", field_removals(found))])


def order_of(found: Sequence[Action]) -> list[str]:
    """What the marks of a group are of, left to right, three a line."""
    places = list(dict.fromkeys(place_of(c) for c in cases_of(found)))
    return ["; ".join(places[n : n + 3]) for n in range(0, len(places), 3)]
