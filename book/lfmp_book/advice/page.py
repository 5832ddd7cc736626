"""The page's picture and tables."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from lfmp_core.metrics import AUC

from ..claims.claim import Prose, literal
from ..evidence.fronts import spread_of
from ..show import pareto
from ..show.figures import Picture
from ..show.front import TOUCHED, Axis, Mark, Value, front_to_touch
from ..show.html import HtmlTable, Spread, table
from ..show.touch import Touch
from ..show.words import number
from .advise import Advice
from .choice import Option
from .costs import COLUMNS, COUNTS, TITLES
from .grids import CHANCE, SELECTORS
from .words import lost, what_stays

LOOKS = {
    "few bits": ("#222222", "o"),
    "fewer dimensions": ("#0072b2", "s"),
    "fewer fields": ("#b3261e", "^"),
    "another table": ("#7b3fa0", "D"),
    "together": ("#0b6e4f", "P"),
    "random fields": ("#9aa0a6", "v"),
}
NOTHING_YET = Prose(("Nothing was tried to its end yet.",))
_PERMUTED = ("permutation", "GBDT")  # selectors whose scores are losses of AUC


def kind_of(option: Option) -> str:
    """A key of `LOOKS`."""
    if option.label == CHANCE:
        return "random fields"
    settings = option.own[0].spec.method_settings
    method = option.own[0].spec.method
    if method == "quantise":
        return "few bits" if settings["method"] == "no_selection" else "together"
    return {"smaller_dense": "fewer dimensions", "table": "another table"}.get(method, "fewer fields")


def mean_loss(option: Option) -> float:
    """On test rows, over seeds."""
    return float(np.mean(option.losses("test")))


def picture(found: Sequence[Option], count: str) -> Picture | Prose:
    """Loss against what counts; what nothing beats is named with what it keeps."""
    if not found:
        return NOTHING_YET
    cost = [float(np.mean([COUNTS[count](r) for r in option.own])) for option in found]
    gain = [-mean_loss(option) for option in found]
    best = pareto.front(cost, gain)
    points = [
        pareto.Point(
            what_stays(o) if on else "",
            kind_of(o),
            c,
            g,
            float(np.std(o.losses("test"), ddof=1)) if len(o.seeds) > 1 else 0.0,
        )
        for o, c, g, on in zip(found, cost, gain, best, strict=True)
    ]
    kinds = {point.kind for point in points}
    axes = pareto.Panel(TITLES[count], "test AUC, less that of the whole model", points)
    figure = pareto.pareto_figure([axes], {kind: look for kind, look in LOOKS.items() if kind in kinds})
    figure.subplots_adjust(bottom=0.12)  # room for the axis' name, where there is a single panel
    figure.axes[0].axhline(0, color="#555555", lw=1, zorder=0)
    named = "; ".join(f"{p.label} at {p.worth:+.4f}" for p, on in zip(points, best, strict=True) if on)
    return Picture(
        figure,
        f"Test AUC less that of the whole model against {TITLES[count]}, {len(points)} ways. Not beaten in "
        f"both at once: {named}.",
    )


def touched(found: Sequence[Option], count: str) -> Touch | Prose:
    """What was lost against what it saves, on axes of choice, over its picture; what counts comes first."""
    still = picture(found, count)
    if isinstance(still, Prose):
        return still
    axes = [
        Axis(name, TITLES[name], "across", log=name != COLUMNS)
        for name in sorted(COUNTS, key=lambda name: name != count)
    ]
    axes += [
        Axis("test", "test AUC, less that of the whole model", "up", more=True, digits=4, zero=True),
        Axis("val", "validation AUC, less that of the whole model", "up", more=True, digits=4, zero=True),
    ]
    marks = [
        Mark(what_stays(option), kind_of(option), "", _values(option), number(len(option.seeds), "seed"))
        for option in found
    ]
    words = f"{TOUCHED} Bars: ± standard deviation over seeds."
    return front_to_touch(
        "Loss against savings", marks, axes, still, families=tuple(LOOKS), words=words, noun="ways"
    )


def _values(option: Option) -> dict[str, Value]:
    found: dict[str, Value] = {
        name: (float(np.mean([cost(r) for r in option.own])),) for name, cost in COUNTS.items()
    }
    return found | {split: spread_of(-pd.Series(option.losses(split))) for split in ("test", "val")}


def tried_table(found: Sequence[Option], advice: Advice, count: str) -> HtmlTable | Prose:
    """A line for each way: what it keeps, what it lost on validation and on test rows, what is left."""
    if not found:
        return NOTHING_YET
    held = {one.option.line: one for one in advice.held}
    rows = []
    for option in sorted(found, key=lambda o: o.share(count)):
        shares = {f"{name} left": option.share(name) for name in COUNTS}
        one = held.get(option.line)
        rows.append(
            {
                "what is kept": what_stays(option),
                "kind": kind_of(option),
                "validation loss": Spread.of(option.losses()),
                "test loss": Spread.of(option.losses("test")),
                "interval": lost(one) if one else None,
                **shares,
                "seeds": len(option.seeds),
            }
        )
    note = (
        "Losses: AUC of the whole model less that of the way, mean ± spread over the seeds that both have. "
        f"Interval: of 95 % for all {len(held)} together, of those that validation chose. Left: over the "
        "whole model; seconds are of the processor, and a machine that does other things disturbs them."
    )
    formats = {f"{name} left": ".3f" for name in COUNTS}
    return table(pd.DataFrame(rows), caption="All that was tried", formats=formats, note=note)


def own_fields(found: Sequence[Option], names: Sequence[str]) -> HtmlTable | Prose:
    """A line a field: what is lost without it, and in how many trainings it stays, by share that goes."""
    own = [o for o in found if o.label in SELECTORS and o.own[0].details.get("scores")]
    if not any(kind_of(o) == "fewer fields" for o in found):
        return Prose(("No way of choosing fields was tried to its end.",))
    data: dict[str, list] = {"field": list(names)}
    order = np.zeros(len(names))
    for label in _PERMUTED:
        runs = {r.spec.seed: r.details["scores"] for o in own if o.label == label for r in o.own}
        if runs:
            scores = np.array(list(runs.values()))
            data[f"AUC lost without it, {label}"] = [Spread.of(s.tolist()) for s in scores.T]
            order = order + scores.mean(0)
    for share in sorted({o.budget.share for o in found if kind_of(o) == "fewer fields"}):
        ways = [o for o in found if o.budget.share == share and kind_of(o) == "fewer fields"]
        best = min(ways, key=lambda o: o.expected)
        counts = np.bincount([f for r in best.own for f in r.details["kept_fields"]], minlength=len(names))
        kept = len(best.own[0].details["kept_fields"])
        data[f"in the best {kept} ({best.label})"] = [f"{c} of {len(best.own)}" for c in counts]
    frame = pd.DataFrame(data)
    if order.any():
        frame = frame.iloc[np.argsort(-order, kind="stable")]
    note = (
        "AUC lost without it: of a forest (permutation) and of boosted trees (GBDT) on validation rows when "
        "the field's values are shuffled; not of the model itself, and of two fields that say the same each "
        "may lose nothing. In the best k: seeds of the selector of least validation loss that keep it. Mean "
        "± spread over seeds."
    )
    return table(frame, caption="Fields", note=note)


def chance_lines(found: Sequence[Option]) -> Prose:
    """Each way of choosing fields against as many at random: better than how many of the draws."""
    lines = []
    for option in (o for o in found if kind_of(o) == "fewer fields"):
        drawn = [o for o in found if o.label == CHANCE and o.budget == option.budget]
        for random in drawn:
            values = [r.metrics[f"test_{AUC.name}"] for r in random.own]
            mean = float(np.mean([r.metrics[f"test_{AUC.name}"] for r in option.own]))
            worse = sum(value < mean for value in values)
            lines.append(
                f"{literal(what_stays(option))}: test AUC {mean:.4f}, above {worse} of {len(values)} random "
                f"draws of as many fields (mean {np.mean(values):.4f})."
            )
    return Prose(tuple(lines) or ("Nothing was held against random fields yet.",))
