"""Whether the fast ways of training learn as much as the plain one, and what a layout of tables costs."""

from collections.abc import Mapping
from typing import Any

import pandas as pd
from scipy.stats import t as student

from lfmp_core.experiments.stamp import comparable

from ..claims import told
from ..claims.cases import Case, judge
from ..claims.claim import Claim, Prose
from ..evidence.rounds import Rounds
from ..show.html import HtmlTable, Spread, table
from .grids import TRAINING_VARIANTS
from .speed import entry_named, fastest, load_figures

PLAIN = next(iter(TRAINING_VARIANTS))


def seed_differences(frame: pd.DataFrame, metric: str = "test_auc") -> pd.DataFrame:
    """Each run minus the plain run of the same backbone and seed: backbone, arm, seed, difference."""
    plain = frame[frame.arm == PLAIN].set_index(["backbone", "seed"])[metric]
    stamps = frame[frame.arm == PLAIN].set_index(["backbone", "seed"]).numerics
    rows = [
        {"backbone": r.backbone, "arm": r.arm, "seed": r.seed, "difference": getattr(r, metric) - plain[key]}
        for r in frame.itertuples()
        if r.arm != PLAIN and (key := (r.backbone, r.seed)) in plain.index
        if comparable(r.numerics, stamps[key])
    ]
    return pd.DataFrame(rows, columns=["backbone", "arm", "seed", "difference"])


def variants_table(frame: pd.DataFrame) -> HtmlTable:
    """Test AUC and log-loss of each way, and what it differs from the plain way by, seed by seed."""
    found = seed_differences(frame)
    rows = []
    for (backbone, arm), own in frame.groupby(["backbone", "arm"], sort=False):
        away = found[(found.backbone == backbone) & (found.arm == arm)].difference
        rows.append(
            {
                "backbone": backbone,
                "way": arm,
                "seeds": len(own),
                "AUC": Spread.over(own, "test_auc", 5),
                "log-loss": Spread.over(own, "test_logloss", 5),
                "AUC minus plain": Spread.of(away.tolist(), 5) if len(away) else None,
                "largest": away.abs().max() if len(away) else None,
            }
        )
    return table(
        pd.DataFrame(rows),
        caption="The same training, three ways",
        formats={"largest": ".5f"},
        group="backbone",
        note="Mean ± standard deviation over seeds; the difference is taken seed by seed.",
    )


def claims(frame: pd.DataFrame) -> list[Claim]:
    """The project's own claims on its fast ways, judged on the reference records."""
    found, judged = seed_differences(frame), []
    for way in [w for w in TRAINING_VARIANTS if w != PLAIN]:
        cases, words = [], []
        for backbone, own in found[found.arm == way].groupby("backbone", sort=False):
            spread = frame[(frame.backbone == backbone) & (frame.arm == PLAIN)].test_auc.std()
            reach = student.ppf(0.975, len(own) - 1) * own.difference.std() / len(own) ** 0.5
            ends = own.difference.mean() - reach, own.difference.mean() + reach
            cases.append(
                Case(backbone, "", told.within_margin(*ends, spread), f"{own.difference.mean():+.5f}")
            )
            words.append(f"{backbone} {own.difference.mean():+.5f} (spread {spread:.5f})")
        test = "95 % t interval of the difference in test AUC from plain training within ± the seeds' spread"
        judged.append(Claim(f"{way} learn as much", "this project", test, "; ".join(words), judge(cases)))
    return judged


def room(results: Mapping[str, Any]) -> Prose:
    """For each target against a peer: what it asks for in milliseconds, beside the floor in float32."""
    sentences = []
    for target in results["targets"]:
        group = results["groups"].get(target["group"])
        if group is None or target["versus"] != "peer":
            continue
        measure = target["measure"]
        peer, ours = fastest(group["entries"], measure), entry_named(group["entries"], "ours")
        if peer is None:
            continue
        asked = 1e3 * Rounds.of(peer, measure).median / target["ratio"]
        parts = group["floors"][measure]["fp32"]
        sentences.append(
            f"{target['text']}: {target['ratio']:g} times the fastest peer is {asked:.0f} ms; the floor in "
            f"float32 is {1e3 * sum(parts.values()):.0f} ms, {1e3 * parts['matrix products']:.0f} of them "
            f"matrix products; measured {1e3 * Rounds.of(ours, measure).median:.0f} ms."
        )
    return Prose(tuple(sentences))


def layout_table() -> HtmlTable:
    """First-order weights in a table of their own, or as one more column of the vectors' table."""
    found = load_figures("layouts")["layouts"]
    rows = [
        {
            "D": int(dim),
            "two tables, ms": 1e3 * own["two tables"],
            "one more column, ms": 1e3 * own["one table"],
            "two / one": f"{own['ratio']:.2f} [{own['low']:.2f}, {own['high']:.2f}]",
        }
        for dim, own in found.items()
    ]
    return table(
        pd.DataFrame(rows),
        caption="Lookup, backward and step of Adam of all rows, batches of 4,096",
        formats={"two tables, ms": ".1f", "one more column, ms": ".1f"},
        note="Median over rounds, [lowest, highest round].",
    )
