"""What `python -m benchmarks.costs` measured, as frames and as answers to the questions of LERS's RQ3."""

from collections.abc import Mapping
from statistics import median
from typing import Any

import pandas as pd

from lfmp_core.settings import digest

from ...evidence.frames import framed
from ...evidence.rounds import Ratio, Rounds, kept_figures
from ..grids import ORIGINAL

COMMAND = "python -m benchmarks.costs --out book/performance/costs.json"
CLICKS, SAMPLE, PAIRS = "clicks", "sample", "pairs"
TRAIN, SERVE = "train", "serve"
SERVER, EDGE = "server", "edge"
STORED = "as stored"
# title of what is measured
TASKS = {
    CLICKS: "DeepFM, Criteo's shape",
    SAMPLE: "DeepFM, the Criteo sample",
    PAIRS: "LightGCN, Yelp2018",
}
# memory that two processes of one thing may differ by: megabytes, and a share
SLACK, SLACK_SHARE = 2.0, 0.02
COLUMNS = {
    **dict.fromkeys(("task", "stage", "profile", "method", "phase", "kind", "id"), "str"),
    **dict.fromkeys(("seconds", "low", "high", "packages", "metadata", "model", "work"), "float64"),
    **dict.fromkeys(("parameters", "bytes", "epoch_steps", "candidates", "memory_ratio"), "float64"),
    **{"ratio": "object", "samples": "int64", "failed": "str", "crew": "int64"},
}


def _row(group: Mapping[str, Any], entry: Mapping[str, Any], whole: Mapping[str, Any]) -> dict[str, Any]:
    """A line of `cost_rows`. `whole`: the unpruned model beside which the entry took its turns."""
    rounds, memory = Rounds.of(entry, "step"), entry.get("memory", {})
    low, high = rounds.quartiles if rounds.seconds else (float("nan"),) * 2
    lead = {key: group[key] for key in ("task", "stage", "profile")}
    named = {key: entry[key] for key in ("method", "phase", "kind", "crew")}
    sizes = {key: entry.get(key) for key in ("parameters", "bytes", "epoch_steps", "candidates")}
    parts = {key: memory.get(key) for key in ("packages", "metadata", "model", "work")}
    own, other = memory.get("work"), whole.get("memory", {}).get("work")
    failed = ("out of memory" if entry.get("out_of_memory") else entry["error"]) if "error" in entry else ""
    return {
        **lead,
        **named,
        **sizes,
        **parts,
        "seconds": rounds.median,
        "low": low,
        "high": high,
        "samples": sum(map(len, rounds.seconds)),
        "ratio": Ratio.of(rounds, Rounds.of(whole, "step")),
        "memory_ratio": own / other if own and other else None,
        "failed": failed,
        "id": digest([lead, named, entry["step"], memory], 16),
    }


def cost_rows(results: Mapping[str, Any]) -> pd.DataFrame:
    """A row for each case that was measured, the unpruned model once for each of its processes.

    `seconds`: of a step, a candidate, the rest of a training, or a scored batch, the median, with its
    quartiles `low` and `high`; `ratio`: over the unpruned model's, round by round. In 2²⁰ bytes: `packages`,
    `metadata`; `model` at rest, with its optimiser; `work`, the same at its height; `memory_ratio` of that.

    Args:
        results: the figures, see `rounds.kept_figures`.
    """
    rows = []
    for group in results["groups"].values():
        first = group["entries"][0]
        for entry in group["entries"]:
            beside = [e for e in group["entries"] if e["crew"] == entry["crew"]]
            whole = [e for e in beside if (e["method"], e["phase"]) == (ORIGINAL, first["phase"])]
            rows.append(_row(group, entry, whole[0] if whole else {}))
    return framed(rows, COLUMNS)


def reference() -> pd.DataFrame:
    """The committed measurements; none while there are none."""
    return cost_rows(kept_figures("costs"))


class MeasuredCosts:
    """Answers of the measurements.

    Args:
        rows: see `cost_rows`.
    """

    def __init__(self, rows: pd.DataFrame):
        self.rows = rows

    def cases(self, task: str, stage: str, profile: str) -> pd.DataFrame:
        """What was measured of a stage, the unpruned model first and once."""
        return self._group(task, stage, profile).drop_duplicates(["method", "phase"])

    def _group(self, task: str, stage: str, profile: str) -> pd.DataFrame:
        of = self.rows
        return of[(of.task == task) & (of.stage == stage) & (of.profile == profile)]

    def one(self, task: str, stage: str, profile: str, method: str, phase: str = "") -> pd.Series | None:
        """A case; its first phase where none is named. None where it was not measured."""
        own = self.cases(task, stage, profile)
        own = own[(own.method == method) & ((own.phase == phase) if phase else True)]
        return None if not len(own) else own.iloc[0]

    def slack(self, task: str, stage: str, profile: str) -> float:
        """Megabytes that tell nothing: by which processes of the unpruned model differ, and `SLACK`."""
        own = self._group(task, stage, profile)
        work = own[(own.method == ORIGINAL) & own.work.notna()].groupby("phase").work
        spread = (work.max() - work.min()).max() if len(work) else 0.0
        return max(float(spread), SLACK)


def takes_longer(row: pd.Series | None, than: pd.Series | None = None) -> bool | None:
    """Whether a case takes clearly longer than the unpruned model, or than another case.

    Against the unpruned model every round must say so; against another the ranges of both ratios part.
    """
    if row is None or row.ratio is None:
        return None
    low, high = row.ratio.low, row.ratio.high
    other = (1.0, 1.0) if than is None else (than.ratio.low, than.ratio.high) if than.ratio else None
    if other is None:
        return None
    return True if low > other[1] else False if high < other[0] else None


def heavier(row: pd.Series | None, than: pd.Series | None, slack: float = SLACK) -> bool | None:
    """Whether a case takes clearly more memory at its height than another."""
    if row is None or than is None or pd.isna(row.work) or pd.isna(than.work):
        return None
    room = max(slack, SLACK_SHARE * than.work)
    return True if row.work > than.work + room else False if row.work < than.work - room else None


def no_heavier(row: pd.Series | None, than: pd.Series | None, slack: float = SLACK) -> bool | None:
    """Whether a case takes no more memory at its height than another; as much is no more."""
    found = heavier(row, than, slack)
    unknown = row is None or than is None or pd.isna(row.work) or pd.isna(than.work)
    return None if unknown else found is not True


def typical(values: pd.Series) -> float:
    """Median of those that are there; NaN without any."""
    there = values.dropna().tolist()
    return median(there) if there else float("nan")
