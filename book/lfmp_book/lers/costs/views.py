"""One way to ask the printed Table 8 and this book's measurements the same questions on inference."""

from typing import Protocol

import pandas as pd

from ...evidence import published
from ...evidence.rounds import shown
from ..grids import ORIGINAL
from .measured import CLICKS, PAIRS, SERVE, SERVER, STORED, MeasuredCosts, heavier, takes_longer

METHODS = ("QR", "DHE", "TTRec", "PEP", "OptEmbed", "CERP")  # in the paper's order
COLUMNS = {CLICKS: "ctr", PAIRS: "cf"}
TITLES = {CLICKS: "CTR", PAIRS: "CF"}
_HUNDREDTH = 0.01 - 1e-9  # printed numbers that are nearer may be equal


def label_of(method: str, task: str) -> str:
    """What this book calls a method of the paper's; on pairs LERS runs OptEmbed-D."""
    return {"TTRec": "TT-Rec", "OptEmbed": "OptEmbed-D" if task == PAIRS else "OptEmbed"}.get(method, method)


class Inference(Protocol):
    """Answers on serving, by a method's name in the paper; None where it can't be told."""

    def slower(self, task: str, one: str, other: str) -> bool | None:
        """Whether one takes longer than the other."""

    def heavier(self, task: str, one: str, other: str) -> bool | None:
        """Whether one takes more memory than the other."""

    def told(self, task: str, method: str) -> tuple[str, str]:
        """Time and memory in words; empty where nothing is known."""


def _apart(one: float, other: float) -> bool | None:
    return None if abs(one - other) < _HUNDREDTH else one > other


class PrintedTable8:
    """Answers of the printed cells: what each method takes more, or less, than the unpruned model."""

    def __init__(self) -> None:
        self.rows = published.printed_table("lers_table8").set_index("method")

    def overhead(self, task: str, method: str, what: str) -> float:
        """Milliseconds of `runtime`, or megabytes of `memory`; 0 of the unpruned model."""
        return 0.0 if method == ORIGINAL else float(self.rows.loc[method, f"{COLUMNS[task]}_{what}"])

    def slower(self, task: str, one: str, other: str) -> bool | None:
        return _apart(*(self.overhead(task, m, "runtime") for m in (one, other)))

    def heavier(self, task: str, one: str, other: str) -> bool | None:
        return _apart(*(self.overhead(task, m, "memory") for m in (one, other)))

    def told(self, task: str, method: str) -> tuple[str, str]:
        time, memory = (self.overhead(task, method, what) for what in ("runtime", "memory"))
        return f"{time:+.2f} ms", f"{memory:+.2f} MB"


class MeasuredTable8:
    """Answers of the measurements on the server.

    Args:
        costs: all of them.
    """

    def __init__(self, costs: MeasuredCosts):
        self.costs = costs

    def _case(self, task: str, method: str) -> pd.Series | None:
        return self.costs.one(task, SERVE, SERVER, label_of(method, task), STORED)

    def slower(self, task: str, one: str, other: str) -> bool | None:
        if ORIGINAL in (one, other):
            found = takes_longer(self._case(task, one if other == ORIGINAL else other))
            return found if other == ORIGINAL or found is None else not found
        first, second = self._case(task, one), self._case(task, other)
        return None if second is None else takes_longer(first, second)

    def heavier(self, task: str, one: str, other: str) -> bool | None:
        slack = self.costs.slack(task, SERVE, SERVER)
        return heavier(self._case(task, one), self._case(task, other), slack)

    def told(self, task: str, method: str) -> tuple[str, str]:
        row, whole = self._case(task, method), self._case(task, ORIGINAL)
        if row is None or row.ratio is None or whole is None:
            return "", ""
        return f"× {shown(row.ratio)}", f"{row.work - whole.work:+.1f} MB"
