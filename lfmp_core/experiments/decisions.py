"""What a table of comparisons may say: better, worse, equal or undecided, at one error for all of it."""

from collections.abc import Mapping, Sequence
from math import inf
from typing import Generic, Literal, NamedTuple, TypeVar

import numpy as np
from scipy.stats import t as student

from ..errors import LfmpError
from ..metrics import Metric
from .stats import whole_draws

Name = TypeVar("Name")
_Outcome = Literal["better", "worse", "equal", "undecided"]
_ROUNDING = 1e-12  # of means that were added up in another order: no gain


class Contrast(NamedTuple):
    """By how much one is better than another.

    Attributes:
        gain: positive where it is better.
        error: standard error of the gain.
        freedom: degrees of freedom of Student's t that gain/error follows; ∞ for the normal distribution.
    """

    gain: float
    error: float
    freedom: float = inf

    def p_same(self) -> float:
        """Two-sided p of no gain."""
        return self._beyond(abs(self.gain)) if abs(self.gain) > _ROUNDING else 1.0

    def p_apart(self, margin: float) -> float:
        """p of a gain of ± margin and more: at most α where the interval at 1 − α lies within ± margin."""
        return self._beyond(margin - abs(self.gain)) if abs(self.gain) < margin else 1.0

    def interval(self, alpha: float) -> tuple[float, float]:
        """The ends between which the gain lies, at 1 − α."""
        reach = float(student.isf(alpha / 2, self.freedom)) * self.error
        return self.gain - reach, self.gain + reach

    def _beyond(self, distance: float) -> float:
        return 2 * float(student.sf(distance / self.error, self.freedom)) if self.error else 0.0


def freedom_of(error: float, seeds: Sequence[Sequence[float]]) -> float:
    """Degrees of freedom of the standard error of a difference of means over seeds; see `contrast_of`.

    Args:
        error: of the difference, what units leave open included.
        seeds: of each mean that is independent of the others, two and more.
    """
    parts = [float(np.var(own, ddof=1)) / len(own) for own in seeds]
    doubt = sum(part**2 / (len(own) - 1) for part, own in zip(parts, seeds, strict=True))
    return max(error**2, sum(parts)) ** 2 / doubt if doubt else inf


def contrast_of(
    ours: np.ndarray,
    theirs: np.ndarray,
    metric: Metric,
    seeds: Sequence[Sequence[float]] | None = None,
) -> Contrast:
    """The contrast of two names of one `resample`; its error s is the deviation of the drawn differences.

    s² holds the variance of units and Σ sᵢ²/nᵢ, that of two means over seeds. The first is known well, the
    second from a few numbers: by Satterthwaite's rule s has s⁴ / Σ (sᵢ²/nᵢ)²/(nᵢ − 1) degrees of freedom. Of
    three seeds each that spread more than units do, the normal bound of 1.96 is one of 88 % and not of 95.

    Args:
        ours, theirs: [1 + draws], of `resample(…, resample_seeds=True)`.
        metric: what they are values of.
        seeds: the metric of each training of both; of two that are the same trainings, cut in two ways, the
            differences seed by seed. Without them s is taken to be known, and of single trainings the
            contrast speaks of these two alone.

    Raises:
        LfmpError: of one of them there is a single training, or no resample holds both classes.

    Source: F. E. Satterthwaite, An approximate distribution of estimates of variance components, 1946.
    """
    error, freedom = float(whole_draws(ours, theirs).std(ddof=1)), inf
    if seeds is not None:
        if min(map(len, seeds)) < 2:
            raise LfmpError("a single training has no spread; train two seeds of each and more")
        freedom = freedom_of(error, seeds)
    return Contrast(metric.gain(float(ours[0]), float(theirs[0])), error, freedom)


def paired_contrast(ours: np.ndarray, theirs: np.ndarray, metric: Metric) -> Contrast:
    """The contrast of two that were trained with the same seeds, from their differences seed by seed.

    Of the n differences d the mean is the gain; its variance is that of the mean over new units, and s_d²/n
    over new trainings, the latter with n − 1 degrees of freedom (see `contrast_of`). What a seed does to both
    alike, as where one is the other in fewer bits, drops out.

    Args:
        ours, theirs: [n, 1 + draws], of each seed, of `resample(…, resample_seeds=False)` in one call.
        metric: what they are values of.

    Raises:
        LfmpError: there is a single seed, or no resample holds both classes.
    """
    if len(ours) < 2:
        raise LfmpError("a single training has no spread; train two seeds of each and more")
    count, drawn = len(ours), whole_draws(ours.mean(0), theirs.mean(0))
    units, seeds = float(drawn.var(ddof=1)), float(np.var(ours[:, 0] - theirs[:, 0], ddof=1)) / count
    freedom = (units + seeds) ** 2 * (count - 1) / seeds**2 if seeds else inf
    gain = metric.gain(float(ours[:, 0].mean()), float(theirs[:, 0].mean()))
    return Contrast(gain, float(np.sqrt(units + seeds)), freedom)


class Decision(NamedTuple):
    """What a comparison comes to beside the others of its table.

    Attributes:
        outcome: "better" or "worse" where there is a gain, "equal" where it lies within ± margin,
            "undecided" where neither can be said.
        gain: as estimated. low, high: the interval, adjusted, that the outcome is read from.
        p: of no gain, adjusted.
    """

    outcome: _Outcome
    gain: float
    low: float
    high: float
    p: float


class Decisions(NamedTuple, Generic[Name]):
    """All comparisons of a table.

    Attributes:
        by_name: what each comes to.
        comparisons: how many there were, for which each is adjusted.
    """

    by_name: Mapping[Name, Decision]
    comparisons: int


def decide(contrasts: Mapping[Name, Contrast], margin: float, level: float = 0.95) -> Decisions[Name]:
    """Which comparisons of a table are better, worse, equal or undecided.

    Holm's procedure twice, with α = 1 − level: on the p of no gain, and on the p of a gain of ± margin and
    more. Whatever the truth and however the comparisons hang together, a "better" or "worse" of two that are
    the same stands in the table with a probability of at most α, and so does an "equal" of two that differ by
    the margin. A gain that is there and small is "better"; the interval says how small.

    The interval of a comparison is made at the rate of its step, so that 0 lies outside of what is better or
    worse and the margin outside of what is equal; of what is undecided it holds 0 and an end of the margin.

    Args:
        contrasts: every comparison of the table, shown or not.
        margin: below which a gain does not matter, see `Metric.margin`.
        level: of the table as a whole.

    Source: S. Holm, A simple sequentially rejective multiple test procedure, 1979; D. J. Schuirmann, A
    comparison of the two one-sided tests procedure and the power approach, 1987.

    Example:
        >>> from lfmp_core.experiments.decisions import Contrast, decide
        >>> found = decide({"a": Contrast(0.004, 0.001), "b": Contrast(0.002, 0.001)}, margin=0.001)
        >>> [one.outcome for one in found.by_name.values()], found.comparisons
        (['better', 'better'], 2)
    """
    alpha, count = 1 - level, len(contrasts)
    same, same_at = _holm({name: one.p_same() for name, one in contrasts.items()}, alpha)
    apart, apart_at = _holm({name: one.p_apart(margin) for name, one in contrasts.items()}, alpha)
    found = {}
    for name, one in contrasts.items():
        outcome: _Outcome = "undecided"
        rate = min(same_at[name], apart_at[name])
        if same[name] <= alpha:
            outcome, rate = "better" if one.gain > 0 else "worse", same_at[name]
        elif apart[name] <= alpha:
            outcome, rate = "equal", apart_at[name]
        found[name] = Decision(outcome, one.gain, *one.interval(rate), same[name])
    return Decisions(found, count)


def _holm(p: Mapping[Name, float], alpha: float) -> tuple[dict[Name, float], dict[Name, float]]:
    """Adjusted p, max over i ≤ j of min(1, (k − i + 1) p₍ᵢ₎), and the rate at which each was tested.

    The j-th of k is tested at α/(k − j + 1); all from the first that fails at that one's.
    """
    adjusted, rates, highest, rate = {}, {}, 0.0, alpha
    for left, name in zip(range(len(p), 0, -1), sorted(p, key=lambda name: p[name]), strict=True):
        rate = alpha / left if highest <= alpha else rate
        highest = max(highest, min(1.0, left * p[name]))
        adjusted[name], rates[name] = highest, rate
    return adjusted, rates
