"""What `python -m benchmarks.level` measured: LightGCN on Gowalla, up to the paper's NDCG@20."""

from collections.abc import Mapping
from typing import Any

import pandas as pd

from ..claims.claim import Prose
from ..evidence.rounds import kept_figures, made_table
from ..lers.scores.blocks import ORIGINAL, Cell
from ..lers.scores.lists import PrintedLists
from ..show.html import Stack, table, verdict

COMMAND = "python -m benchmarks.level --out book/performance/level.json"
THREADS, SECONDS = 2, 90  # of the target
TARGET = "LightGCN to the paper's NDCG@20 on Gowalla"


def level_figures() -> dict[str, Any]:
    """The committed figures; no runs where there is no file."""
    return kept_figures("level", "runs")


def printed_level() -> float:
    """NDCG@20 that LERS' Table 6 prints for the whole LightGCN on Gowalla."""
    level = PrintedLists().value(Cell("Gowalla", "LightGCN", 0.0), ORIGINAL)
    assert level is not None
    return level


def target_met(results: Mapping[str, Any]) -> bool | None:
    """Whether so many threads came to the level in time; None: not measured."""
    run = results["runs"].get(str(THREADS))
    return run and run["seconds"] <= SECONDS and run["metrics"]["ndcg20"] >= printed_level()


def page(results: Mapping[str, Any]) -> Stack | Prose:
    """A row a number of threads, and whether the target is met."""
    if not results["runs"]:
        return Prose((f"no figures yet; run: {COMMAND}",))
    rows = [
        {
            "threads": run["made"]["threads"],
            "layers": run["recommender"]["layers"],
            "B": run["training"]["batch_size"],
            "learning rate": run["training"]["learning_rate"],
            "λ": run["training"]["l2"],
            "γ": run["training"]["contrast"],
            "epochs": run["training"]["epochs"],
            "s an epoch": run["seconds"] / run["training"]["epochs"],
            "s": run["seconds"],
            "test NDCG@20": run["metrics"]["ndcg20"],
            "paper": printed_level(),
        }
        for run in results["runs"].values()
    ]
    met, pairs = target_met(results), next(iter(results["runs"].values()))["pairs"]
    told = "not measured" if met is None else verdict("holds" if met else "fails")
    found = table(
        pd.DataFrame(rows),
        caption="LightGCN on the whole Gowalla, up to the paper's level",
        formats={"B": ",.0f", "s an epoch": ".1f", "s": ".0f", "test NDCG@20": ".4f", "paper": ".4f"},
        note=f"Target: the paper's NDCG@20 within {SECONDS} s of training on {THREADS} threads: {told}. One "
        f"run; {pairs:,} pairs an epoch. The clock is held to the training, which no validation "
        "interrupts; settings and epochs were chosen on validation pairs beforehand, and the test pairs are "
        "ranked once, after it.",
    )
    return Stack((found, made_table({"groups": {f"{n} threads": run for n, run in results["runs"].items()}})))
