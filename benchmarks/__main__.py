"""This project against its peers, in turns on the same generated ids: `python -m benchmarks --help`.

A step is forward, loss, backward, optimiser, and reading the loss; batches lie in memory in the form that
each library's own loader hands to its step. Inference takes NumPy ids and gives NumPy probabilities. Every
contender has a process of its own and only one works at a time; the first round is not counted.
"""

import argparse
import json
import sys
import time
from dataclasses import asdict

from lfmp_book.speed import performance
from lfmp_core.bounds import cores
from lfmp_core.files import atomic_write
from lfmp_core.settings import home

from . import preparation
from .cases import TARGETS, groups
from .common import figures
from .turns import made, run_group, say


def main() -> int:
    known = [*groups("cpu"), "preparation"]
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__.splitlines()[0])
    parser.add_argument("--cases", nargs="+", choices=known, default=known, metavar="CASE", help=str(known))
    parser.add_argument("--only", nargs="+", metavar="NAME", help="contenders by name, e.g. ours FuxiCTR")
    parser.add_argument("--rounds", type=int, default=5, help="counted rounds, after one that is not")
    parser.add_argument("--steps", type=int, help="of a turn; by default what the case says")
    parser.add_argument("--threads", type=int, default=cores(), help="of every library")
    parser.add_argument("--batch", type=int, default=4096, help="rows a batch")
    parser.add_argument("--device", choices=["cpu", "cuda"], default="cpu")
    parser.add_argument("--rows", type=int, default=1_000_000, help="raw rows to prepare")
    parser.add_argument("--prepare-rounds", type=int, default=3)
    parser.add_argument("--prepare-limit", type=float, default=1800, help="seconds a preparation may take")
    parser.add_argument("--seed", type=int, default=0)
    to = "JSON; cases measured anew replace those that it has"
    parser.add_argument("--out", type=figures("groups"), help=to)
    options = parser.parse_args()
    names = {key: {entry.name for entry in group.entries} for key, group in groups(options.device).items()}
    only = set(options.only or set().union(*names.values()))
    if unknown := only - set().union(*names.values()):
        parser.error(f"no contender is called {', '.join(sorted(unknown))}")
    out = options.out or home() / "bench" / f"{options.device}.json"
    options.log = home() / "bench" / "workers.log"
    options.log.parent.mkdir(parents=True, exist_ok=True)
    options.log.write_text("")
    results = json.loads(out.read_text()) if out.exists() else {"groups": {}}
    results["targets"] = [asdict(target) for target in TARGETS]
    started, interrupted = time.perf_counter(), False
    try:
        for key in [k for k in options.cases if only & names.get(k, only)]:
            if key == "preparation":
                stamp = made(options)
                measured = preparation.measure(
                    options.rows, options.prepare_rounds, 10, options.prepare_limit, say
                )
                results["preparation"] = {**measured, "made": stamp}
            else:
                group = run_group(groups(options.device)[key], options)
                interrupted = "interrupted" in group
                if not interrupted or key not in results["groups"]:
                    results["groups"][key] = group
            atomic_write(out, json.dumps(results, indent=1, ensure_ascii=False) + "\n")
            if interrupted:
                break
    except KeyboardInterrupt:
        interrupted = True
    print(performance.markdown(results))
    say(f"{time.perf_counter() - started:.0f} s; figures in {out}, the workers' own words in {options.log}")
    if interrupted:
        say("stopped by Ctrl-C; a case that was not finished keeps its older figures, if it has any")
    return 130 if interrupted else 0


if __name__ == "__main__":
    sys.exit(main())
