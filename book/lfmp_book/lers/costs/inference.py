"""The sentences on serving, which Table 8 sums up: one rule each, for its cells and for measurements."""

from collections.abc import Callable, Sequence

from ...claims.cases import Case, all_of, most_of, negated
from ...claims.test import Test
from ..grids import ORIGINAL
from .views import METHODS, TITLES, Inference

Rule = Callable[[Inference], list[Case]]


def _others(method: str) -> Sequence[str]:
    return [m for m in METHODS if m != method]


def _none_faster(v: Inference) -> list[Case]:
    return [
        Case(title, m, v.slower(task, m, ORIGINAL), v.told(task, m)[0])
        for task, title in TITLES.items()
        for m in METHODS
    ]


def _least_sacrifice(v: Inference) -> list[Case]:
    found = []
    for task, title in TITLES.items():
        time, memory = v.told(task, "QR")
        others = _others("QR")
        quickest = all_of(*(negated(v.slower(task, "QR", m)) for m in others))
        lightest = all_of(*(negated(v.heavier(task, "QR", m)) for m in others))
        found += [Case(title, "runtime", quickest, time), Case(title, "memory", lightest, memory)]
    return found


def _heaviest(v: Inference) -> list[Case]:
    found = []
    for task, title in TITLES.items():
        time, memory = v.told(task, "DHE")
        slowest = all_of(*(v.slower(task, "DHE", m) for m in _others("DHE")))
        found.append(Case(title, "highest runtime", slowest, time))
        found.append(Case(title, "memory not reduced", v.heavier(task, "DHE", ORIGINAL), memory))
    return found


def _offset(v: Inference) -> list[Case]:
    return [
        Case(title, "DHE", v.heavier(task, "DHE", ORIGINAL), v.told(task, "DHE")[1])
        for task, title in TITLES.items()
    ]


def _friendlier(v: Inference) -> list[Case]:
    found = []
    for task, title in TITLES.items():
        one, other = (v.told(task, m)[0] for m in ("OptEmbed", "PEP"))
        figure = f"OptEmbed {one}, PEP {other}" if one and other else ""
        found.append(Case(title, "", v.slower(task, "PEP", "OptEmbed"), figure))
    return found


def _overheads(v: Inference) -> list[Case]:
    found = []
    for task, title in TITLES.items():
        asked = {"runtime": v.slower, "memory": v.heavier}
        for place, (what, ask) in enumerate(asked.items()):
            flags = [ask(task, m, ORIGINAL) for m in METHODS]
            told = [f"{m} {figure}" for m in METHODS if (figure := v.told(task, m)[place])]
            found.append(Case(title, what, most_of(flags), ", ".join(told)))
    return found


ON_TABLE8: tuple[Test[Inference], ...] = (
    Test(
        ("1-6",),
        "four methods of six or more take more time, and as many more memory, than the unpruned model",
        _overheads,
    ),
    Test(("6.4-16",), "each method's time above the unpruned model's, in every round", _none_faster),
    Test(
        ("6.4-17",),
        "QR: no other method's time clearly lower, no other's memory clearly less",
        _least_sacrifice,
    ),
    Test(
        ("6.4-18",),
        "DHE: time above every other method's; memory at its height above the unpruned model's",
        _heaviest,
    ),
    Test(("6.4-19",), "DHE: memory at its height above the unpruned model's", _offset),
    Test(("6.4-20",), "PEP's time above OptEmbed's", _friendlier),
)
