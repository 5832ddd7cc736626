"""Claims that reference records can decide and that no page of a single item carries."""

from collections.abc import Callable, Sequence

import numpy as np
import pandas as pd
from scipy.stats import hypergeom

from ..claims.claim import Claim, share_verdict
from ..evidence.results import BASE, clearly_below
from .fig3 import PAPER_PRUNED
from .table3 import PAPER_NAMES

NOTABLE = ("pnn", "wide_deep")


def _own(frame: pd.DataFrame) -> list[str]:
    return [arm for arm in frame.arm.unique() if arm.startswith("Light-FMP")]


def on_backbones(reference: pd.DataFrame, compared: pd.DataFrame) -> list[Claim]:
    """Size, speed and generality of the cut models, on the records of Table 3.

    Args:
        reference: see `results.frame`. compared: see `results.compare`.
    """
    found = []
    for arm in _own(reference):
        runs = {b: part for b, part in reference[reference.arm == arm].groupby("backbone", sort=False)}
        base = {b: reference[(reference.backbone == b) & (reference.arm == BASE)] for b in runs}

        def each(test: Callable[[pd.DataFrame, pd.DataFrame], bool], runs=runs, base=base) -> list[bool]:
            return [bool(test(runs[b], base[b])) for b in runs]

        smaller = each(lambda r, b: (r.fields_kept.max() < b.fields_kept.min()) and r.test_auc.min() > 0.5)
        parameters = [1 - runs[b].parameters.mean() / base[b].parameters.mean() for b in runs]
        faster = each(lambda r, b: bool(clearly_below(r.IT, b.IT)))
        speed = [runs[b].IT.mean() / base[b].IT.mean() for b in runs]
        auc = compared[(compared.arm == arm) & (compared.against == BASE) & (compared.metric == "auc")]
        kept = [bool(row.high >= 0) for row in auc.itertuples()]
        found += [
            Claim(
                "our Light-FMP is model-agnostic",
                f"§4.3 ({arm})",
                "runs on each backbone end with fewer fields and predict better than chance",
                f"{sum(smaller)} of {len(smaller)} backbones",
                share_verdict(smaller),
            ),
            Claim(
                "our framework produces a compact model",
                f"§2.6 ({arm})",
                "fewer parameters than with all fields, in each run on each backbone",
                f"{min(parameters):.0%} to {max(parameters):.0%} fewer",
                share_verdict(each(lambda r, b: r.parameters.max() < b.parameters.min())),
            ),
            Claim(
                "enabling faster inference",
                f"§2.6 ({arm})",
                "mean time to score a million rows below that with all fields by Welch's t at 95 %, for "
                "each backbone",
                f"{min(speed):.2f} to {max(speed):.2f} of the time; {sum(faster)} of {len(faster)} backbones",
                share_verdict(faster),
            ),
            Claim(
                "without sacrificing accuracy",
                f"§2.6 ({arm})",
                "95 % interval of the difference in AUC to all fields not wholly below 0, for each backbone",
                f"{sum(kept)} of {len(kept)} backbones; {auc.difference.min():+.4f} to "
                f"{auc.difference.max():+.4f}",
                share_verdict(kept),
            ),
            _notable(arm, compared, reference),
        ]
    return found


def _notable(arm: str, compared: pd.DataFrame, reference: pd.DataFrame) -> Claim:
    loss = compared[(compared.arm == arm) & (compared.against == BASE) & (compared.metric == "logloss")]
    loss = loss.set_index("backbone")
    base = reference[reference.arm == BASE].groupby("backbone").test_logloss.mean()
    gain = (-loss.difference / base[loss.index]).sort_values(ascending=False)
    wins = [b in gain.index[: len(NOTABLE)] and loss.high[b] < 0 for b in NOTABLE if b in gain.index]
    return Claim(
        "Logloss improves notably for PNN (5.21%) and Wide&Deep (4.41%)",
        f"§4.3, Table 3 ({arm})",
        "log-loss below that of all fields, 95 % interval without 0, and these two improve most",
        ", ".join(f"{PAPER_NAMES[b]} {g:+.1%}" for b, g in gain.items()),
        share_verdict([bool(w) for w in wins]),
    )


def on_gates(reference: pd.DataFrame, names: Sequence[str]) -> list[Claim]:
    """What the gates are after pretraining, on the records of Figure 3.

    Args:
        reference: see `results.frame`. names: of the fields.
    """
    found = []
    gated = reference[reference.gates.notna() & (reference.prune_ratio > 0)]
    position = {name: i for i, name in enumerate(names)}
    theirs = {position[n] for n in PAPER_PRUNED if n in position}
    for arm in _own(gated):
        runs = gated[gated.arm == arm]
        gates = {ratio: np.array(part.gates.tolist()) for ratio, part in runs.groupby("prune_ratio")}
        binary = {ratio: float(np.isin(g, (0, 1)).mean()) for ratio, g in gates.items()}
        open_ = {ratio: float(g.mean()) for ratio, g in gates.items()}
        light = runs[runs.prune_ratio == runs.prune_ratio.min()]
        gone = [set(range(len(names))) - set(kept) for kept in light.kept_fields]
        hits = [len(theirs & fields) for fields in gone]
        limit = int(hypergeom(len(names), len(theirs), len(gone[0])).ppf(0.95))
        found += [
            Claim(
                "Each element in the masking variable is learned as a binary value",
                f"§2.3 ({arm})",
                "after pretraining at least nine gates of ten are 0 or 1, at each ratio",
                ", ".join(f"{b:.0%} at {r:g}" for r, b in binary.items()),
                share_verdict([b >= 0.9 for b in binary.values()]),
            ),
            Claim(
                "controlling the proportion of embedding vectors that are pruned",
                f"§2.3, Eq. 4 ({arm})",
                "mean gate after pretraining within 0.1 of the share to keep, at each ratio",
                ", ".join(f"{o:.2f} at {r:g}" for r, o in open_.items()),
                share_verdict([abs(o - (1 - r)) <= 0.1 for r, o in open_.items()]),
            ),
            Claim(
                f"{', '.join(PAPER_PRUNED[:-1])}, and {PAPER_PRUNED[-1]} are consistently pruned",
                f"§4.5 ({arm})",
                f"of the {len(gone[0])} fields pruned at τ = {light.prune_ratio.iloc[0]:g}, more of these "
                "than 95 % of random choices have, in each seed",
                f"{min(hits)} to {max(hits)} of {len(theirs)}; {limit} at most in 95 of 100 draws",
                share_verdict([h > limit for h in hits]),
            ),
        ]
    return found
