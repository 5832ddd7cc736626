"""Cases that take turns in one process: the turns, what is written of them, and the command line.

Ratios are taken round by round; the first round is not counted.
"""

import argparse
import gc
import json
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from threadpoolctl import threadpool_limits

from lfmp_core.errors import UnknownName, check_name
from lfmp_core.experiments.certificate import package_version
from lfmp_core.files import atomic_write
from lfmp_core.memory import keep_memory

from .common import figures, in_turn, seconds_of
from .turns import load, made, say

SAME = ("before", "peer")  # yardsticks that compute the same


@dataclass(frozen=True)
class Case:
    """A contender in the list of a group.

    Attributes:
        name: as the page shows it.
        make: the contender, from what the group's cases share; `act(k)` is what the clock is held to.
        yardsticks: what it is held against, by kind: `before`, `floor`, `peer`; names of other cases of the
            group. A floor computes something else, the others the same.
        reference: nothing of this project's.
        steps: steps or look-ups of a turn.
        rounds: most counted rounds that it takes part in; 0: all.
    """

    name: str
    make: Callable[..., Any]
    yardsticks: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    reference: bool = False
    steps: int = 3
    rounds: int = 0


@dataclass(frozen=True)
class Group:
    """Cases that take turns.

    Attributes:
        title: as the page shows it.
        measure: `train` or `serve`.
        cases: who takes part.
        small: whether batches are the small ones, of measurements that have such.
    """

    title: str
    measure: str
    cases: tuple[Case, ...]
    small: bool = False


@dataclass
class Entrant:
    """A case with its contender and what the clock has said of it."""

    case: Case
    contender: Any
    device: torch.device
    seconds: list[list[float]] = field(default_factory=list)
    cpu_seconds: list[float] = field(default_factory=list)

    def turn(self, number: int) -> None:
        """A turn of round `number`; round 0 warms up."""
        steps = self.case.steps
        if self.case.rounds and number > self.case.rounds:
            return
        started = time.process_time()
        seconds = seconds_of(lambda k: self.contender.act(number * steps + k), steps, self.device)
        if number:
            self.cpu_seconds.append((time.process_time() - started) / steps)
            self.seconds.append(seconds)

    def written(self, measure: str, differences: Mapping[str, float]) -> dict[str, Any]:
        """What is kept of it. `differences`: how far yardsticks of the same are from it, by name."""
        return {
            "name": self.case.name,
            "reference": self.case.reference,
            "yardsticks": {kind: list(of) for kind, of in self.case.yardsticks.items()},
            "differences": dict(differences),
            "parameters": self.contender.parameters,
            "bytes": self.contender.bytes,
            measure: {"seconds": self.seconds, "cpu_seconds": self.cpu_seconds},
        }


def enter(group: Group, names: set[str], device: str, *given: Any) -> list[Entrant]:
    """The cases of a group that are named, their contenders made of what is given."""
    entrants = []
    for case in (case for case in group.cases if case.name in names):
        entrants.append(Entrant(case, case.make(*given), torch.device(device)))
        say(f"{group.title}, {case.name}: {entrants[-1].contender.parameters:,} parameters")
    return entrants


def differences(
    entrants: Sequence[Entrant], apart: Callable[[Any, Any], float]
) -> dict[str, dict[str, float]]:
    """Of each case, how far the yardsticks that compute the same are `apart` from it."""
    named = {one.case.name: one for one in entrants}
    found: dict[str, dict[str, float]] = {}
    for one in entrants:
        others = [name for kind in SAME for name in one.case.yardsticks.get(kind, ()) if name in named]
        found[one.case.name] = {name: apart(one.contender, named[name].contender) for name in others}
    return found


def take_turns(group: Group, entrants: list[Entrant], rounds: int) -> None:
    """So many counted rounds."""
    for number in range(rounds + 1):
        for one in in_turn(entrants, number):
            one.turn(number)
        say(f"{group.title}: round {number} of {rounds}, load {load()}")


def chosen(names: Sequence[str] | None, found: Mapping[str, Group], what: str) -> set[str]:
    """The cases to run: all, or those named.

    Raises:
        UnknownName: no group has a case of that name.
    """
    known = {case.name for group in found.values() for case in group.cases}
    return {check_name(name, known, what) for name in names} if names else known


def write(results: dict[str, Any], out: Path) -> None:
    """Put groups into a file, over those that it has, whole or not at all."""
    older = json.loads(out.read_text())["groups"] if out.exists() else {}
    merged = {"groups": older | results["groups"]}
    atomic_write(out, json.dumps(merged, indent=1, ensure_ascii=False) + "\n")


def parser_of(prog: str, doc: str, found: Mapping[str, Group], what: str) -> argparse.ArgumentParser:
    """The options that all such measurements have. `what`: what their cases are called."""
    parser = argparse.ArgumentParser(prog=prog, description=doc.splitlines()[0])
    parser.add_argument("--groups", nargs="+", default=list(found), metavar="GROUP", help=str(list(found)))
    only = f"{what}s by name; figures are not written"
    parser.add_argument("--only", nargs="+", metavar="NAME", help=only)
    parser.add_argument("--rounds", type=int, default=5, help="counted rounds, after one that is not")
    parser.add_argument("--threads", type=int, default=1, help="of torch, BLAS and the compiled loops")
    parser.add_argument("--seed", type=int, default=0)
    quick = "tiny sizes: shows that it runs, measures nothing"
    parser.add_argument("--quick", action="store_true", help=quick)
    to = "JSON; groups measured anew replace those that it has"
    parser.add_argument("--out", type=figures("groups"), help=to)
    return parser


def command(
    parser: argparse.ArgumentParser,
    options: argparse.Namespace,
    found: Mapping[str, Group],
    what: str,
    packages: Sequence[str],
    run: Callable[[Group, dict[str, Any], set[str]], dict[str, Any]],
    tables: Callable[[Mapping[str, Any]], Iterable[Any]],
) -> int:
    """Run the groups that are asked for, write each as soon as it is done, print what the page shows.

    Args:
        parser, options: of the command line; `options` has `batch` and `device` too.
        found: groups by key.
        what: what their cases are called.
        packages: whose versions the figures depend on.
        run: the figures of (group, what they come from, cases to leave in).
        tables: what is shown of the figures.
    """
    if options.only and options.out:
        parser.error("--only is for a look: a file holds whole groups")
    try:
        keys = [check_name(key, found, "group") for key in options.groups]
        names = chosen(options.only, found, what)
    except UnknownName as error:
        parser.error(str(error))
    keep_memory()
    torch.set_num_threads(options.threads)
    started, results = time.perf_counter(), {"groups": {}}
    with threadpool_limits(options.threads):
        for key in keys:
            if not names & {case.name for case in found[key].cases}:
                continue
            stamp = made(options)
            stamp["packages"] = {name: package_version(name) for name in packages}
            results["groups"][key] = run(found[key], stamp, names)
            if options.out:
                write(results, options.out)
            gc.collect()
    for one in tables(results):
        print(one, end="\n\n")
    say(f"{time.perf_counter() - started:.0f} s" + (f"; figures in {options.out}" if options.out else ""))
    return 0
