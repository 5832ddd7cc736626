"""What is recommended, by rules: chosen on validation rows, its loss stated on test rows."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from math import sqrt
from typing import Literal, NamedTuple, cast

import numpy as np
from scipy.stats import t as student

from lfmp_core.budget import Budget
from lfmp_core.data.schema import Schema
from lfmp_core.experiments.decisions import paired_contrast
from lfmp_core.experiments.record import Record
from lfmp_core.experiments.stats import resample
from lfmp_core.experiments.store import Store
from lfmp_core.metrics import AUC

from .choice import Option

LEAST_CLICKS = 100  # clicks, and others, among the test rows, below which nothing is recommended
LEVEL = 0.95
Said = Literal["recommended", "nothing shown", "too few clicks", "too little tried"]


class Held(NamedTuple):
    """A way, held against the whole model on test rows.

    Attributes:
        option: which. loss: AUC of the whole model less its own, mean over seeds.
        low, high: between which the loss lies, all of those that were held together at 95 %.
    """

    option: Option
    loss: float
    low: float
    high: float

    @property
    def told(self) -> bool:
        """The interval says something: resamples and seeds differ at all."""
        return self.high > self.low


@dataclass(frozen=True)
class Advice:
    """What may be said.

    Attributes:
        said: which of the cases it is. best: what is recommended, if anything is.
        held: all that were held against the whole model, what saves most first.
        allowed: loss of AUC that was. count: what is to be saved.
        clicks, others: test rows of both classes.
        spread: half of the 95 % interval of the whole model's mean test AUC over new trainings; None of one.
        drawn: budgets of which as many random fields were tried.
        leak: what is said of scores that are too good, see `leaks.leak_in_words`.
        constant: positions of fields in which all training rows look the same.
    """

    said: Said
    best: Held | None
    held: tuple[Held, ...]
    allowed: float
    count: str
    clicks: int
    others: int
    spread: float | None
    drawn: frozenset[Budget] = frozenset()
    leak: str = ""
    constant: frozenset[int] = frozenset()

    @property
    def unsteady(self) -> bool:
        """The whole model's own spread is wider than what may be lost."""
        return self.spread is None or self.spread > self.allowed

    @property
    def blind(self) -> bool:
        """What is recommended chooses fields, and as many random ones were not tried."""
        return self.best is not None and _blind(self.best.option, self.drawn)


def held_on_test(chosen: Sequence[Option], labels: np.ndarray, store: Store, draws: int = 400) -> list[Held]:
    """The losses on test rows, paired over rows and seeds, with intervals that hold for all of them at once.

    Each is made at 1 − α/k for k ways, α = .05 (Bonferroni), so that with a probability of .95 none of the
    true losses lies outside of its interval.

    Args:
        chosen: on validation rows. labels: of the test rows, 0 and 1 [N]. draws: resamples of rows.
    """
    runs = {r.id: [store.logits(r)] for option in chosen for r in (*option.own, *option.whole)}
    drawn = resample(labels, runs, AUC, draws, seed=0, resample_seeds=False)
    found = []
    for option in chosen:
        ours, theirs = (np.stack([drawn[r.id] for r in many]) for many in (option.own, option.whole))
        # the records' own AUC, of all digits; the draws are of logits in half precision
        ours, theirs = (_exact(values, many) for values, many in ((ours, option.own), (theirs, option.whole)))
        one = paired_contrast(ours, theirs, AUC)
        low, high = one.interval((1 - LEVEL) / len(chosen))
        found.append(Held(option, -one.gain, -high, -low))
    return found


def _exact(values: np.ndarray, records: Sequence[Record]) -> np.ndarray:
    return np.column_stack([[r.metrics["test_auc"] for r in records], values[:, 1:]])


def too_few(schema: Schema) -> int:
    """Clicks among the test rows, or others if these are rarer, where they are fewer than `LEAST_CLICKS`.

    Otherwise 0.
    """
    clicks = schema.positives["test"]
    few = min(clicks, schema.rows["test"] - clicks)
    return few if few < LEAST_CLICKS else 0


def half_width(aucs: Sequence[float]) -> float | None:
    """t · s/√n, half of the 95 % interval of a mean over seeds; None of a single one."""
    if len(aucs) < 2:
        return None
    reach = float(student.isf((1 - LEVEL) / 2, len(aucs) - 1))
    return reach * float(np.std(aucs, ddof=1)) / sqrt(len(aucs))


def advise(
    held: Sequence[Held],
    whole: Sequence[float],
    clicks: int,
    others: int,
    *,
    allowed: float,
    count: str,
    drawn: Collection[Budget],
    leak: str = "",
    constant: Collection[int] = (),
) -> Advice:
    """What saves most of those that are shown to lose at most what is allowed.

    What chooses fields stands behind all else until as many random ones were tried beside it: a choice gets
    credit only for what chance does not do as well.

    Nothing where test rows hold fewer than `LEAST_CLICKS` clicks or others. Where the whole model's own
    spread over seeds is wider than the allowed loss, only the whole model in fewer bits may be recommended:
    of what was trained anew, another training could tell another story.

    Args:
        held: against the whole model on test rows. whole: its test AUC by seed.
        clicks, others: test rows of both classes. allowed: loss of AUC. count: see `costs.COUNTS`.
        drawn, leak, constant: see `Advice`.
    """
    spread = half_width(whole)
    ordered = tuple(sorted(held, key=lambda one: (one.option.share(count), one.high)))
    said, drawn = cast(Said, "recommended"), frozenset(drawn)
    unsteady = spread is None or spread > allowed
    fit = [one for one in ordered if one.high <= allowed and (one.option.rounded_only or not unsteady)]
    fit.sort(key=lambda one: _blind(one.option, drawn))
    if min(clicks, others) < LEAST_CLICKS:
        said, fit = "too few clicks", []
    elif not held:
        said = "too little tried"
    elif not fit:
        said = "nothing shown"
    best = fit[0] if fit else None
    return Advice(
        said, best, ordered, allowed, count, clicks, others, spread, drawn, leak, frozenset(constant)
    )


def _blind(option: Option, drawn: Collection[Budget]) -> bool:
    return option.chooses and option.budget not in drawn
