"""Which planted fields the selectors find: precision and recall against a truth that is known."""

import re
from collections.abc import Sequence
from math import isnan, nan, sqrt
from typing import Any

import pandas as pd

from lfmp_core.experiments.decisions import Contrast, decide
from lfmp_core.experiments.items import Grid, get_item
from lfmp_core.experiments.spec import plain
from lfmp_core.experiments.store import store_for
from lfmp_core.settings import canonical_json

from ..claims import pending, told
from ..claims.cases import Case, share_in_words
from ..claims.claim import Claim, Prose
from ..claims.judge import Judge
from ..claims.test import CasesFound, Test
from ..evidence import results
from ..evidence.frames import framed
from ..evidence.outcomes import UNDECIDED
from ..evidence.results import RANDOM_FIELDS
from ..show.html import HtmlTable, Spread, table
from .arms import LITERAL, ONE_PASS, judged
from .truth import chance_limit, scored, truth_of

ITEM = "planted_recovery"
REPAIRED = "Light-FMP, repaired, 2,000 × 25"
TRUTH = {
    **{"signal": "float64", "redundant": "int64", "case": "str"},
    **dict.fromkeys(("precision", "recall", "useful_precision", "useful_recall", "ranking"), "float64"),
    **{"chance": "float64", "limit": "float64", "variant": "str", "rows": "int64"},
}
_SIZED = re.compile(r"^Light-FMP, (as printed|repaired), ([\d,]+) × (\d+)$")


def with_truth(choices: pd.DataFrame, grids: Sequence[Grid]) -> pd.DataFrame:
    """Choices held against the truth.

    Columns besides those of `results.choice_frame`: signal, redundant, case (both in words), those of
    `scored`, chance and limit of the recall, variant and rows of Light-FMP's pretraining sizes. A choice that
    two arms of a grid share, having the same settings, stands under both names.
    """
    names = _shared(grids)
    arms = [names.get(arm, [arm]) for arm in choices.arm]
    frame = choices.assign(arm=arms).explode("arm", ignore_index=True)
    rows = []
    for c in frame.itertuples():
        truth = truth_of(c.reference)
        sized = _SIZED.match(c.arm)
        rows.append(
            {
                "signal": truth.signal,
                "redundant": len(truth.redundant),
                "case": f"signal {truth.signal:g}, {len(truth.redundant) or 'no'} redundant",
                **scored(c.kept_fields, c.scores, truth),
                "chance": len(c.kept_fields) / truth.num_fields,
                "limit": chance_limit(truth, len(c.kept_fields)),
                "variant": sized[1] if sized else "",
                "rows": int(sized[2].replace(",", "")) if sized else 0,
            }
        )
    whole = pd.concat([frame, framed(rows, TRUTH)], axis=1)
    return whole.sort_values(["signal", "redundant"], kind="stable", ignore_index=True)


def _shared(grids: Sequence[Grid]) -> dict[str, list[str]]:
    """Label → all labels of its grid with the same method and settings."""
    found: dict[str, list[str]] = {}
    for grid in grids:
        same: dict[str, list[str]] = {}
        for arm in grid.arms:
            key = canonical_json([arm.method, arm.budget.share, arm.budget.of, plain(arm.method_settings)])
            same.setdefault(key, []).append(arm.label)
        found |= {labels[0]: labels for labels in same.values()}
    return found


def of_run(grids: Sequence[Grid], *, workers: int | None = None) -> pd.DataFrame:
    """Compute what is missing of some grids → `with_truth`."""
    results.run(grids, workers=workers)
    return with_truth(results.choice_frame(grids, store_for(grids[0].profile)), grids)


def of_reference() -> pd.DataFrame:
    """The committed reference records → `with_truth`. Needs no data and generates none."""
    grids = get_item(ITEM).grids("reference")
    frame = with_truth(results.choice_frame(grids, store_for("reference")), grids)
    if not len(frame):
        frame.attrs["reason"] = f"{pending.NOT_YET}; run: lfmp run {ITEM} --profile reference --workers 2"
    return frame


def at_hand(reference: pd.DataFrame) -> str:
    """How many of the planned reference choices there are."""
    grids = get_item(ITEM).grids("reference")
    planned = sum(len(_shared([grid])) * len(grid.seeds) for grid in grids)
    return f"reference: {reference.id.nunique()} of {planned} choices"


def shown_selectors(frame: pd.DataFrame) -> pd.DataFrame:
    """Without Light-FMP's other pretraining sizes."""
    return frame[(frame.variant == "") | (frame.arm == REPAIRED)]


def order(frame: pd.DataFrame) -> list[str]:
    """Arms by mean recall of the informative fields, best first; by ranking where that is equal."""
    means = frame.groupby("arm", sort=False)[["recall", "ranking"]].mean().round(9)
    return means.sort_values(["recall", "ranking"], ascending=False, kind="stable").index.tolist()


def to_best(frame: pd.DataFrame) -> pd.DataFrame:
    """Each arm's recall against that of the best arm, paired by data and seed: difference, error, outcome.

    error: two standard errors of the mean difference, NaN with a single pair. outcome: worse, or undecided,
    by Student's t of the pairs, adjusted for all selectors (`decisions.decide`).
    """
    wide = frame.pivot_table(index=["case", "seed"], columns="arm", values="recall")
    best = order(frame)[0]
    rows, contrasts = {}, {}
    for arm in wide:
        d = (wide[arm] - wide[best]).dropna()
        error = 2 * float(d.std()) / sqrt(len(d)) if len(d) > 1 else nan
        mean = float(d.mean())
        rows[arm] = {"difference": mean, "error": error}
        if arm != best:
            contrasts[arm] = Contrast(mean, 0.0 if isnan(error) else error / 2, max(len(d) - 1, 1))
    decided = decide(contrasts, margin=0.0).by_name
    found = pd.DataFrame.from_dict(rows, orient="index")
    said = [decided[arm].outcome if arm in decided else UNDECIDED for arm in found.index]
    return found.assign(outcome=said)


def _to_best(b: Any) -> str:
    if b.difference == 0:
        return "best"
    error = "" if isnan(b.error) else f" ± {b.error:.2f}"
    return f"{b.difference:+.2f}{error} {b.outcome}"


def _number(count: int, word: str) -> str:
    return f"{count} {word}{'s' * (count != 1)}"


def main_table(frame: pd.DataFrame, caption: str) -> HtmlTable | Prose:
    """A row a selector: precision and recall of informative fields and of useful ones, ranking, seconds."""
    if not len(frame):
        return pending.reason(frame)
    own = shown_selectors(frame)
    best = to_best(own)
    rows = []
    for arm in order(own):
        part = own[own.arm == arm]
        rows.append(
            {
                ("", "selector"): arm,
                ("informative", "precision"): Spread.over(part, "precision", 2),
                ("informative", "recall"): Spread.over(part, "recall", 2),
                ("informative", "recall − best"): _to_best(best.loc[arm]),
                ("or redundant", "precision"): Spread.over(part, "useful_precision", 2),
                ("or redundant", "recall"): Spread.over(part, "useful_recall", 2),
                ("scores", "ranking"): Spread.over(part.dropna(subset="ranking"), "ranking", 2),
                ("", "PT, s"): part.PT.mean(),
            }
        )
    data = pd.DataFrame(rows)
    data.columns = pd.MultiIndex.from_tuples(data.columns)
    truth = truth_of(own.reference.iloc[0])
    k = len(own.kept_fields.iloc[0])
    n = len(truth.informative)
    note = (
        f"Mean ± standard deviation over {_number(own.case.nunique(), 'data set')} and "
        f"{_number(own.seed.nunique(), 'seed')}. "
        f"{k} of {truth.num_fields} fields are kept and {n} are informative: precision is {n / k:.2f} at "
        f"most; by chance precision is {n / truth.num_fields:.2f} and recall {k / truth.num_fields:.2f}. "
        "Recall − best: paired over data sets and seeds, ± two standard errors; worse or "
        f"undecided for all {_number(len(best) - 1, 'selector')} together (Holm). Ranking: how often an "
        "informative field's score is above a noise field's, 0.5 by chance. PT: processor time of choosing."
    )
    return table(data, caption=caption, formats={("", "PT, s"): ".1f"}, note=note)


def case_table(frame: pd.DataFrame) -> HtmlTable | Prose:
    """Where choosing works: a row a data set, with chance, the best, Light-FMP, and how many beat chance."""
    if not len(frame):
        return pending.reason(frame)
    own = shown_selectors(frame)
    rows = []
    for (signal, redundant), part in own.groupby(["signal", "redundant"]):
        means = part.groupby("arm").recall.mean().drop(RANDOM_FIELDS, errors="ignore")
        beaten = beats_chance(part)
        row: dict = {"signal": signal, "redundant fields": redundant}
        row |= {"by chance": part.chance.iloc[0], "95 % of random choices": part.limit.iloc[0]}
        best = means[means == means.max()].index.tolist()
        row["best"] = Spread.over(part[part.arm == best[0]], "recall", 2)
        row["by"] = best[0] + (f" and {len(best) - 1} more" if len(best) > 1 else "")
        row |= {arm: Spread.over(part[part.arm == arm], "recall", 2) for arm in (LITERAL, REPAIRED)}
        row["selectors above chance"] = f"{sum(beaten.values())} of {len(beaten)}"
        rows.append(row)
    note = (
        "Recall of the informative fields. Above chance: above what 95 of 100 random choices reach, in each "
        "seed."
    )
    formats = {"signal": "g", "by chance": ".2f", "95 % of random choices": ".2f"}
    return table(pd.DataFrame(rows), caption="Where choosing works", formats=formats, note=note)


def beats_chance(frame: pd.DataFrame) -> dict[str, bool]:
    """Arm → whether its recall is above what 95 of 100 random choices reach in each run."""
    return {
        str(arm): bool((part.recall > part.limit).all())
        for arm, part in frame.groupby("arm", sort=False)
        if arm != RANDOM_FIELDS
    }


def mostly_above_chance(frame: pd.DataFrame) -> bool:
    """Whether the mean recall of more than half of the selectors is above chance."""
    own = shown_selectors(frame)
    means = own[own.arm != RANDOM_FIELDS].groupby("arm")[["recall", "chance"]].mean()
    return bool((means.recall > means.chance).mean() > 0.5)


def recovery_in_words(frame: pd.DataFrame) -> Prose:
    """Plain words: who ties with the best, where choosing works, what the repairs of Light-FMP change."""
    if not len(frame):
        return pending.reason(frame)
    own = shown_selectors(frame)
    best = to_best(own)
    first = [arm for arm in order(own) if best.difference[arm] == 0]
    level = [arm for arm in order(own) if best.outcome[arm] == UNDECIDED and arm not in first]
    sentences = [
        f"Most informative fields ({_mean(own, first[0])}) are found by **{'; '.join(first)}**; not to be "
        f"told apart from that: {'; '.join(f'{arm} ({_mean(own, arm)})' for arm in level) or 'none'}."
    ]
    for case, part in own.groupby("case", sort=False):
        beaten = beats_chance(part)
        above, rest = ([arm for arm, wins in beaten.items() if wins is side] for side in (True, False))
        told = f"only {'; '.join(above)}" if len(above) < len(rest) else f"all but {'; '.join(rest)}"
        sentences.append(
            f"{case.capitalize()}: {len(above)} of {len(beaten)} selectors are above chance in each seed"
            + (f", {told}." if above and rest else ".")
        )
    curves = frame[frame.variant != ""]
    for rows, part in curves.groupby("rows"):
        wide = part.pivot_table(index=["case", "seed"], columns="variant", values="recall")
        if {"as printed", "repaired"} <= set(wide):
            d = (wide["repaired"] - wide["as printed"]).dropna()
            error = f" ± {2 * d.std() / sqrt(len(d)):.2f}" if len(d) > 1 else ""
            sentences.append(
                f"Light-FMP with {rows:,} rows: repaired {wide['repaired'].mean():.2f}, as printed "
                f"{wide['as printed'].mean():.2f}, difference {d.mean():+.2f}{error}; by chance "
                f"{part.chance.mean():.2f}."
            )
    return Prose(tuple(sentences))


def _mean(frame: pd.DataFrame, arm: str) -> str:
    return f"{frame[frame.arm == arm].recall.mean():.2f}"


def _relevant(runs: pd.DataFrame) -> CasesFound:
    """More informative fields than 95 of 100 random choices have, data set by data set, in each seed.

    So many too few, as far below chance in each seed, would say no.
    """
    cases = []
    for _, own in runs.groupby(["signal", "redundant"]):
        flags = [told.beyond(r.recall, 2 * r.chance - r.limit - 1e-9, r.limit) for r in own.itertuples()]
        passed = flags[0] if len(set(flags)) == 1 else None
        cases.append(Case(own.case.iloc[0], "", passed, f"{own.recall.mean():.2f}"))
    figures = ", ".join(f"{case.figure} ({case.where})" for case in cases)
    chance, limit = runs.chance.iloc[0], runs.limit.iloc[0]
    return CasesFound(
        cases,
        f"{share_in_words(cases, 'sets')}: {figures}; by chance {chance:.2f}, 95 of 100 draws at most "
        f"{limit:.2f}",
    )


TESTS = (
    Test(
        ("4.5-2",),
        "on planted rows more informative fields kept than 95 % of random choices have, in each seed, for "
        "each strength of the signal and each redundancy",
        _relevant,
        also=("abstract-2", "2.7-3"),
    ),
)


def claims(frame: pd.DataFrame) -> list[Claim]:
    """What §4.5 says of the choice, judged where the truth is known."""
    by_arm = {arm: frame[frame.arm == arm] for arm in (LITERAL, REPAIRED, ONE_PASS)}
    return judged(ITEM, TESTS, {arm: runs for arm, runs in by_arm.items() if len(runs)})


JUDGE = Judge(ITEM, ITEM, TESTS, of_reference, claims)
