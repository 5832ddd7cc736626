"""What `python -m benchmarks.serving` measured: how long each form of a model takes, beside the original."""

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from ..show.words import number
from .speed import Ratio, Rounds, entry_named
from .table_speed import BUSY

NAME = "serving"  # of the committed figures
COMMAND = "python -m benchmarks.serving --out book/performance/serving.json"
ORIGINAL = "original"
OWN, TORCH, GRAPH = RUNTIMES = ("own", "torch", "onnxruntime")
TITLES = {OWN: "our scoring", TORCH: "torch", GRAPH: "onnxruntime"}  # of runtimes, as pages show them


class ServingCell(NamedTuple):
    """Where something was timed."""

    runtime: str
    threads: int
    batch: int

    @property
    def rows(self) -> str:
        """Batch and threads in words."""
        rows = "one row" if self.batch == 1 else f"{self.batch:,} rows"
        return f"{rows}, {number(self.threads, 'thread')}"


def served_form(group: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """A form of a group; an empty one where it was not measured or has failed."""
    found = entry_named(group["entries"], name)
    return {} if "error" in found else found


def samples(form: Mapping[str, Any], cell: ServingCell, share: str = "p50") -> Rounds:
    """A percentile of each round; no round where the form was not timed so."""
    own = form.get("cells", {}).get(cell.runtime, {}).get(str(cell.threads), {}).get(str(cell.batch), {})
    return Rounds(tuple((seconds,) for seconds in own.get(share, ())))


def times_original(
    group: Mapping[str, Any], name: str, cell: ServingCell, share: str = "p50"
) -> Ratio | None:
    """How many times the original's time a form takes, over the rounds of both; None where one has none."""
    return Ratio.of(
        samples(served_form(group, name), cell, share), samples(served_form(group, ORIGINAL), cell, share)
    )


def cells_of(group: Mapping[str, Any]) -> Iterator[ServingCell]:
    """All cells that a group asked for."""
    for runtime in group["runtimes"]:
        for threads in group["threads"]:
            for batch in group["batches"]:
                yield ServingCell(runtime, threads, batch)


def busy(group: Mapping[str, Any]) -> float | None:
    """The highest load of the machine meanwhile, where it was too high to rely on the figures."""
    most = max((one for one in group["loads"] if one is not None), default=0.0)
    return most if most > max(group["threads"]) + BUSY else None


def lacking(group: Mapping[str, Any]) -> str:
    """What failed, was left out or broken off, in words; empty where nothing was."""
    failed = [one["name"] for one in group["entries"] if "error" in one]
    slow = []
    for one in group["entries"]:
        for left in one.get("left_out", ()):
            runtime, threads, batch = left["cell"]
            where = f"{TITLES[runtime]}, {ServingCell(runtime, int(threads), int(batch)).rows}"
            slow.append(f"{one['name']} ({where}: {left['expected']:.0f} s expected)")
    told = []
    if "interrupted" in group:
        told.append("The measurement was broken off: rounds are missing.")
    if failed:
        told.append(f"Failed: {', '.join(failed)}.")
    if slow:
        told.append(f"Left out as too slow: {'; '.join(slow)}.")
    return " ".join(told)
