"""LERS's Table 6: every compression on collaborative filtering."""

from collections.abc import Iterator, Mapping

import pandas as pd

from lfmp_core.experiments.items import get_item
from lfmp_core.experiments.store import Store, store_for
from lfmp_core.metrics import NDCG20, RECALL20

from ...claims.pending import NOT_YET
from ...evidence import published, results
from ...show.comparison import ResultColumn, comparison
from ...show.html import HtmlTable, table
from .. import cf_arms
from ..scores.blocks import METHODS, ORIGINAL, SHARES
from ..scores.lists import DATASETS, NETWORKS, SETS, arm_of, printed_of
from ..scores.records import runs_on, seeds_of

ITEM = "lers_table6"
ARMS = (ORIGINAL, *cf_arms.METHODS)
PARAMS = "embedding_parameters"
FACTORS = "mf"  # the recommender of the controls
SCORES = (
    ResultColumn.measured(NDCG20),
    ResultColumn.measured(RECALL20),
    ResultColumn(PARAMS, "numbers", of=lambda runs, *_: round(runs[PARAMS].mean())),
)
FIGURES = {f"test_{NDCG20.name}": "ndcg", f"test_{RECALL20.name}": "recall", PARAMS: "params"}


def completed(frame: pd.DataFrame) -> pd.DataFrame:
    """Runs with what this page derives of them.

    `retain`: test NDCG@20 over the mean of Original on the same set and recommender (§5.2.4); `removed`:
    share of Original's tables that is gone; `name`, `network`: set and recommender as the paper calls them.

    Args:
        frame: a row a run: dataset, backbone, arm, budget (the share asked for), seed, test_ndcg20,
            test_recall20, embedding_parameters; see `results.frame`.
    """
    score = f"test_{NDCG20.name}"
    plain = frame[frame.arm == ORIGINAL].groupby(["dataset", "backbone"])[[score, PARAMS]]
    whole = frame.join(plain.mean().add_prefix("whole_"), on=["dataset", "backbone"])
    return frame.assign(
        retain=whole[score] / whole[f"whole_{score}"],
        removed=1 - whole[PARAMS] / whole[f"whole_{PARAMS}"],
        name=frame.dataset.map(lambda d: DATASETS.get(d, d)),
        network=frame.backbone.map(lambda b: NETWORKS.get(b, b)),
    )


def reference(store: Store | None = None) -> pd.DataFrame:
    """The reference records that are there, see `completed`; needs no data."""
    return completed(results.frame(get_item(ITEM).grids("reference"), store or store_for("reference")))


def headed(frame: pd.DataFrame) -> str:
    """The heading of this run's columns."""
    other = [d for d in frame.dataset.unique() if d not in DATASETS]
    return f"this run ({', '.join(other)})" if other else "this run"


def ordered(*frames: pd.DataFrame) -> Iterator[tuple[float, str]]:
    """(sparsity, arm) of a table's rows: the paper's own, those of the runs, and arms beyond both last."""
    there = {key for f in frames for key in zip(f.budget, f.arm, strict=True)}
    there |= {(0.0, ORIGINAL), *((t, arm_of(method)) for t in SHARES for method in METHODS)}
    arms = dict.fromkeys((*ARMS, *(arm for f in frames for arm in f.arm)))
    return ((t, arm) for t in sorted({t for t, _ in there}) for arm in arms if (t, arm) in there)


def printed_row(name: str, network: str, t: float, arm: str) -> Mapping[str, float]:
    """What the paper prints beside one of our rows, by the columns of runs; empty where it has no row."""
    method = printed_of(arm)
    rows = published.lers_table6()
    own = rows[(rows.dataset == name) & (rows.backbone == network) & (rows.method == method)]
    found = own[own.sparsity == t]
    return {} if not len(found) else {key: found[column].item() for key, column in FIGURES.items()}


def controls_table(name: str, reference: pd.DataFrame, run: pd.DataFrame) -> HtmlTable:
    """Reference | this run: what every recommender has to beat, on one set.

    Args:
        name: as the paper calls it. reference, run: see `completed`; they may be empty.
    """
    own, ours = runs_on(reference, name, FACTORS, SETS), runs_on(run, name, FACTORS, SETS)
    sides = {side: runs for side, runs in (("reference", own), (headed(ours), ours)) if len(runs)}
    if not sides:
        return table(pd.DataFrame({"control": []}), caption=f"{name}, controls: {NOT_YET}")
    return comparison(
        [(arm,) for arm in cf_arms.CONTROLS],
        {"arm": "control"},
        SCORES,
        None,
        sides,
        caption=f"{name}, controls: test NDCG@20 and Recall@20",
        formats={(side, "numbers"): ",.0f" for side in sides},
        note="Popularity shows everybody the same items. iALS: of LightGCN's dimension, and of its own.",
    )


def main_table(name: str, network: str, reference: pd.DataFrame, run: pd.DataFrame) -> HtmlTable:
    """Paper | reference | this run: NDCG@20, Recall@20 and numbers of one set and recommender.

    Args:
        name, network: as the paper calls them. reference, run: see `completed`; they may be empty.
    """
    own, ours = runs_on(reference, name, network, SETS), runs_on(run, name, network, SETS)
    paper = name in SETS
    if not (paper or len(own) or len(ours)):
        return table(pd.DataFrame({"method": []}), caption=f"{name}, {network}: {NOT_YET}")
    sides = {"reference": own} if len(own) else {}
    if len(ours):
        sides[headed(ours)] = ours
    note = [f"reference: {seeds_of(own)}, mean ± standard deviation" if len(own) else f"reference: {NOT_YET}"]
    note += [f"{headed(ours)}: {seeds_of(ours)}"] if len(ours) else []
    note.append("numbers: of all tables together")
    return comparison(
        ordered(own, ours),
        {"budget": "t", "arm": "method"},
        SCORES,
        (lambda t, arm: printed_row(name, network, t, arm)) if paper else None,
        sides,
        head={"t": lambda t, _: f"{t:.0%}"},
        caption=f"{name}, {network}: test NDCG@20 and Recall@20",
        formats={(side, "numbers"): ",.0f" for side in ("paper", *sides)},
        group=("", "t"),
        note="; ".join(note) + ".",
    )
