"""What the records say, in sentences put together from counts."""

from collections.abc import Sequence

from lfmp_core.experiments.chance import LEAST
from lfmp_core.metrics import AUC

from ..claims.claim import Prose
from ..evidence.datasets import test_rows
from ..evidence.outcomes import BETTER, OUTCOMES, interval
from ..lightfmp.selectors import set_of
from ..show.answer import Answer
from ..show.words import listed, percent
from .effects import Action, Effect, cases_of, num_comparisons, of_class
from .known import NETWORKS

BOUNDS = (0.01, 0.02)  # losses of test AUC that somebody may put up with
NEEDS = {"fewer bytes to serve": "bytes", "less training": "TT", "less scoring": "IT"}
_FEW_DRAWS = (
    f" Random fields are few draws here; against the {LEAST} of the page on robustness more is told apart."
)
FREE = {"table": "a smaller dense table of as many numbers", "fields": "as many random fields"}


def place_of(case: Effect) -> str:
    """Data set and backbone of a case."""
    return f"{set_of(case.dataset)}, {NETWORKS.get(case.backbone, case.backbone)}"


def outcomes_in(cases: Sequence[Effect]) -> str:
    """How many are of each outcome, of how many."""
    said = ", ".join(f"{sum(c.outcome == word for c in cases)} {word}" for word in OUTCOMES)
    return f"{said} of {len(cases)}"


def loss(case: Effect) -> str:
    """A difference in test AUC with its interval."""
    return interval(case.difference, case.low, case.high)


def times(action: Action, column: str) -> str:
    """The ratio to the whole model over the cases, smallest to largest; a dash where none is known."""
    found = action.ratios(column)
    low, high = (f"{ratio:.2f}" if ratio == ratio else "–" for ratio in found)
    return low if low == high else f"{low} to {high}"


def taken(action: Action) -> str:
    """What is removed."""
    if action.removes == "fields" and not action.fewer_fields:
        return "a part of every field"
    return f"{percent(action.share)} of the {action.removes}"


def tables_of(found: Sequence[Action], share: float) -> list[Action]:
    """Those that remove a share of the table."""
    return [a for a in found if a.removes == "table" and a.share == share]


def field_removals(found: Sequence[Action]) -> list[Action]:
    """Those that remove fields, and not a part of each."""
    return [a for a in found if a.removes == "fields" and a.fewer_fields]


def shares_of(found: Sequence[Action]) -> list[float]:
    """The shares of the table that are removed."""
    return sorted({a.share for a in found if a.removes == "table"})


def answer(found: Sequence[Action]) -> Answer:
    """What can go free, and what each share costs; see `never` for what doesn't pay."""
    free = of_class(found, "free")
    shown = "; ".join(f"{a.arm} ({taken(a)})" for a in free)
    lines = [f"**Shown to be free: {shown}.**" if free else "**Nothing is shown to be free.**"]
    for share in shares_of(found):
        own = tables_of(found, share)
        lines.append(
            f"**{percent(share)} of the table**: {outcomes_in(cases_of(own))}. {_spared(own, 'methods')}"
        )
    if own := field_removals(found):
        lines.append(
            f"**Half of the fields**: {outcomes_in(cases_of(own))}. {_spared(own, 'ways of choosing them')}"
        )
    sure = (
        f"Comparisons of {len(found)} ways of removing a part with the whole model: "
        f"{outcomes_in(cases_of(found))}, adjusted for all {num_comparisons(found)} comparisons of this page "
        f"together (Holm). Equal: the adjusted interval lies within ± {AUC.margin} of test AUC."
    )
    cases = cases_of(found)
    if stale := sum(case.stale for case in cases):
        sure += f" {stale} of {len(cases)} cases rest on records of code that computes other numbers now."
    return Answer(tuple(lines), sure)


def bounded(found: Sequence[Action], bound: float) -> list[Action]:
    """Those that are worse in no case, none of whose 95 % intervals reaches a larger loss."""
    return [a for a in of_class(found, "free", "open") if a.possible <= bound]


def _spared(own: Sequence[Action], what: str) -> str:
    """Those that are worse in no case, and those of them that can't lose much."""
    still, little = of_class(own, "free", "open"), bounded(own, BOUNDS[0])
    names = f": {listed([a.arm for a in little])}" * bool(little)
    return (
        f"Worse in no case: {len(still)} of {len(own)} {what}; a loss of more than {BOUNDS[0]} is excluded "
        f"in every case, by its own interval, for {len(little) or 'none'}{names}."
    )


def never(found: Sequence[Action]) -> Prose:
    """What never pays, and what is nowhere shown to be better than what needs no search."""
    lines = []
    for removes, free in FREE.items():
        own = [a for a in found if a.removes == removes and a.arm not in a.free]
        lost = of_class(own, "never")
        if lost:
            lines.append(
                f"**What never pays here** ({removes}): worse than {free} in some case, worse than the whole "
                f"model in some, better than either in none: {listed(_named(lost))}."
            )
        unshown = [a for a in of_class(own, "costs") if not a.held(BETTER) and not a.count(BETTER)]
        if unshown:
            lines.append(
                f"**Not shown to pay** ({removes}): worse than the whole model in some case, and told apart "
                f"from {free} in none: {listed(_named(unshown))}.{_FEW_DRAWS * (removes == 'fields')}"
            )
    return Prose(tuple(lines))


def _named(found: Sequence[Action]) -> list[str]:
    return [f"{a.arm} at {percent(a.share)}" if a.removes == "table" else a.arm for a in found]


def needs(found: Sequence[Action]) -> Prose:
    """For whom: what saves most of bytes, training, scoring and columns among what is worse in no case."""
    lines = []
    for name, column in NEEDS.items():
        said = []
        for bound in BOUNDS:
            cheaper = [a for a in bounded(found, bound) if a.ratios(column)[1] < 1]
            if not cheaper:
                said.append(f"nothing saves it in every case and excludes a loss of more than {bound}")
                continue
            best = min(cheaper, key=lambda a: a.mean(column))
            said.append(
                f"of the {len(cheaper)} that save it in every case and exclude a loss of more than {bound}, "
                f"{best.arm} ({taken(best)}) saves most: × {times(best, column)}; {_risk(best)}"
            )
        lines.append(f"**You want {name}**: {'. '.join(_upper(s) if i else s for i, s in enumerate(said))}.")
    own = [a for a in field_removals(found) if a.arm not in a.free and a.ratios("bytes")[1] < 1]
    faster = [a for a in own if a.ratios("TT")[1] < 1]
    for head, some in (("**You want fewer columns**: of", own), ("Of these,", faster)):
        if some:
            best = min(some, key=lambda a: a.possible)
            kind = "train faster in every case; " * (some is faster) or "ways that halve them, "
            lines.append(
                f"{head} {len(some)} {kind}{best.arm} leaves the least loss open; bytes × "
                f"{times(best, 'bytes')}, training × {times(best, 'TT')}; {_risk(best)}."
            )
    return Prose(tuple(lines))


def _risk(action: Action) -> str:
    """What it may lose."""
    worst = action.worst
    return (
        f"its cases: {outcomes_in(action.cases)}; the lowest, {place_of(worst)}: {loss(worst)}, "
        f"{worst.outcome}; a loss of {action.possible:.4f} is not excluded"
    )


def _upper(sentence: str) -> str:
    return sentence[0].upper() + sentence[1:]


def limits(found: Sequence[Action]) -> Prose:
    """On how much this stands, and what does not carry over."""
    cases = cases_of(found)
    sets = list(dict.fromkeys(c.dataset for c in cases))
    total = listed([f"{test_rows(name):,} test rows of {set_of(name)}" for name in sets])
    seeds = sorted({c.seeds for c in cases})
    wide = sum(c.high - c.low > 2 * AUC.margin for c in cases)
    half = sorted((c.high - c.low) / 2 for c in cases)[len(cases) // 2]
    stale = sum(c.stale for c in cases)
    return Prose(
        (
            f"It stands on {total}, and on {seeds[0]} to {seeds[-1]} seeds a case. Intervals are "
            f"± {half:.4f} in the median, and {wide} of {len(cases)} are wider than"
            f" ± {AUC.margin}: undecided means that more rows are needed, not that nothing is lost.",
            f"The words are adjusted for all {num_comparisons(found)} comparisons, with the whole model and "
            f"with {FREE['table']} or {FREE['fields']} (Holm): were nothing different, the chance of any "
            "*better* or *worse* would be 5 %. The intervals are of 95 % each, so one may lie on one side of "
            "0 and its comparison be undecided. Of Table 5 the error is by Student's t, with as many degrees "
            "of freedom as its seeds leave. The best of many is favoured by luck.",
            "Levels of AUC, and times, do not carry over to millions of rows: there an epoch takes longer, "
            "and the fixed cost of finding what stays weighs less. Signs and orders may carry over; nothing "
            "here shows that they do.",
            f"The two papers' ways stand on different whole models: tables on {_backbones(found, 'table')}, "
            f"fields on {_backbones(found, 'fields')}; rare values are cut at other counts. Differences and "
            "ratios are each to its own whole model.",
            f"Of {len(cases)} cases {stale} rest on records of code that computes other numbers now, "
            "compared only with others of the same code; `lfmp status` lists them.",
            "All of this is of click prediction; *In collaborative filtering*, above, has the other task.",
        )
    )


def _backbones(found: Sequence[Action], removes: str) -> str:
    names = dict.fromkeys(c.backbone for c in cases_of([a for a in found if a.removes == removes]))
    return listed([NETWORKS.get(name, name) for name in names])
