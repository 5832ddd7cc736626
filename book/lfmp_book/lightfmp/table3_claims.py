"""The sentences of §4.3, and their like, tested on the reference records of Light-FMP's Table 3."""

from collections.abc import Callable

import pandas as pd

from lfmp_core.metrics import LOG_LOSS

from ..claims.cases import Case
from ..claims.test import CasesFound, Test
from ..evidence.results import ALL_FIELDS, RANDOM_FIELDS, clearly_below
from .arms import BACKBONES, Reading
from .values import MARGINAL, METRICS

NOTABLE = ("pnn", "wide_deep")
LEAST_SAVED = 0.2622


def _by_backbone(won: dict[str, bool]) -> list[Case]:
    return [Case(BACKBONES.get(backbone, backbone), "", flag) for backbone, flag in won.items()]


def _count(won: dict[str, bool]) -> str:
    return f"{sum(won.values())} of {len(won)} backbones"


def _better(v: Reading) -> CasesFound:
    """AUC and log-loss better than with all fields by 0.001 and more, beyond doubt."""
    auc, loss = (v.against(ALL_FIELDS, metric).set_index("backbone") for metric in METRICS)
    won = {
        b: bool(auc.low[b] > 0 and auc.difference[b] >= MARGINAL)
        and bool(loss.high[b] < 0 and loss.difference[b] <= -MARGINAL)
        for b in auc.index
    }
    return CasesFound(
        _by_backbone(won),
        f"{_count(won)}; AUC {auc.difference.min():+.4f} to {auc.difference.max():+.4f}, log-loss "
        f"{loss.difference.min():+.4f} to {loss.difference.max():+.4f}",
    )


def _quicker(v: Reading) -> CasesFound:
    """An epoch of continued training takes so much less time than one on all fields."""
    keys = [v.reference.backbone, v.reference.arm]
    epoch = (v.reference.CT / v.reference.epochs).groupby(keys).mean()
    total = v.reference.groupby(keys)["TT"].mean()
    trained = [b for b in v.reference.backbone.unique() if {(b, v.arm), (b, ALL_FIELDS)} <= set(total.index)]
    saved = {b: 1 - epoch[b, v.arm] / epoch[b, ALL_FIELDS] for b in trained}
    whole = [1 - total[b, v.arm] / total[b, ALL_FIELDS] for b in saved]
    each = ", ".join(f"{BACKBONES[b]} {share:.0%}" for b, share in saved.items())
    return CasesFound(
        _by_backbone({b: bool(share >= LEAST_SAVED) for b, share in saved.items()}),
        f"{each}; total time with pretraining at this size: {-max(whole):+.0%} to {-min(whole):+.0%}",
    )


def _relevant(v: Reading) -> CasesFound:
    """AUC above as many random fields."""
    rows = v.against(RANDOM_FIELDS)
    won = {r.backbone: bool(r.low > 0) for r in rows.itertuples()}
    span = f"differences {rows.difference.min():+.4f} to {rows.difference.max():+.4f}"
    return CasesFound(_by_backbone(won), f"{_count(won)}; {span}")


def _pairs(v: Reading) -> dict[str, tuple[pd.DataFrame, pd.DataFrame]]:
    """Backbone → the arm's runs on it, and those on all fields."""
    base = v.reference[v.reference.arm == ALL_FIELDS]
    return {b: (own, base[base.backbone == b]) for b, own in v.runs.groupby("backbone", sort=False)}


def _each(v: Reading, test: Callable[[pd.DataFrame, pd.DataFrame], bool]) -> dict[str, bool]:
    return {b: bool(test(own, base)) for b, (own, base) in _pairs(v).items()}


def _agnostic(v: Reading) -> CasesFound:
    """Fewer fields, and better than chance."""
    won = _each(v, lambda r, b: (r.fields_kept.max() < b.fields_kept.min()) and r.test_auc.min() > 0.5)
    return CasesFound(_by_backbone(won), _count(won))


def _compact(v: Reading) -> CasesFound:
    """Fewer parameters in each run."""
    won = _each(v, lambda r, b: r.parameters.max() < b.parameters.min())
    fewer = [1 - own.parameters.mean() / base.parameters.mean() for own, base in _pairs(v).values()]
    return CasesFound(_by_backbone(won), f"{min(fewer):.0%} to {max(fewer):.0%} fewer")


def _faster(v: Reading) -> CasesFound:
    """Rows are scored in less time."""
    won = _each(v, lambda r, b: bool(clearly_below(r.IT, b.IT)))
    speed = [own.IT.mean() / base.IT.mean() for own, base in _pairs(v).values()]
    return CasesFound(_by_backbone(won), f"{min(speed):.2f} to {max(speed):.2f} of the time; {_count(won)}")


def _unharmed(v: Reading) -> CasesFound:
    """AUC not clearly below all fields'."""
    auc = v.against(ALL_FIELDS)
    won = {r.backbone: bool(r.high >= 0) for r in auc.itertuples()}
    span = f"{auc.difference.min():+.4f} to {auc.difference.max():+.4f}"
    return CasesFound(_by_backbone(won), f"{_count(won)}; {span}")


def _notable(v: Reading) -> CasesFound:
    """Log-loss improves, and most on the two named."""
    loss = v.against(ALL_FIELDS, LOG_LOSS).set_index("backbone")
    base = v.reference[v.reference.arm == ALL_FIELDS].groupby("backbone").test_logloss.mean()
    gain = (-loss.difference / base[loss.index]).sort_values(ascending=False)
    won = {b: b in gain.index[: len(NOTABLE)] and bool(loss.high[b] < 0) for b in NOTABLE if b in gain.index}
    return CasesFound(_by_backbone(won), ", ".join(f"{BACKBONES[b]} {g:+.1%}" for b, g in gain.items()))


ON_TABLE = (
    Test(
        ("4.3-2",),
        "AUC above and log-loss below those of all fields by at least 0.001, 95 % intervals without 0, for "
        "each backbone",
        _better,
        also=("1-9", "2.4-3", "2.7-6", "5-1"),
    ),
    Test(
        ("4.3-4a",),
        f"processor time of an epoch of continued training at least {100 * LEAST_SAVED:.2f} % under one on "
        "all fields, for each backbone (at the paper's 33 million rows pretraining weighs nothing)",
        _quicker,
        also=("1-9", "2.4-2", "2.7-4", "5-1"),
    ),
    Test(
        ("4.5-2",),
        "AUC above as many random fields, 95 % interval above 0, for each backbone",
        _relevant,
        also=("4.5-1",),
    ),
)
ON_MODELS = (
    Test(
        ("4.3-1a",),
        "runs on each backbone end with fewer fields and predict better than chance",
        _agnostic,
        also=("1-13", "2.2-1"),
    ),
    Test(
        ("2.6-2a",),
        "fewer parameters than with all fields, in each run on each backbone",
        _compact,
        also=("2.4-2", "4.2-8"),
    ),
    Test(
        ("2.6-2b",),
        "mean time to score a million rows below that with all fields by Welch's t at 95 %, for each "
        "backbone",
        _faster,
        also=("2.7-5", "4.2-8"),
    ),
    Test(
        ("2.6-2c",),
        "95 % interval of the difference in AUC to all fields not wholly below 0, for each backbone",
        _unharmed,
        also=("2.7-5",),
    ),
    Test(
        ("4.3-3",),
        "log-loss below that of all fields, 95 % interval without 0, and these two improve most",
        _notable,
    ),
)
