"""LERS's Figure 2: do frequent ids have larger embeddings, and whose numbers does MagPrune remove?

Fields of clicks are Figure 2a and 2b; users and items, 2c and 2d, are in `fig2_pairs`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import permutations
from math import factorial, pi, sqrt
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from scipy.stats import rankdata, spearmanr

from lfmp_core.experiments.items import Grid
from lfmp_core.experiments.stamp import outdated
from lfmp_core.experiments.store import Store
from lfmp_core.models.recommender import xavier_std

from ..claims.cases import Case
from ..claims.claim import Claim, Prose
from ..claims.test import CasesFound, Test, claims_of
from ..evidence import results
from ..evidence.frames import framed
from ..show.curves import band, bare
from ..show.html import HtmlTable, Spread, table
from . import cf_arms
from . import grids as lers

MAGPRUNE, ALL = "MagPrune", "all fields"
BOTH = "users and items"  # all ids of collaborative filtering
TITLES = {**lers.TITLES, **cf_arms.TITLES}
# what Fig. 2 shows of frequent ids, by data set; without numbers
DRAWN = {"criteo": "higher", "gowalla": "lower"}
CHANCE = 0.05  # a rank correlation counts where so few orders by chance would reach it
ORDERS = 5040  # of seven buckets; so many are counted one by one
COLUMNS = {
    **{"dataset": "str", "backbone": "str", "sparsity": "float64", "seed": "int64", "l2": "float64"},
    **{"field": "str", "least": "int64", "rows": "int64", "magnitude": "float64", "kept": "float64"},
    **{"start": "float64", "stale": "bool", "id": "str"},
}
COLOURS = ("#1f77b4", "#dd8452", "#0b6e4f")


def grids(profile: str, **given: Any) -> list[Grid]:
    """MagPrune's runs of Table 5, and before each the search that decides for it: the same records.

    Args:
        given: as of `lers.grids.table5`.
    """
    found = []
    for grid in lers.table5(profile, **given):
        assert grid.picks is not None
        search = replace(grid.picks, arms=[arm for arm in grid.picks.arms if arm.label == MAGPRUNE])
        own = [arm for arm in grid.arms if arm.label == MAGPRUNE]
        found += [search, replace(grid, arms=own, picks=search, left_out=())]
    return found


def curves(of: Sequence[Grid], store: Store) -> pd.DataFrame:
    """What MagPrune's runs say of frequency, on each set where all have ended: a row for each run, field (or
    users and items) and bucket of ids.

    Columns as of `methods.compression.magnitude.by_frequency`, and `start`, the mean |E| of a row that was
    never trained. `attrs["silent"]` counts runs from before such curves were kept.
    """
    rows: list[dict[str, Any]] = []
    silent, ended = 0, [grid.ended(store) for grid in of]
    for arm, record in results.finals(results.whole(of, ended), store):
        if arm != MAGPRUNE:
            continue
        curve = record.details.get("frequency")
        silent += curve is None
        if curve is None:
            continue
        spec = record.spec
        whole = BOTH if set(curve["fields"]) == {"users", "items"} else ALL
        run = {
            "dataset": spec.dataset.name,
            "backbone": spec.backbone["name"],
            "sparsity": spec.budget.share,
            "seed": spec.seed,
            "l2": spec.training["l2"],
            "stale": bool(outdated(record)),
            "id": record.id,
        }
        starts = _starts(spec.backbone, curve["fields"], whole)
        for field, own in {**curve["fields"], whole: curve["all"]}.items():
            buckets = zip(own["least"], own["rows"], own["magnitude"], own["kept"], strict=True)
            for least, count, magnitude, kept in buckets:
                bucket = {"least": least, "rows": count, "magnitude": magnitude, "kept": kept}
                rows.append({**run, "field": field, **bucket, "start": starts[field]})
    frame = framed(rows, COLUMNS)
    frame.attrs["silent"] = silent
    return frame


def _starts(backbone: Mapping[str, Any], fields: Mapping[str, Any], whole: str) -> dict[str, float]:
    """Mean |E| at the start by field, std·√(2/π); of tables of users and items std is Xavier's."""
    if whole == ALL:
        return dict.fromkeys((*fields, whole), backbone["init_std"] * sqrt(2 / pi))
    rows = {field: sum(own["rows"]) for field, own in fields.items()}
    own = {field: xavier_std(n, backbone["embedding_dim"]) * sqrt(2 / pi) for field, n in rows.items()}
    return {**own, whole: sum(own[field] * n for field, n in rows.items()) / sum(rows.values())}


def wholes(frame: pd.DataFrame) -> pd.DataFrame:
    """The rows of all ids together."""
    return frame[frame.field.isin((ALL, BOTH))]


def parts(frame: pd.DataFrame) -> pd.DataFrame:
    """The rows of one field, or of users or items alone."""
    return frame[~frame.field.isin((ALL, BOTH))]


def seen(frame: pd.DataFrame) -> pd.DataFrame:
    """The buckets of ids that occur in the training rows."""
    return frame[frame.least > 0]


def once(frame: pd.DataFrame) -> pd.DataFrame:
    """One run for each seed, of the lowest sparsity.

    What is searched at one sparsity trains alike for all, so that magnitudes are the same; LightGCN is
    searched at each, and this is one of its trainings.
    """
    return frame[frame.sparsity == frame.sparsity.min()]


def correlation(least: Sequence[float], values: Sequence[float]) -> tuple[float, float]:
    """Spearman's rank correlation of buckets with a quantity, and how often chance would reach it.

    Of up to seven buckets all orders are counted, since Student's t gives a perfect order no chance at all;
    of more it is good enough. NaN for fewer than three buckets or a constant.
    """
    if len(least) < 3 or np.ptp(values) == 0:
        return float("nan"), float("nan")
    found = spearmanr(least, values, alternative="greater")
    rank, chance = float(found.statistic), float(found.pvalue)
    if factorial(len(least)) <= ORDERS:
        x, y = (rankdata(v) - (len(least) + 1) / 2 for v in (least, values))
        orders = np.array(list(permutations(y))) @ x
        chance = float(np.mean(orders >= x @ y - 1e-9))
    return rank, chance


def picture(frame: pd.DataFrame) -> Figure:
    """Mean |E| by frequency: a row of panels for each data set, one panel for each field and one for all."""
    frame = seen(once(frame))
    sets = list(frame.dataset.unique())
    figure = Figure(figsize=(11, 0.6 + 2.7 * len(sets)), layout="constrained")
    for axes, name in zip(figure.subplots(len(sets), 3, squeeze=False), sets, strict=True):
        part = frame[frame.dataset == name]
        for axis, field in zip(axes, part.field.unique(), strict=True):
            own = part[part.field == field]
            for backbone, colour in zip(own.backbone.unique(), COLOURS, strict=False):
                cells = own[own.backbone == backbone].groupby("least").magnitude.apply(list)
                band(axis, cells.index, cells.tolist(), colour, label=TITLES.get(backbone, backbone))
            axis.axhline(own.start.iloc[0], color="#9aa0a6", lw=1, ls="--")
            bare(axis, xlabel="occurrences in training", title=f"{name}: {field}")
            axis.set_xscale("log", base=2)
            axis.set_ylim(bottom=0)
        axes[0].set_ylabel("mean |E| of a row")
        axes[0].legend(frameon=False, fontsize=8)
    return figure


def kept_picture(frame: pd.DataFrame) -> Figure:
    """Share of numbers that MagPrune leaves by frequency, all fields: a panel for each set and backbone."""
    frame = seen(wholes(frame))
    panels = list(frame[["dataset", "backbone"]].drop_duplicates().itertuples(index=False, name=None))
    figure = Figure(figsize=(11, 0.6 + 2.7 * -(-len(panels) // 3)), layout="constrained")
    axes = list(figure.subplots(-(-len(panels) // 3), 3, squeeze=False).flat)
    for axis, (name, backbone) in zip(axes, panels, strict=False):
        own = frame[(frame.dataset == name) & (frame.backbone == backbone)]
        for sparsity, colour in zip(sorted(own.sparsity.unique()), COLOURS, strict=False):
            cells = own[own.sparsity == sparsity].groupby("least").kept.apply(list)
            band(axis, cells.index, cells.tolist(), colour, label=f"t = {sparsity:g}")
        title = f"{name}: {TITLES.get(backbone, backbone)}"
        bare(axis, xlabel="occurrences in training", title=title, ylim=(0, 1.02))
        axis.set_xscale("log", base=2)
        axis.legend(frameon=False, fontsize=8)
    axes[0].set_ylabel("share of numbers kept")
    for axis in axes[len(panels) :]:
        axis.set_visible(False)
    return figure


def correlations(frame: pd.DataFrame, what: str) -> pd.DataFrame:
    """Rank correlation of frequency with `magnitude` or `kept`, a row for each run and field.

    `chance` and `below`: shares of all orders that reach as high, and as low, a correlation.
    """
    keys = ["dataset", "backbone", "sparsity", "seed", "field"]
    rows = []
    for key, own in seen(frame).groupby(keys, sort=False):
        rank, chance = correlation(own.least.tolist(), own[what].tolist())
        _, below = correlation(own.least.tolist(), (-own[what]).tolist())
        ends = own.sort_values("least")
        rows.append(
            {
                **dict(zip(keys, key, strict=True)),
                "buckets": len(own),
                "ids": int(own.rows.sum()),
                "rank": rank,
                "chance": chance,
                "below": below,
                "rare": float(ends[what].iloc[0]),
                "frequent": float(ends[what].iloc[-1]),
                "start": float(own.start.iloc[0]),
                "l2": float(own.l2.iloc[0]),
            }
        )
    columns = [*keys, "buckets", "ids", "rank", "chance", "below", "rare", "frequent", "start", "l2"]
    return pd.DataFrame(rows, columns=columns)


def main_table(reference: pd.DataFrame, run: pd.DataFrame) -> HtmlTable:
    """Paper | reference | this run: rank correlation of frequency and magnitude, and its two ends."""
    rows = []
    for heading, frame in (("reference", reference), ("this run", run)):
        found = correlations(once(frame), "magnitude")
        for (name, backbone, field), own in found.groupby(["dataset", "backbone", "field"], sort=False):
            drawn = DRAWN.get(name) if field not in (ALL, BOTH) else None
            rows.append(
                {
                    "": heading,
                    "set": name,
                    "backbone": TITLES.get(backbone, backbone),
                    "λ": own.l2.iloc[0],
                    "field": field,
                    "paper": drawn,
                    "ids": own.ids.iloc[0],
                    "buckets": own.buckets.iloc[0],
                    "rank correlation": Spread.over(own, "rank", 2),
                    "|E|, rarest": Spread.over(own, "rare", 4),
                    "|E|, most frequent": Spread.over(own, "frequent", 4),
                    "|E| at the start": own.start.iloc[0],
                }
            )
    note = (
        "Spearman's correlation over buckets of ids that occur 1, 2–3, 4–7, … times; mean ± standard "
        "deviation over seeds. λ: of L2, as the search found it. Paper: what Fig. 2 shows of frequent ids, "
        "without numbers."
    )
    formats = {"|E| at the start": ".4f", "λ": ".2g"}
    return table(
        pd.DataFrame(rows), caption="Frequency and magnitude", formats=formats, group="", note=note
    )  # fmt: skip


def removed_table(frame: pd.DataFrame) -> HtmlTable:
    """Share of numbers that MagPrune leaves, by frequency and sparsity; means over runs of the frame."""
    own = wholes(frame)
    rows = []
    for (name, backbone), part in own.groupby(["dataset", "backbone"], sort=False):
        for least, bucket in part.groupby("least"):
            span = f"{least:,} to {2 * least - 1:,}" if least > 1 else "once" if least else "never"
            row: dict = {"set": name, "backbone": TITLES.get(backbone, backbone), "ids occur": span}
            row["ids"] = bucket.rows.iloc[0]
            row |= {f"kept, t = {t:g}": cell.kept.mean() for t, cell in bucket.groupby("sparsity")}
            rows.append(row)
    data = pd.DataFrame(rows)
    formats = {column: ".0%" for column in data.columns if column.startswith("kept")}
    return table(data, caption="What MagPrune leaves, by frequency", formats=formats, group="backbone")


def beyond_chance(found: pd.DataFrame) -> list[Case]:
    """Whether each correlation is above 0 beyond chance: no if it is as far below, and nothing between.

    Of so few buckets that no order of them could be there is nothing to say.
    """
    cases = []
    for row in found.itertuples():
        enough = not np.isnan(row.rank) and 1 / factorial(row.buckets) < CHANCE
        passed = True if row.chance < CHANCE else False if row.below < CHANCE else None
        cases.append(Case("", "", passed if enough else None, f"{row.rank:.2f}" * enough))
    return cases


def _higher(own: pd.DataFrame) -> CasesFound:
    """Magnitude by frequency, in the fields that Figure 2 draws."""
    sizes = correlations(once(own), "magnitude")
    fields = parts(sizes)
    told = [
        f"{field}: {part['rank'].min():.2f} to {part['rank'].max():.2f}"
        for field, part in fields.groupby("field", sort=False)
    ]
    return CasesFound(beyond_chance(fields), "; ".join(told))


def _small(own: pd.DataFrame) -> CasesFound:
    """The rarest ids against a row that was never trained."""
    sizes = correlations(once(own), "magnitude")
    rare = wholes(sizes)
    cases = [Case("", "", bool(row.rare < row.start)) for row in rare.itertuples()]
    told = f"{rare.rare.min():.4f} to {rare.rare.max():.4f}; at the start {rare.start.iloc[0]:.4f}"
    return CasesFound(cases, told)


def _taken_out(own: pd.DataFrame) -> CasesFound:
    """What MagPrune keeps by frequency."""
    kept = correlations(wholes(own), "kept")
    shares = [
        f"{part.rare.mean():.0%} of the rarest and {part.frequent.mean():.0%} of the most frequent at {t:.0%}"
        for t, part in kept.groupby("sparsity")
    ]
    return CasesFound(beyond_chance(kept), "kept " + "; ".join(shares))


_RANK = f"Spearman over buckets above 0, by chance in fewer than {CHANCE:.0%}"
TESTS = (
    Test(("4.2-1a",), f"{_RANK}, in the first and the second field, each backbone and seed", _higher),
    Test(
        ("4.2-2",),
        "mean |E| of ids that occur least often below a row's that was never trained, each backbone and seed",
        _small,
    ),
    Test(
        ("4.2-3",),
        f"share of numbers kept against frequency, all fields: {_RANK}, each sparsity, backbone and seed",
        _taken_out,
    ),
)


def claims(reference: pd.DataFrame) -> list[Claim]:
    """What §4.2 says of Figure 2a and 2b, judged on the reference records of Criteo."""
    own = reference[reference.dataset == "criteo"]
    return claims_of("lers", "lers_fig2", TESTS, {"": own}) if len(own) else []


def state(reference: pd.DataFrame, sets: Sequence[str] = lers.SETS, item: str = "lers_table5") -> Prose:
    """Which reference records there are, and which are missing.

    Args:
        sets: that there should be. item: that runs them.
    """
    silent = reference.attrs.get("silent", 0)
    have = [f"{name}: {part.id.nunique()} runs" for name, part in reference.groupby("dataset", sort=False)]
    sentences = ["Reference runs of MagPrune: " + ("; ".join(have) or "none yet") + "."]
    absent = [name for name in sets if name not in set(reference.dataset)]
    if absent:
        sentences.append(
            f"Missing: {', '.join(absent)}; run: lfmp run {item} --profile reference --workers 2"
        )
    if silent:
        sentences.append(f"{silent} more runs are from before MagPrune kept these curves.")
    return Prose(tuple(sentences))
