"""The bounds of every number that a user gives: kept in one place, and refused in the same words everywhere.

Options of commands, parameters of notebooks and fields of settings that mean the same share a name here.
"""

import math
import os
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import asdict, dataclass
from typing import Any

from .errors import WrongValue

MOST = 2**63 - 1  # what 64 bits with a sign hold


def cores() -> int:
    """Cores that this process may use."""
    with suppress(AttributeError):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def must_be(ge: Any = None, gt: Any = None, le: Any = None, lt: Any = None) -> str:
    """Bounds in words, such as "at least 0 and below 1"."""
    low = [f"at least {ge:,}"] if ge is not None else [f"above {gt:,}"] if gt is not None else []
    high = [f"at most {le:,}"] if le is not None else [f"below {lt:,}"] if lt is not None else []
    return " and ".join(low + high)


@dataclass(frozen=True)
class Bound:
    """Where a number has to lie; each end may be left out. Infinity and NaN lie nowhere."""

    ge: float | None = None
    gt: float | None = None
    le: float | None = None
    lt: float | None = None

    def __str__(self) -> str:
        return must_be(**asdict(self)) or "finite"

    def check(self, name: str, value: Any) -> Any:
        """Return `value`, which stands for itself if it is a number, else for each number in it.

        Raises:
            WrongValue: it lies outside; `name` and the bounds are in the message.
        """
        for number in value if isinstance(value, list | tuple) else (value,):
            if isinstance(number, int | float) and not isinstance(number, bool) and not self._holds(number):
                raise WrongValue(f"{name} is {number!r}: it must be {self}")
        return value

    def _holds(self, x: float) -> bool:
        return (
            math.isfinite(x)
            and (self.ge is None or x >= self.ge)
            and (self.gt is None or x > self.gt)
            and (self.le is None or x <= self.le)
            and (self.lt is None or x < self.lt)
        )


_SHARE = Bound(ge=0, lt=1)
_SEVERAL = Bound(ge=0, le=1_000)  # 0 stands for the profile's own number
_COUNT = Bound(ge=1, le=10**9)

NUMBERS = {
    "batch_size": _COUNT,
    "block_mib": Bound(gt=0, le=4096),
    "embedding_dim": Bound(ge=1, le=4096),
    "items": _COUNT,
    "jobs": Bound(ge=1, le=64),
    "learning_rate": Bound(gt=0, le=10),
    "learning_rates": Bound(gt=0, le=10),
    "limit": Bound(ge=1, le=MOST),
    "loss": Bound(gt=0, lt=1),
    "minutes": Bound(gt=0, le=10**6),
    "near": _COUNT,
    "numeric_threshold": Bound(ge=1, le=MOST),
    "per": Bound(ge=1, le=1000),
    "pretrain_passes": Bound(ge=1, le=10**6),
    "pretrain_rows": _COUNT,
    "prune_ratio": _SHARE,
    "prune_ratios": _SHARE,
    "rows": _COUNT,
    "seed": Bound(ge=0, le=MOST),
    "seeds": _SEVERAL,
    "share": Bound(ge=0, le=10**9),
    "sparsities": _SHARE,
    "sparsity": _SHARE,
    "start": Bound(),
    "steps": Bound(ge=1, le=10**6),
    "threads": Bound(ge=1, le=cores()),
    "threshold": Bound(ge=1, le=MOST),
    "trials": _SEVERAL,
    "users": _COUNT,
    "value": Bound(ge=0, le=MOST),
    "workers": Bound(ge=1, le=64 * cores()),
}


def check_number(name: str, value: Any) -> Any:
    """Return `value` unless a number of that name has bounds and it lies outside.

    Raises:
        WrongValue: it does.
    """
    return NUMBERS[name].check(name, value) if name in NUMBERS else value


def within(name: str) -> Callable[[Any], Any]:
    """The callback of a command's option that gives the number of that name."""

    def checked(value: Any) -> Any:
        return NUMBERS[name].check(f"--{name.replace('_', '-')}", value)

    return checked


def whole_numbers(
    name: str, values: Iterable[int], *, at_least: int | None = None, below: int | None = None
) -> tuple[int, ...]:
    """Whole numbers of any library as Python's own; true and false are none.

    Raises:
        WrongValue: one of them is none, or lies outside; `name` is in the message.
    """
    shown = repr(values) if len(repr(values)) < 60 else type(values).__name__
    try:
        given = [v.item() if hasattr(v, "item") else v for v in values]
    except TypeError:
        given = [None]
    if not all(isinstance(v, int) and not isinstance(v, bool) for v in given):
        raise WrongValue(f"{name} is {shown}: it must be a list of whole numbers")
    return Bound(ge=at_least, lt=below).check(name, tuple(given))
