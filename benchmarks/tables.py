"""Compressed tables in training and in serving, beside the plain table and what they replaced.

    python -m benchmarks.tables --out book/performance/tables.json

Criteo's shape: 39 fields with the full set's ids at threshold 10, values by a bounded Zipf law, numbered at
random inside a field. Training is a whole step of DeepFM: forward, backward, Adam. Serving is ids to vectors.
The cases of a group take turns in one process on one thread, and ratios are taken round by round; the first
round is not counted.
"""

import sys
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import torch

from lfmp_book.speed import table_speed

from .in_process import Group, command, differences, enter, parser_of, take_turns
from .table_cases import groups
from .table_contenders import CHECKED, ZIPF, Bench, Drawn, difference

PACKAGES = ("torch", "numpy", "numba", "scipy")


def run_group(
    group: Group, bench: Bench, rounds: int, stamp: dict[str, Any], names: set[str]
) -> dict[str, Any]:
    """All cases of a group in turns.

    Args:
        group: who takes part.
        bench: sizes.
        rounds: counted rounds.
        stamp: what the figures come from.
        names: cases to leave in.
    """
    batch = bench.small_batch if group.small else bench.batch
    drawn = Drawn(bench, batch)
    entrants = enter(group, names, bench.device, bench, drawn)
    ids = [batch[0] for batch in drawn.batches]
    checked = differences(entrants, lambda one, other: difference(one, other, ids))
    take_turns(group, entrants, rounds)
    distinct = [len(torch.unique(own)) for own in ids]
    return {
        "title": group.title,
        "measure": group.measure,
        "batch": batch,
        "lookups": batch * len(bench.sizes),
        "bench": asdict(bench) | {"sizes": len(bench.sizes), "ids": sum(bench.sizes), "zipf": ZIPF},
        "distinct": sum(distinct) / len(distinct),
        "checked_rows": min(CHECKED, batch),
        "made": stamp | {"batch": batch},
        "entries": [one.written(group.measure, checked[one.case.name]) for one in entrants],
    }


def main(arguments: Sequence[str] | None = None) -> int:
    parser = parser_of("python -m benchmarks.tables", __doc__ or "", groups(), "table")
    parser.add_argument("--batch", type=int, default=Bench.batch, help="rows a batch")
    parser.add_argument("--device", choices=["cpu", "cuda"], default="cpu")
    parser.add_argument("--precision", choices=["float32", "bfloat16"], default="float32", help="of training")
    options = parser.parse_args(arguments)
    if options.device == "cuda" and not torch.cuda.is_available():
        parser.error("torch finds no GPU here: take --device cpu")
    bench = Bench(**{key: getattr(options, key) for key in ("batch", "precision", "device", "seed")})
    bench = bench.quick() if options.quick else bench

    def run(group: Group, stamp: dict[str, Any], names: set[str]) -> dict[str, Any]:
        return run_group(group, bench, options.rounds, stamp, names)

    found = groups(bench.device)
    return command(parser, options, found, "table", PACKAGES, run, table_speed.tables)


if __name__ == "__main__":
    sys.exit(main())
