"""The sentences of §4.4 on pretrained weights, tested on the reference records of Light-FMP's Figure 2b."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

import pandas as pd

from ..claims import told
from ..claims.cases import Case, all_of, any_of, share_in_words
from ..claims.test import CasesFound, Test
from .arms import BACKBONES
from .selection_grids import FRESH
from .values import MARGINAL, METRICS

Won = dict[str, bool | None]

# §4.4 names the backbones of which it says that they gain much, and little
PAPER_LARGE, PAPER_SMALL = ("wide_deep", "dnn"), ("xdeepfm", "deepfm", "pnn")


@dataclass(frozen=True)
class WarmStart:
    """Kept weights against fresh ones, of one arm.

    Attributes:
        auc, loss: by backbone, see `fig2b.gains`. kept, fresh: epochs of continued training by backbone, of
            each seed.
    """

    auc: pd.DataFrame
    loss: pd.DataFrame
    kept: Mapping[str, pd.Series]
    fresh: Mapping[str, pd.Series]

    def named(self, backbones: Iterable[str]) -> list[str]:
        """Those of the backbones that were run."""
        return [b for b in backbones if b in self.auc.index]

    def told(self, backbones: Iterable[str]) -> str:
        """The gains on some backbones in words."""
        return ", ".join(
            f"{BACKBONES[b]} AUC {self.auc.percent[b]:+.2f} % and log-loss {self.loss.percent[b]:+.2f} %"
            for b in backbones
        )


def warm_starts(gains: pd.DataFrame, reference: pd.DataFrame) -> dict[str, WarmStart]:
    """Every arm that has a twin with fresh weights.

    Args:
        gains: see `fig2b.gains`. reference: see `results.frame`.
    """
    found = {}
    for arm in gains.arm.unique():
        own = gains[gains.arm == arm]
        auc, loss = (own[own.metric == metric.name].set_index("backbone") for metric in METRICS)
        kept, fresh = (
            {str(b): own.epochs for b, own in reference[reference.arm == arm + side].groupby("backbone")}
            for side in ("", FRESH)
        )
        found[arm] = WarmStart(auc, loss, kept, fresh)
    return found


def _outcome(won: Won, figures: str) -> CasesFound:
    cases = [Case(BACKBONES.get(backbone, backbone), "", flag, figures) for backbone, flag in won.items()]
    return CasesFound(cases, f"{share_in_words(cases, 'backbones')}; {figures}")


def _among(
    backbones: Iterable[str], test: Callable[[WarmStart, str], bool | None]
) -> Callable[[WarmStart], CasesFound]:
    """A test of each of the named backbones."""

    def made(v: WarmStart) -> CasesFound:
        names = v.named(backbones)
        return _outcome({b: test(v, b) for b in names}, v.told(names))

    return made


def _gained(v: WarmStart, b: str) -> tuple[bool | None, bool | None]:
    """In AUC, and in log-loss."""
    auc, loss = METRICS
    return told.gained(v.auc.loc[b], auc), told.gained(v.loss.loc[b], loss)


def _marginal(v: WarmStart, b: str) -> bool | None:
    return all_of(*(told.within_margin(m.low[b], m.high[b], MARGINAL) for m in (v.auc, v.loss)))


def _slightly_worse(v: WarmStart, b: str) -> bool | None:
    """Log-loss worse, by a tenth of a percent at most."""
    _, gained = _gained(v, b)
    worse = None if gained is None else not gained
    line = -0.001 * _mean(v.loss.fresh[b])  # a gain is negative
    small = True if -v.loss.high[b] > line else False if -v.loss.low[b] < line else None
    return all_of(worse, small)


def _smaller(v: WarmStart) -> CasesFound:
    large, small = v.named(PAPER_LARGE), v.named(PAPER_SMALL)
    if not large:
        return CasesFound([], v.told(small))
    gain = all_of(*(_gained(v, b)[0] for b in large))
    low, high = v.auc.low[large].min(), v.auc.high[large].min()
    won: Won = {}
    for b in small:
        less = True if v.auc.high[b] < low else False if v.auc.low[b] > high else None
        won[b] = all_of(gain, less)
    least = v.auc.percent[large].min()
    return _outcome(won, f"DNN and Wide&Deep {least:+.2f} % at least; {v.told(small)}")


def _improved(v: WarmStart) -> CasesFound:
    won = {str(b): _gained(v, str(b))[0] for b in v.auc.index}
    return _outcome(won, f"AUC {v.auc.difference.min():+.4f} to {v.auc.difference.max():+.4f}")


def _sooner(v: WarmStart) -> CasesFound:
    figures = ", ".join(
        f"{BACKBONES[b]} {v.kept[b].mean():.1f} for {v.fresh[b].mean():.1f}" for b in v.auc.index
    )
    return _outcome({b: told.below(v.kept[b], v.fresh[b]) for b in v.auc.index}, figures)


def _later(v: WarmStart) -> CasesFound:
    reached = {b: _above_chance(v.auc.fresh[b]) / _above_chance(v.auc.kept[b]) for b in v.auc.index}
    figures = f"{min(reached.values()):.0%} to {max(reached.values()):.0%} of it"
    won = {
        b: told.below(0.5 * (pd.Series(v.auc.kept[b]) - 0.5), pd.Series(v.auc.fresh[b]) - 0.5)
        for b in v.auc.index
    }
    return _outcome(won, figures)


def _mean(values: list[float]) -> float:
    return sum(values) / len(values)


def _above_chance(values: list[float]) -> float:
    return _mean(values) - 0.5


TESTS = (
    Test(
        ("4.4-13a",),
        "AUC or log-loss better with the kept weights, 95 % interval without 0",
        _among(PAPER_LARGE, lambda v, b: any_of(*_gained(v, b))),
        also=("4.4-14",),
    ),
    Test(
        ("4.4-13b",),
        "95 % intervals of the differences in AUC and in log-loss within ± 0.001",
        _among(PAPER_SMALL, _marginal),
    ),
    Test(
        ("4.4-13c",),
        "PNN's log-loss worse with the kept weights, 95 % interval above 0 and below 0.1 %",
        _among(("pnn",), _slightly_worse),
    ),
    Test(
        ("4.4-15a",),
        "DNN and Wide&Deep both gain AUC, and each of the three less than both, by the 95 % intervals",
        _smaller,
        also=("4.4-16",),
    ),
    Test(
        ("1-10a",),
        "AUC with the kept weights above that with fresh ones, 95 % interval above 0",
        _improved,
        also=("1-5", "2.1-1", "2.7-6"),
    ),
    Test(
        ("2.4-1",),
        "fewer epochs of continued training than from fresh weights, by Welch's t at 95 % over seeds",
        _sooner,
        also=("2.7-3",),
    ),
    Test(
        ("4.4-10",), "fresh weights reach more than half of the AUC above 0.5, by Welch's t at 95 %", _later
    ),
)
