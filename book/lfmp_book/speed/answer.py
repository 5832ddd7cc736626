"""What the committed measurements of speed answer."""

from collections.abc import Mapping
from typing import Any

from ..show.answer import Answer
from ..show.words import listed
from .performance import MEASURES, batch_of, measured_rows
from .speed import met, target_ratios


def answer(results: Mapping[str, Any]) -> Answer:
    """How many of the targets are met, and how fast this code is beside the fastest peer.

    Args:
        results: see `speed.load`.
    """
    found = [(target, target_ratios(results, target)) for target in results["targets"]]
    reached = [any(met(target, ratio) for ratio in own.values()) for target, own in found if own]
    missed = [
        target["text"] for (target, own) in found if own and not any(met(target, r) for r in own.values())
    ]
    said = [
        f"**{sum(reached)} of {len(reached)} targets, written down before the work, are met** by one of this "
        f"book's ways at least; missed: {listed(missed)}."
    ]
    for measure, name in MEASURES.items():
        rows = measured_rows(results, measure)
        own = rows[rows.role == "ours"].dropna(subset="× fastest peer")
        best = (
            own.assign(ratio=[r.value for r in own["× fastest peer"]])
            .groupby("model", sort=False)
            .ratio.max()
        )
        told = listed([f"{model} × {ratio:.2f}" for model, ratio in best.items()])
        said.append(f"Rows a second of the fastest way here over the fastest peer's, {name}: {told}.")
    return Answer(
        tuple(said),
        f"Medians over rounds in turns, batches of {batch_of(results):,} generated rows, one machine; "
        "another "
        "machine has other target_ratios.",
    )
