"""The sentences of §4.4 on pretrained weights, tested on the reference records of Light-FMP's Figure 2b."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import pandas as pd

from ..claims.cases import Case
from ..claims.test import CasesFound, Test
from .arms import BACKBONES
from .selection_grids import FRESH
from .values import MARGINAL, METRICS

# §4.4 names the backbones of which it says that they gain much, and little
PAPER_LARGE, PAPER_SMALL = ("wide_deep", "dnn"), ("xdeepfm", "deepfm", "pnn")


@dataclass(frozen=True)
class WarmStart:
    """Kept weights against fresh ones, of one arm.

    Attributes:
        auc, loss: by backbone, see `fig2b.gains`. kept, fresh: mean epochs of continued training by backbone.
    """

    auc: pd.DataFrame
    loss: pd.DataFrame
    kept: pd.Series
    fresh: pd.Series

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
            reference[reference.arm == arm + side].groupby("backbone").epochs.mean() for side in ("", FRESH)
        )
        found[arm] = WarmStart(auc, loss, kept, fresh)
    return found


def _outcome(won: dict[str, bool], told: str) -> CasesFound:
    cases = [Case(BACKBONES.get(backbone, backbone), "", flag) for backbone, flag in won.items()]
    return CasesFound(cases, f"{sum(won.values())} of {len(won)} backbones; {told}")


def _among(
    backbones: Iterable[str], test: Callable[[WarmStart, str], bool]
) -> Callable[[WarmStart], CasesFound]:
    """A test of each of the named backbones."""

    def made(v: WarmStart) -> CasesFound:
        names = v.named(backbones)
        return _outcome({b: bool(test(v, b)) for b in names}, v.told(names))

    return made


def _marginal(v: WarmStart, b: str) -> bool:
    return all(abs(m.difference[b]) < MARGINAL or m.low[b] <= 0 <= m.high[b] for m in (v.auc, v.loss))


def _smaller(v: WarmStart) -> CasesFound:
    large, small = v.named(PAPER_LARGE), v.named(PAPER_SMALL)
    least = v.auc.percent[large].min() if large else float("nan")
    won = {b: bool(v.auc.percent[b] < least and least > 0) for b in small} if large else {}
    return _outcome(won, f"DNN and Wide&Deep {least:+.2f} % at least; {v.told(small)}")


def _improved(v: WarmStart) -> CasesFound:
    won = {b: bool(low > 0) for b, low in v.auc.low.items()}
    return _outcome(won, f"AUC {v.auc.difference.min():+.4f} to {v.auc.difference.max():+.4f}")


def _sooner(v: WarmStart) -> CasesFound:
    told = ", ".join(f"{BACKBONES[b]} {v.kept[b]:.1f} for {v.fresh[b]:.1f}" for b in v.auc.index)
    return _outcome({b: bool(v.kept[b] < v.fresh[b]) for b in v.auc.index}, told)


def _later(v: WarmStart) -> CasesFound:
    reached = {b: _above_chance(v.auc.fresh[b]) / _above_chance(v.auc.kept[b]) for b in v.auc.index}
    told = f"{min(reached.values()):.0%} to {max(reached.values()):.0%} of it"
    return _outcome({b: share > 0.5 for b, share in reached.items()}, told)


def _above_chance(values: list[float]) -> float:
    return sum(values) / len(values) - 0.5


TESTS = (
    Test(
        ("4.4-13a",),
        "AUC or log-loss better with the kept weights, 95 % interval without 0",
        _among(PAPER_LARGE, lambda v, b: v.auc.low[b] > 0 or v.loss.high[b] < 0),
        also=("4.4-14",),
    ),
    Test(
        ("4.4-13b",), "differences in AUC and in log-loss under 0.001 or tied", _among(PAPER_SMALL, _marginal)
    ),
    Test(
        ("4.4-13c",),
        "PNN's log-loss worse with the kept weights, 95 % interval above 0, by 0.1 % at most",
        _among(("pnn",), lambda v, b: v.loss.low[b] > 0 and v.loss.percent[b] >= -0.1),
    ),
    Test(
        ("4.4-15a",),
        "DNN and Wide&Deep both gain AUC, and each of the three less than both",
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
        "fewer epochs of continued training than from fresh weights, mean over seeds",
        _sooner,
        also=("2.7-3",),
    ),
    Test(("4.4-10",), "fresh weights reach more than half of the AUC above 0.5", _later),
)
