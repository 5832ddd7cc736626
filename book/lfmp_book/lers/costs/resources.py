"""The sentences on training, memory and the edge, which Figures 3 and 4 show: asked of measurements alone."""

from collections.abc import Callable
from functools import partial
from itertools import product

import pandas as pd

from ...claims.cases import Case, all_of, any_of, most_of, negated
from ...claims.test import Test
from ...evidence.rounds import shown
from ..grids import CACHED, ORIGINAL
from .measured import (
    CLICKS,
    EDGE,
    PAIRS,
    SERVE,
    SERVER,
    STORED,
    TRAIN,
    MeasuredCosts,
    heavier,
    no_heavier,
    takes_longer,
    typical,
)
from .views import METHODS, label_of

HOURS = 4.0  # of an epoch at the edge, "over four hours"
SAME_PACKAGES = 0.25  # of the median: code is compiled for what a method computes
TT = "TT-Rec"
Rule = Callable[[MeasuredCosts], list[Case]]


def hours(row: pd.Series) -> float:
    """Of an epoch, at the pace of its steps."""
    return float(row.seconds * row.epoch_steps / 3600)


def _times(row: pd.Series | None) -> str:
    """Time and memory over the unpruned model's."""
    if row is None or row.ratio is None:
        return ""
    return f"time × {shown(row.ratio)}, memory × {row.memory_ratio:.2f}"


def _whole(v: MeasuredCosts, task: str, profile: str) -> pd.Series | None:
    return v.one(task, TRAIN, profile, ORIGINAL)


def _stepped(v: MeasuredCosts, task: str, profile: str, method: str) -> list[pd.Series]:
    """The phases of a method that take steps."""
    own = v.cases(task, TRAIN, profile)
    own = own[(own.method == method) & (own.kind == "step")]
    return [row for _, row in own.iterrows()]


def _alike_packages(task: str, v: MeasuredCosts) -> list[Case]:
    found = []
    for stage, profile in product((TRAIN, SERVE), (SERVER, EDGE)):
        sizes = v.cases(task, stage, profile).packages.dropna()
        middle = typical(sizes)
        known = bool(len(sizes))
        passed = bool((abs(sizes - middle) <= SAME_PACKAGES * middle).all()) if known else None
        figure = f"{sizes.min():.0f} to {sizes.max():.0f} MB" if known else ""
        found.append(Case(stage, profile, passed, figure))
    return found


def _metadata(v: MeasuredCosts) -> list[Case]:
    large, small = (typical(v.cases(task, SERVE, EDGE).metadata) for task in (CLICKS, PAIRS))
    whole = v.one(CLICKS, SERVE, EDGE, ORIGINAL, STORED)
    model = float("nan") if whole is None else whole.model
    figure = "" if large != large or model != model else f"{large:.0f} MB beside a model of {model:.0f}"
    grown = "" if large != large or small != small else f"{large:.0f} MB against {small:.0f} of Yelp2018"
    return [
        Case("Criteo", "above the unpruned model's", large > model if figure else None, figure),
        Case("Criteo", "grows with the features", large > small if grown else None, grown),
    ]


def _trained_at_the_edge(task: str, v: MeasuredCosts) -> list[Case]:
    found = []
    for method in METHODS:
        own = v.cases(task, TRAIN, EDGE)
        own = own[own.method == label_of(method, task)]
        able = bool((own.failed == "").all()) if len(own) else None
        figure = "" if able is None else f"{own.work.max():.0f} MB" if able else "; ".join(own.failed)
        passed = negated(able) if method == "TTRec" else able
        found.append(Case("edge", method, passed, figure))
    return found


def _extremes(v: MeasuredCosts) -> list[Case]:
    found = []
    for profile in (SERVER, EDGE):
        slack = v.slack(CLICKS, TRAIN, profile)
        of = {m: _stepped(v, CLICKS, profile, label_of(m, CLICKS)) for m in METHODS}
        for method, least in (("QR", True), ("DHE", False)):
            own = of[method][0] if of[method] else None
            rest = [row for m, rows in of.items() if m != method for row in rows]
            flags: list[bool | None] = []
            for row in rest:
                one, other = (own, row) if least else (row, own)
                if other is None:
                    flags.append(None)
                    continue
                flags += [negated(takes_longer(one, other)), no_heavier(one, other, slack)]
            passed = all_of(*flags) if flags else None
            found.append(Case(profile, f"{method} {'least' if least else 'most'}", passed, _times(own)))
    return found


def _long_epochs(v: MeasuredCosts) -> list[Case]:
    found = []
    for method in (ORIGINAL, *(label_of(m, CLICKS) for m in METHODS)):
        rows = [row for row in _stepped(v, CLICKS, EDGE, method) if row.samples]
        figure = f"{hours(rows[0]):.1f} h" if rows else ""
        found.append(Case("edge", method, hours(rows[0]) > HOURS if rows else None, figure))
    return found


def _cached(v: MeasuredCosts) -> list[Case]:
    build, after = (v.one(CLICKS, TRAIN, SERVER, CACHED, phase) for phase in ("build cache", "train"))
    if build is None or after is None:
        return [Case("server", "", None)]
    figure = f"building {_times(build)}; after {_times(after)}"
    return [Case("server", "a step while it builds the cache", takes_longer(build, after), figure)]


def _better_trained(v: MeasuredCosts) -> list[Case]:
    whole, slack, found = _whole(v, CLICKS, SERVER), v.slack(CLICKS, TRAIN, SERVER), []
    for method in ("QR", TT, CACHED, "CERP"):
        rows = _stepped(v, CLICKS, SERVER, method)
        flags = [f for r in rows for f in (negated(takes_longer(r)), negated(heavier(r, whole, slack)))]
        figure = "; ".join(f"{r.phase} {_times(r)}" for r in rows)
        found.append(Case("server", method, all_of(*flags) if flags else None, figure))
    return found


def _masks_cost(task: str, v: MeasuredCosts) -> list[Case]:
    whole, slack, found = _whole(v, task, SERVER), v.slack(task, TRAIN, SERVER), []
    for method in ("PEP", label_of("OptEmbed", task)):
        row = v.one(task, TRAIN, SERVER, method, "retrain")
        found.append(Case("server", f"{method}, retraining", heavier(row, whole, slack), _times(row)))
    return found


def _dense_while_trained(v: MeasuredCosts) -> list[Case]:
    whole, found = _whole(v, CLICKS, SERVER), []
    if whole is None or pd.isna(whole.parameters):
        return [Case("server", "", None)]
    for method in ("QR", TT, "DHE", "PEP", "OptEmbed"):
        rows = [row for row in _stepped(v, CLICKS, SERVER, method) if not pd.isna(row.parameters)]
        share = max((row.parameters / whole.parameters for row in rows), default=float("nan"))
        passed = None if share != share else share >= 1 if method in ("PEP", "OptEmbed") else share < 1
        found.append(Case("server", method, passed, f"{share:.0%} of the parameters" if rows else ""))
    return found


def _beyond_the_model(least: float, what: str, v: MeasuredCosts) -> list[Case]:
    found = []
    for method in (ORIGINAL, *(label_of(m, PAIRS) for m in METHODS)):
        row = v.one(PAIRS, SERVE, SERVER, method, STORED)
        known = row is not None and not pd.isna(row.work) and not pd.isna(row.bytes)
        times = row.work * 2**20 / row.bytes if row is not None and known else 0.0
        found.append(
            Case("server", f"{method}{what}", times > least if known else None, f"× {times:.1f}" * known)
        )
    return found


def _nearer_together(v: MeasuredCosts) -> list[Case]:
    found = []
    for stage in (TRAIN, SERVE):
        ratios = {}
        for task in (CLICKS, PAIRS):
            own = v.cases(task, stage, SERVER)
            names = [label_of(m, task) for m in METHODS]
            own = own[own.method.isin(names) & own.kind.isin(("step", "score"))].memory_ratio.dropna()
            ratios[task] = (own.min(), own.max()) if len(own) else None
        clicks, pairs = ratios[CLICKS], ratios[PAIRS]
        if clicks is None or pairs is None:
            found.append(Case("server", stage, None))
            continue
        figure = f"× {pairs[0]:.2f} to {pairs[1]:.2f} against {clicks[0]:.2f} to {clicks[1]:.2f}"
        narrower = pairs[1] / pairs[0] < clicks[1] / clicks[0]
        found.append(Case("server", stage, bool(narrower), figure))
    return found


def _no_gain_in_both(v: MeasuredCosts) -> list[Case]:
    whole, slack, found = _whole(v, PAIRS, SERVER), v.slack(PAIRS, TRAIN, SERVER), []
    for method in METHODS:
        rows = _stepped(v, PAIRS, SERVER, label_of(method, PAIRS))
        flags = [f for r in rows for f in (negated(takes_longer(r)), negated(heavier(r, whole, slack)))]
        figure = "; ".join(f"{r.phase} {_times(r)}" for r in rows)
        found.append(Case("server", method, negated(all_of(*flags)) if flags else None, figure))
    return found


def _dearer_pruning(v: MeasuredCosts) -> list[Case]:
    whole, slack, found = _whole(v, PAIRS, SERVER), v.slack(PAIRS, TRAIN, SERVER), []
    for method in ("PEP", label_of("OptEmbed", PAIRS)):
        for row in _stepped(v, PAIRS, SERVER, method):
            passed = any_of(takes_longer(row), heavier(row, whole, slack))
            found.append(Case("server", f"{method}, {row.phase}", passed, _times(row)))
    return found


def _storage_is_not_memory(task: str, v: MeasuredCosts) -> list[Case]:
    whole, slack = _whole(v, task, SERVER), v.slack(task, TRAIN, SERVER)
    flags, told = [], []
    for method in (label_of(m, task) for m in METHODS):
        rows = _stepped(v, task, SERVER, method)
        flags += [no_heavier(whole, row, slack) for row in rows]
        told += [f"{method} × {row.memory_ratio:.2f}" for row in rows if row.phase != "build cache"]
    return [Case("server", "some method", any_of(*flags) if flags else None, ", ".join(told))]


def _deployable(task: str, v: MeasuredCosts) -> list[Case]:
    whole, slack = v.one(task, SERVE, EDGE, ORIGINAL, STORED), v.slack(task, SERVE, EDGE)
    flags, told = [], []
    for method in METHODS:
        row = v.one(task, SERVE, EDGE, label_of(method, task), STORED)
        flags.append(heavier(whole, row, slack))
        if row is not None and not pd.isna(row.work):
            told.append(f"{method} × {row.memory_ratio:.2f}")
    return [Case("edge", "", most_of(flags), ", ".join(told))]


def _pruning_suits_the_edge(task: str, v: MeasuredCosts) -> list[Case]:
    found = []
    pruned = v.one(task, SERVE, EDGE, "PEP", STORED)
    for method in ("QR", TT, "DHE"):
        row = v.one(task, SERVE, EDGE, method, STORED)
        ratios = [one.ratio for one in (row, pruned) if one is not None and one.ratio is not None]
        figure = " against ".join(map(shown, ratios)) if len(ratios) == 2 else ""
        passed = takes_longer(row, pruned) if figure else None
        found.append(Case("edge", f"{method} against PEP", passed, figure))
    return found


def _recovery_dominates(v: MeasuredCosts) -> list[Case]:
    phases = (STORED, "similarity", "ranking")
    rows = [v.one(PAIRS, SERVE, SERVER, ORIGINAL, phase) for phase in phases]
    known = [row for row in rows if row is not None and row.samples]
    if len(known) < len(phases):
        return [Case("server", "", None)]
    all_vectors, similarity, ranking = known
    figure = ", ".join(f"{row.seconds * 1e3:.3g} ms" for row in known)
    return [Case("server", "", bool(all_vectors.low > similarity.high + ranking.high), figure)]


DEPLOYED = "serving at the edge in clearly less memory: four of six methods or more"
EACH = "for each of the six methods"
ON_FIG3: tuple[Test[MeasuredCosts], ...] = (
    Test(
        ("6.4-1",),
        f"the process with libraries imported and code compiled: within {SAME_PACKAGES:.0%} of the median",
        partial(_alike_packages, CLICKS),
    ),
    Test(
        ("6.4-2",),
        "maps of generated strings to ids: more than the unpruned model as stored, and more on Criteo",
        _metadata,
    ),
    Test(
        ("6.4-4",),
        "every phase of each method ends under the system's cap, TTRec's does not; here TT-Rec needs no GPU",
        partial(_trained_at_the_edge, CLICKS),
    ),
    Test(
        ("6.4-5",),
        "of all phases that take steps none is clearly quicker or lighter than QR's, none slower or heavier "
        "than DHE's",
        _extremes,
    ),
    Test(
        ("6.4-6",),
        f"steps of 64 rows on one thread of this processor, which is no Pi's: an epoch above {HOURS:g} hours",
        _long_epochs,
    ),
    Test(("6.4-7",), "a step while the cache is built above a step with it", _cached),
    Test(
        ("6.4-8",),
        "every phase that takes steps clearly quicker and lighter than the unpruned model",
        _better_trained,
    ),
    Test(("6.4-9",), "memory of retraining above the unpruned model's", partial(_masks_cost, CLICKS)),
    Test(
        ("6.4-11",),
        "parameters in training: fewer than the unpruned model's where composed, as many where pruned",
        _dense_while_trained,
    ),
    Test(
        ("7-11",),
        "some method that is served in fewer bytes trains in no less memory than the unpruned model",
        partial(_storage_is_not_memory, CLICKS),
    ),
    Test(("7-15",), DEPLOYED, partial(_deployable, CLICKS)),
    Test(
        ("7-16",),
        "a batch of 64 on one thread: QR, TT-Rec and DHE take longer than PEP in sparse rows",
        partial(_pruning_suits_the_edge, CLICKS),
    ),
)
ON_FIG4: tuple[Test[MeasuredCosts], ...] = (
    Test(
        ("6.4-12",),
        "memory at the height of serving above twice the model's bytes",
        partial(_beyond_the_model, 2.0, ""),
    ),
    Test(
        ("6.4-13",),
        "what serving takes beside the model's bytes is more than they are",
        partial(_beyond_the_model, 2.0, ", beside its tables"),
    ),
    Test(
        ("6.4-14",),
        "the largest over the smallest memory of the methods, less than in click prediction",
        _nearer_together,
    ),
    Test(
        ("6.4-15",),
        f"not all phases are clearly quicker and lighter than the unpruned model, {EACH}",
        _no_gain_in_both,
    ),
    Test(("6.4-21",), "each phase of PEP and OptEmbed-D slower or heavier than training", _dearer_pruning),
    Test(
        ("5.2-15",), "all vectors take longer than one user's scores and list together", _recovery_dominates
    ),
    Test(
        ("6.4-4",),
        "every phase of each method ends under the system's cap, TTRec's does not; here TT-Rec needs no GPU",
        partial(_trained_at_the_edge, PAIRS),
    ),
    Test(
        ("7-11",),
        "some method that is served in fewer bytes trains in no less memory than the unpruned model",
        partial(_storage_is_not_memory, PAIRS),
    ),
    Test(("7-15",), DEPLOYED, partial(_deployable, PAIRS)),
    Test(
        ("7-16",),
        "all vectors on one thread: QR, TT-Rec and DHE take longer than PEP in sparse rows",
        partial(_pruning_suits_the_edge, PAIRS),
    ),
)
