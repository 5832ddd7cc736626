"""Light-FMP's Figure 2c: accuracy and time by prune ratio."""

from collections.abc import Sequence
from functools import partial
from itertools import pairwise

import pandas as pd
from matplotlib.figure import Figure

from lfmp_core.metrics import AUC, metric_of

from ..claims import pending, told
from ..claims.cases import OPEN, Case, all_of, any_of, negated
from ..claims.claim import Claim, Prose
from ..claims.judge import Judge
from ..claims.test import CasesFound, Test
from ..evidence import published, results
from ..evidence.outcomes import difference_note, interval, interval_and_outcome, outcomes
from ..evidence.results import ALL_FIELDS, RANDOM_FIELDS, UNPRUNED
from ..show.comparison import ResultColumn, comparison, keys, seed_counts
from ..show.curves import band, bare, colour_of, label_ends, short_name
from ..show.html import HtmlTable, table
from .arms import LITERAL, Reading, judged_by_arm
from .values import METRICS

SHOWN = "lightfmp_fig3"  # the item whose runs the page shows
CELL = {"arm": "arm", "budget": "τ"}
COLUMNS = (
    ResultColumn("test_auc", "AUC"),
    ResultColumn("test_logloss", "log-loss"),
    ResultColumn("TT", "TT, s", 1, sides=("paper", "reference")),
)
TITLES = {"TT": "total training time, s"}


def curves_of(frame: pd.DataFrame) -> list[str]:
    """Arms that were run at several ratios, in their order."""
    counts = frame.groupby("arm", sort=False).budget.nunique()
    return [arm for arm, count in counts.items() if count > 1]


def picture(frame: pd.DataFrame) -> Figure:
    """AUC, log-loss and total training time by prune ratio: mean ± standard deviation over seeds."""
    figure = Figure(figsize=(12, 3.6), layout="constrained")
    base = frame[frame.arm == ALL_FIELDS]
    for axis, column in zip(figure.subplots(1, 3), COLUMNS, strict=True):
        key, ends = column.key, []
        for arm in curves_of(frame):
            cells = [(r, g[key].tolist()) for r, g in frame[frame.arm == arm].groupby("budget")]
            ratios, values = zip(*cells, strict=True)
            height, colour = band(axis, [100 * r for r in ratios], values, colour_of(arm))
            ends.append((height, short_name(arm), colour))
        if len(base):
            axis.axhline(base[key].mean(), color=colour_of(ALL_FIELDS), lw=1, ls="--")
            ends.append((base[key].mean(), ALL_FIELDS, colour_of(ALL_FIELDS)))
        axis.set_xticks([100 * r for r in sorted(frame.budget.unique())])
        bare(axis, xlabel="τ, % of the fields removed", title=TITLES.get(key, f"test {column.title}"))
        label_ends(axis, ends)
    return figure


def _paper(arm: str, ratio: float) -> dict[str, float]:
    """Table 3's xDeepFM row, which is the figure's point at τ = .5; the others are drawn without numbers."""
    row = published.printed_table("lightfmp_table3").set_index("backbone").loc["xDeepFM"]
    part = {(ALL_FIELDS, 0.0): "base", (LITERAL, 0.5): "lightfmp"}.get((arm, ratio))
    keys = {"test_auc": "auc", "test_logloss": "logloss", "TT": "seconds"}
    return {key: float(row[f"{part}_{name}"]) for key, name in keys.items()} if part else {}


def main_table(reference: pd.DataFrame, run: pd.DataFrame, digits: int = 4) -> HtmlTable:
    """Paper | reference | this run, a row for each arm and ratio.

    Args:
        reference, run: see `results.frame`. digits: decimals of this run's AUC and log-loss.
    """
    order = list(dict.fromkeys([*reference.arm, *run.arm]))
    return comparison(
        sorted(keys(CELL, reference, run), key=lambda cell: (order.index(cell[0]), cell[1])),
        CELL,
        COLUMNS,
        _paper,
        {"reference": reference, "this run": run},
        digits={"this run": digits},
        caption="Accuracy and total training time by prune ratio",
        formats={("paper", "TT, s"): ".0f", ("", "τ"): ".2f"},
        group=("", "arm"),
        note=f"Mean ± standard deviation over seeds ({seed_counts(reference, run, list(CELL))}). "
        "Of the paper's points only τ = .5 is printed, in its Table 3. TT of the reference is processor time "
        "on one thread.",
    )


def unpruned_table(compared: pd.DataFrame) -> HtmlTable | Prose:
    """Each arm at each ratio against itself without pruning, in AUC and log-loss."""
    if not (compared.against == UNPRUNED).any():
        return pending.reason(compared)
    own = pd.concat([outcomes(compared, (UNPRUNED,), metric) for metric in METRICS])
    rows: list[dict] = []
    for (arm, metric), part in own.groupby(["arm", "metric"], sort=False):
        row = {"arm": arm, "in": metric_of(metric).title}
        for d in part.sort_values("budget").itertuples():
            row[f"τ = {d.budget:g}"] = interval_and_outcome(d)
        rows.append(row)
    count = int((own.metric == AUC.name).sum())
    note = f"To the same arm at τ = 0. {difference_note(count, 'this table in each metric')}"
    order = list(own.arm.unique())
    rows.sort(key=lambda row: order.index(row["arm"]))
    return table(pd.DataFrame(rows), caption="What pruning itself changes", group="arm", note=note)


def free_shares(compared: pd.DataFrame) -> Prose:
    """Plain words: how much each arm removes before test AUC falls behind all fields."""
    rows = compared[(compared.metric == AUC.name) & (compared.against == ALL_FIELDS) & (compared.budget > 0)]
    if not len(rows):
        return pending.reason(compared)
    sentences = []
    for arm in rows.arm.unique():
        own = rows[rows.arm == arm].sort_values("budget")
        free = [d.budget for d in own.itertuples() if d.high >= 0]
        first = own.iloc[0]
        words = (
            f"not behind all fields at τ = {', '.join(f'{r:g}' for r in free)}"
            if free
            else f"behind all fields at every ratio, at τ = {first.budget:g} already by "
            f"{interval(first.difference, first.low, first.high)}"
        )
        sentences.append(f"**{arm}**: {words}.")
    return Prose(tuple(sentences))


def _by_ratio(v: Reading) -> dict[float, pd.DataFrame]:
    return dict(iter(v.runs.groupby("budget")))


def _means(v: Reading, key: str, places: int) -> str:
    means = {ratio: own[key].mean() for ratio, own in _by_ratio(v).items()}
    return ", ".join(f"{m:,.{places}f} at {ratio:g}" for ratio, m in means.items() if m == m)


def _falls(v: Reading, key: str, since: float = 0.0) -> list[Case]:
    """At each step from one ratio to the next, by Welch's t."""
    runs = _by_ratio(v)
    return [
        Case(
            "falls",
            f"to {b:g}",
            told.below(runs[b][key], runs[a][key]),
            f"{step:+.4g}" if step == step else "",
        )
        for a, b in pairwise(sorted(runs))
        for step in [runs[b][key].mean() - runs[a][key].mean()]
        if a >= since
    ]


def _unpruned(v: Reading) -> pd.DataFrame:
    """AUC against the same arm's without pruning, by ratio."""
    return v.against(UNPRUNED).set_index("budget").sort_index()


def _gains(auc: pd.DataFrame) -> list[Case]:
    return [Case("gains", f"at {r:g}", *_gained(auc, r)) for r in (0.25,) if r in auc.index]


def _gained(auc: pd.DataFrame, ratio: float) -> tuple[bool | None, str]:
    """Whether AUC gained at a ratio, and by how much."""
    d = auc.loc[ratio]
    return told.gained(d, AUC), interval(d.difference, d.low, d.high)


def _change(auc: pd.DataFrame) -> str:
    return ", ".join(f"{interval(d.difference, d.low, d.high)} at {r:g}" for r, d in auc.iterrows())


def _yes(cases: Sequence[Case]) -> str:
    return ", ".join({True: "yes", False: "no", None: OPEN}[case.passed] for case in cases)


def _peaks(v: Reading) -> CasesFound:
    gains, falls = _gains(_unpruned(v)), _falls(v, "test_auc", since=0.25)
    figures = f"AUC {_means(v, 'test_auc', 4)}, log-loss {_means(v, 'test_logloss', 4)}"
    return CasesFound([*gains, *falls], f"{figures}; improves: {_yes(gains)}; declines: {_yes(falls)}")


def _moderate(v: Reading) -> CasesFound:
    auc = _unpruned(v)
    ends = ((r, *_gained(auc, r)) for r in auc.index if r > 0.5)
    harms = [Case("harms", f"at {r:g}", negated(gained), figure) for r, gained, figure in ends]
    return CasesFound([*_gains(auc), *harms], _change(auc))


def _quicker(v: Reading) -> CasesFound:
    means = {ratio: (own.CT / own.epochs).mean() for ratio, own in _by_ratio(v).items()}
    epochs = ", ".join(f"{m:.0f} at {ratio:g}" for ratio, m in means.items() if m == m)
    return CasesFound(_falls(v, "TT"), f"{_means(v, 'TT', 0)} s; an epoch of continued training {epochs} s")


def _simpler(v: Reading) -> CasesFound:
    runs, auc = _by_ratio(v), _unpruned(v)
    steps = pairwise(sorted(runs))
    smaller = [bool(runs[b].parameters.max() < runs[a].parameters.min()) for a, b in steps]
    better = all_of(all(smaller), any_of(*(_gained(auc, r)[0] for r in auc.index)))
    cases = [Case("better", "", better, _change(auc))]
    return CasesFound(cases, f"{_means(v, 'parameters', 0)} parameters; AUC {_change(auc)}")


TESTS = (
    Test(
        ("4.4-1b",),
        "AUC at .25 above the same arm's at τ = 0, 95 % interval above 0; then it falls at each step by "
        "Welch's t over seeds at 95 %",
        _peaks,
    ),
    Test(
        ("4.4-2",),
        "AUC against the same arm's at τ = 0: above at .25, below at .75, 95 % intervals without 0",
        _moderate,
    ),
    Test(
        ("4.4-4",),
        "processor time of both phases falls at each step, by Welch's t at 95 % over seeds",
        _quicker,
    ),
    Test(
        ("4.4-5a",),
        "fewer parameters at each step, and AUC at some ratio above the same arm's at τ = 0, 95 % interval "
        "above 0",
        _simpler,
    ),
)


def claims(reference: pd.DataFrame, compared: pd.DataFrame) -> list[Claim]:
    """What §4.4 says of the prune ratio, judged on the reference records of Figure 3."""
    arms = [arm for arm in curves_of(reference) if arm != RANDOM_FIELDS]
    asked = {arm: Reading(arm, reference, compared) for arm in arms}
    return judged_by_arm("lightfmp_fig2c", TESTS, asked)


JUDGE = Judge(
    "lightfmp_fig2c",
    "lightfmp_fig2c_prune_ratio",
    TESTS,
    partial(results.reference_frame, SHOWN),
    lambda reference: claims(reference, results.load_comparisons(SHOWN, reference)),
)
