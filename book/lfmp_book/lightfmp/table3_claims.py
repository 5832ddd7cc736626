"""The sentences of §4.3, and their like, tested on the reference records of Light-FMP's Table 3."""

from collections.abc import Callable, Mapping

import pandas as pd

from lfmp_core.metrics import AUC, LOG_LOSS

from ..claims import told
from ..claims.cases import MISSING, Case, all_of, share_in_words
from ..claims.test import CasesFound, Test
from ..evidence.datasets import description
from ..evidence.results import ALL_FIELDS, RANDOM_FIELDS
from .arms import BACKBONES, Reading
from .values import MARGINAL, METRICS, size

NOTABLE = ("pnn", "wide_deep")
LEAST_SAVED = 0.2622


Won = Mapping[str, bool | None]


def _outcome(won: Won, figures: str, form: str = "{count}; {figures}") -> CasesFound:
    """A case for each backbone, with what was found in words.

    Args:
        form: of the words.
    """
    cases = [Case(BACKBONES.get(b, b), "", flag, figures or "known") for b, flag in won.items()]
    return CasesFound(cases, form.format(count=share_in_words(cases, "backbones"), figures=figures))


def _better(v: Reading) -> CasesFound:
    """AUC and log-loss better than with all fields by 0.001 and more, beyond doubt."""
    auc, loss = (v.against(ALL_FIELDS, metric).set_index("backbone") for metric in METRICS)
    won = {
        str(b): all_of(told.gained(auc.loc[b], AUC, MARGINAL), told.gained(loss.loc[b], LOG_LOSS, MARGINAL))
        for b in auc.index
    }
    return _outcome(
        won,
        f"AUC {auc.difference.min():+.4f} to {auc.difference.max():+.4f}, log-loss "
        f"{loss.difference.min():+.4f} to {loss.difference.max():+.4f}",
    )


def _quicker(v: Reading) -> CasesFound:
    """Both phases take so much less time than all fields do, with pretraining as on the paper's rows."""
    timed, cases = _timed_pairs(v, "TT"), []
    share = description("criteo")["rows"]["train"] / size("Criteo", "train").middle
    for b in _pairs(v):
        if b not in timed:
            cases.append(Case(BACKBONES[b], "", None))
            continue
        own, base = timed[b]
        scaled = share * own.PT + own.CT
        figure = f"× {scaled.mean() / base.CT.mean():.2f} (measured {own.TT.mean() / base.TT.mean():.2f}, "
        figure += f"an epoch {(own.CT / own.epochs).mean() / (base.CT / base.epochs).mean():.2f})"
        cases.append(Case(BACKBONES[b], "", told.below(scaled, base.CT, 1 - LEAST_SAVED), figure))
    return CasesFound(cases, "; ".join(f"{c.where} {c.figure or MISSING}" for c in cases))


def _relevant(v: Reading) -> CasesFound:
    """AUC above as many random fields."""
    rows = v.against(RANDOM_FIELDS)
    won = {r.backbone: told.gained(r, AUC) for _, r in rows.iterrows()}
    return _outcome(won, f"differences {rows.difference.min():+.4f} to {rows.difference.max():+.4f}")


def _timed_pairs(v: Reading, time: str) -> dict[str, tuple[pd.DataFrame, pd.DataFrame]]:
    """The same of backbones on which both were timed on one processor."""
    pairs = {b: (own, base) for b, (own, base) in _pairs(v).items() if len(base)}
    return {b: two for b, two in pairs.items() if not any(runs[time].isna().any() for runs in two)}


def _pairs(v: Reading) -> dict[str, tuple[pd.DataFrame, pd.DataFrame]]:
    """Backbone → the arm's runs on it, and those on all fields."""
    base = v.reference[v.reference.arm == ALL_FIELDS]
    return {b: (own, base[base.backbone == b]) for b, own in v.runs.groupby("backbone", sort=False)}


def _each(v: Reading, test: Callable[[pd.DataFrame, pd.DataFrame], bool | None]) -> Won:
    return {b: test(own, base) for b, (own, base) in _pairs(v).items()}


def _agnostic(v: Reading) -> CasesFound:
    """Fewer fields, and better than chance."""
    won = _each(v, lambda r, b: bool(r.fields_kept.max() < b.fields_kept.min() and r.test_auc.min() > 0.5))
    return _outcome(won, "", "{count}")


def _compact(v: Reading) -> CasesFound:
    """Fewer parameters in each run."""
    won = _each(v, lambda r, b: bool(r.parameters.max() < b.parameters.min()))
    fewer = [1 - own.parameters.mean() / base.parameters.mean() for own, base in _pairs(v).values()]
    return _outcome(won, f"{min(fewer):.0%} to {max(fewer):.0%} fewer", "{figures}")


def _faster(v: Reading) -> CasesFound:
    """Rows are scored in less time."""
    won = _each(v, lambda r, b: told.below(r.IT, b.IT))
    speed = [own.IT.mean() / base.IT.mean() for own, base in _timed_pairs(v, "IT").values()]
    if not speed:
        return _outcome(won, "")
    return _outcome(won, f"{min(speed):.2f} to {max(speed):.2f} of the time", "{figures}; {count}")


def _unharmed(v: Reading) -> CasesFound:
    """AUC at most marginally below all fields'."""
    auc = v.against(ALL_FIELDS)
    won = {r.backbone: told.no_worse(r.low, r.high, MARGINAL) for _, r in auc.iterrows()}
    return _outcome(won, f"{auc.difference.min():+.4f} to {auc.difference.max():+.4f}")


def _notable(v: Reading) -> CasesFound:
    """Log-loss improves, and most on the two named."""
    loss = v.against(ALL_FIELDS, LOG_LOSS).set_index("backbone")
    base = v.reference[v.reference.arm == ALL_FIELDS].groupby("backbone").test_logloss.mean()
    gain = (-loss.difference / base[loss.index]).sort_values(ascending=False)
    first = gain.index[: len(NOTABLE)]
    won = {
        b: all_of(told.gained(loss.loc[b], LOG_LOSS), True if b in first else None)  # ranks have no interval
        for b in NOTABLE
        if b in gain.index
    }
    return _outcome(won, ", ".join(f"{BACKBONES[b]} {g:+.1%}" for b, g in gain.items()), "{figures}")


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
        f"processor time at least {100 * LEAST_SAVED:.2f} % under that on all fields, by Welch's t at 95 %, "
        "for each backbone; pretraining, whose steps are fixed, weighs as little as on the paper's rows",
        _quicker,
        also=("1-9", "2.4-2", "2.7-4", "5-1"),
    ),
    Test(
        ("4.5-2",),
        "AUC above as many random fields with fresh weights, 95 % interval above 0, for each backbone: "
        "chosen fields and pretrained weights together",
        _relevant,
        also=("4.5-1",),
    ),
)
ON_MODELS = (
    Test(
        ("4.3-1a",),
        "runs on each backbone end with fewer fields and predict better than chance",
        _agnostic,
        also=("2.2-1",),
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
        "AUC not 0.001 and more below all fields', by its 95 % interval, for each backbone",
        _unharmed,
        also=("2.7-5",),
    ),
    Test(
        ("4.3-3",),
        "log-loss below that of all fields, 95 % interval without 0, and these two improve most",
        _notable,
    ),
)
