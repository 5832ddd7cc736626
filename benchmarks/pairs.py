"""Recommenders in training and in ranking, beside the same models in plain torch.

    python -m benchmarks.pairs --out book/performance/pairs.json

Gowalla's shape: 29,858 users, 40,981 items and 810,128 pairs, whose users and items follow bounded Zipf
laws. Training is a step on batches that lie in memory, told as an epoch of such steps; ranking is the 20 best
items of a block of users, told for one of them. The cases of a group take turns in one process, and ratios
are taken round by round; the first round is not counted.
"""

import sys
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from lfmp_book.speed import pair_speed
from lfmp_core.data.interactions import Interactions

from .in_process import SAME, Entrant, Group, command, differences, enter, parser_of, take_turns
from .pair_cases import TARGETS, groups
from .pair_contenders import PairBench, PairContender, drawn_pairs

PACKAGES = ("torch", "numpy", "numba", "scipy", "implicit")


def apart(one: PairContender, other: PairContender) -> float:
    """Largest distance between what two contenders say, relative to the largest number."""
    a, b = one.says(), other.says()
    return float((a - b).abs().max() / a.abs().max())


def written(one: Entrant, group: Group, checked: dict[str, dict[str, float]]) -> dict[str, Any]:
    """An entrant in seconds an epoch or a user, with its role: what is held against no peer stands aside."""
    measure, units = group.measure, one.contender.units
    factor = units if measure == "train" else 1 / units
    entry = one.written(measure, checked[one.case.name])
    entry[measure] = {
        "seconds": [[factor * s for s in samples] for samples in one.seconds],
        "cpu_seconds": [factor * s for s in one.cpu_seconds],
    }
    peers = {name for case in group.cases for kind in SAME for name in case.yardsticks.get(kind, ())}
    role = "ours" if one.case.yardsticks else "peer" if one.case.name in peers else "aside"
    return {**entry, "units": units, "role": role, "measures": [measure], "options": {}}


def run_group(
    group: Group,
    bench: PairBench,
    pairs: Interactions,
    rounds: int,
    stamp: dict[str, Any],
    names: set[str],
) -> dict[str, Any]:
    """All cases of a group in turns.

    Args:
        group: who takes part.
        bench: sizes.
        pairs: what is learnt from, or left out of the ranking.
        rounds: counted rounds.
        stamp: what the figures come from.
        names: cases to leave in.
    """
    entrants = enter(group, names, "cpu", bench, pairs)
    checked = differences(entrants, apart)
    take_turns(group, entrants, rounds)
    degrees = pairs.degrees(), pairs.item_degrees()
    return {
        "title": group.title,
        "measure": group.measure,
        "bench": asdict(bench),
        "degrees": [[int(own.min()), int(own.max())] for own in degrees],
        "made": stamp,
        "entries": [written(one, group, checked) for one in entrants],
    }


def main(arguments: Sequence[str] | None = None) -> int:
    found = groups()
    parser = parser_of("python -m benchmarks.pairs", __doc__ or "", found, "contender")
    parser.add_argument("--batch", type=int, default=PairBench.batch, help="pairs a batch")
    parser.set_defaults(device="cpu")
    options = parser.parse_args(arguments)
    bench = PairBench(batch=options.batch, seed=options.seed)
    bench = bench.quick() if options.quick else bench
    pairs = drawn_pairs(bench)

    def run(group: Group, stamp: dict[str, Any], names: set[str]) -> dict[str, Any]:
        figures = run_group(group, bench, pairs, options.rounds, stamp, names)
        own = [asdict(target) for target in TARGETS if found[target.group] is group]
        return {**figures, "targets": own}

    return command(parser, options, found, "contender", PACKAGES, run, pair_speed.tables)


if __name__ == "__main__":
    sys.exit(main())
