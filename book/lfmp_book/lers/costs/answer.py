"""What the measurements of costs answer, page by page."""

import pandas as pd

from ...evidence.rounds import shown, three_figures
from ...show.answer import Answer, waiting
from ...show.words import listed, number
from ..grids import ORIGINAL
from .measured import (
    CLICKS,
    COMMAND,
    EDGE,
    PAIRS,
    SERVE,
    SERVER,
    STORED,
    TASKS,
    TRAIN,
    MeasuredCosts,
    takes_longer,
)
from .resources import hours
from .views import METHODS, TITLES, label_of

SURE = (
    "Medians over rounds in turns, each case in a process of its own, one machine; memory is read once a "
    "process. Weights are not trained: what is timed does not depend on how good they are."
)


def _of_paper(costs: MeasuredCosts, task: str, stage: str, profile: str) -> pd.DataFrame:
    own = costs.cases(task, stage, profile)
    names = [label_of(m, task) for m in METHODS]
    return own[own.method.isin(names) & own.kind.isin(("step", "score")) & (own.samples > 0)]


def _counted(costs: MeasuredCosts, task: str, profile: str) -> str:
    """How many methods serve slower than the unpruned model, faster, or neither."""
    own = _of_paper(costs, task, SERVE, profile)
    own = own[own.phase == STORED]
    flags = {row.method: takes_longer(row) for _, row in own.iterrows()}
    faster = [m for m, flag in flags.items() if flag is False]
    open_ = [m for m, flag in flags.items() if flag is None]
    told = f"{sum(f is True for f in flags.values())} of {len(flags)} take longer than the unpruned model"
    told += f"; quicker: {listed(faster)}" if faster else ""
    return told + (f"; not to be told from it: {listed(open_)}" if open_ else "")


def _long(hours: float) -> str:
    """A time in hours, or in minutes where it is shorter than one."""
    return f"{three_figures(hours)} hours" if hours >= 1 else f"{three_figures(60 * hours)} minutes"


def of_overheads(costs: MeasuredCosts) -> Answer:
    """Which methods serve slower than the unpruned model, and in how much memory."""
    said = []
    for task, title in TITLES.items():
        own = _of_paper(costs, task, SERVE, SERVER)
        if not len(own):
            continue
        counted = _counted(costs, task, SERVER)
        lightest = own.loc[own.memory_ratio.idxmin()] if own.memory_ratio.notna().any() else None
        memory = (
            f" Memory at its height × {own.memory_ratio.min():.2f} ({lightest.method}) to "
            f"{own.memory_ratio.max():.2f}."
            if lightest is not None
            else ""
        )
        said.append(f"**{title}, server, 80 %: {counted}.**{memory}")
        bits = [costs.one(task, SERVE, SERVER, name, STORED) for name in ("int8", "int4")]
        told = [
            f"{row.method} × {shown(row.ratio)} in × {row.memory_ratio:.2f} of the memory"
            for row in bits
            if row is not None and row.ratio is not None
        ]
        if told:
            said.append(f"{title}, the plain table in few bits: {listed(told)}.")
    return Answer(tuple(said), SURE) if said else waiting(COMMAND)


def of_resources(costs: MeasuredCosts, task: str) -> Answer:
    """What training and serving take of one task."""
    said = []
    for profile in (SERVER, EDGE):
        whole, own = costs.one(task, TRAIN, profile, ORIGINAL), _of_paper(costs, task, TRAIN, profile)
        if whole is None or not whole.samples or not len(own):
            continue
        ratios = {f"{r.method}, {r.phase}": r.ratio.value for _, r in own.iterrows() if r.ratio is not None}
        low, high = min(ratios, key=ratios.__getitem__), max(ratios, key=ratios.__getitem__)
        said.append(
            f"**{TASKS[task]}, {profile}: a training step of the unpruned model takes "
            f"{three_figures(whole.seconds * 1e3)} ms, an epoch {_long(hours(whole))}, in "
            f"{whole.work:.0f} MB**; the methods' phases take × {three_figures(ratios[low])} ({low}) to "
            f"{three_figures(ratios[high])} ({high}) of that, memory × {own.memory_ratio.min():.2f} to "
            f"{own.memory_ratio.max():.2f}."
        )
    edge = costs.cases(task, TRAIN, EDGE)
    if len(edge):
        failed = edge[edge.failed != ""]
        named = [f"{r.method}, {r.phase}" for _, r in failed.iterrows()]
        ended = f"{len(edge) - len(failed)} of {number(len(edge), 'phase')} end"
        said.append(f"Under the cap of the edge {ended}" + (f"; not: {listed(named)}" if named else "") + ".")
    if len(_of_paper(costs, task, SERVE, EDGE)):
        said.append(f"Serving at the edge: {_counted(costs, task, EDGE)}.")
    return Answer(tuple(said), SURE) if said else waiting(COMMAND)


def of_clicks(costs: MeasuredCosts) -> Answer:
    """Figure 3."""
    return of_resources(costs, CLICKS)


def of_pairs(costs: MeasuredCosts) -> Answer:
    """Figure 4."""
    return of_resources(costs, PAIRS)
