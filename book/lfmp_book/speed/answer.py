"""What the committed measurements of speed answer."""

from collections.abc import Mapping
from typing import Any

from ..evidence.rounds import Rounds
from ..show.answer import Answer
from ..show.words import listed
from .level_speed import TARGET, target_met
from .pair_speed import all_targets
from .performance import MEASURES, batch_of, measured_rows
from .speed import met, target_ratios


def answer(
    results: Mapping[str, Any],
    epochs: Mapping[str, Any],
    pairs: Mapping[str, Any],
    level: Mapping[str, Any],
) -> Answer:
    """How many of the targets are met, and how fast this code is beside the fastest peer.

    Args:
        results: figures of steps, see `speed.load_figures`.
        epochs: figures of whole epochs, in the same form; their groups may be none.
        pairs: figures of recommenders, see `pair_speed`; likewise.
        level: figures of a whole training, see `level_speed`; likewise.
    """
    asked = [(figures, target) for figures in (results, epochs) for target in figures.get("targets", ())]
    asked += [(pairs, target) for target in all_targets(pairs)]
    found = [(target, target_ratios(figures, target)) for figures, target in asked]
    reached = [
        (target["text"], any(met(target, ratio) for ratio in own.values())) for target, own in found if own
    ]
    at_level = target_met(level)
    if at_level is not None:
        reached.append((TARGET, at_level))
    missed = [text for text, so in reached if not so]
    said = [
        f"**{len(reached) - len(missed)} of {len(reached)} targets, written down before the work, are met** "
        f"by one of this book's ways at least{f'; missed: {listed(missed)}' if missed else ''}."
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
    for group in epochs["groups"].values():
        times = {one["name"]: Rounds.of(one, "epoch").median for one in group["entries"] if one["epochs"]}
        told = listed([f"{name} {seconds:.1f} s" for name, seconds in times.items()])
        said.append(f"From a prepared folder to a saved model, an epoch of {group['title']}: {told}.")
    return Answer(
        tuple(said),
        f"Medians over rounds in turns, batches of {batch_of(results):,} generated rows, each part on one "
        "machine; another has other ratios.",
    )
