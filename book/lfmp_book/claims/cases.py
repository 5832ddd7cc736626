"""The cases that a sentence speaks of, and one verdict of them."""

from collections.abc import Sequence
from dataclasses import dataclass

from .claim import share_verdict

OPEN = "can't be told"


@dataclass(frozen=True)
class Case:
    """One of the cases that a sentence speaks of.

    Attributes:
        where: such as a data set. what: the rival or the figure.
        passed: None where records are missing or can't tell.
        figure: what was found; empty where records are missing.
    """

    where: str
    what: str
    passed: bool | None
    figure: str = ""


def all_of(*flags: bool | None) -> bool | None:
    """False if any is; else None if any is; else True."""
    return False if False in flags else None if None in flags else True


def any_of(*flags: bool | None) -> bool | None:
    """True if any is; else None if any is; else False."""
    return True if True in flags else None if None in flags else False


def undecided(figure: str, passed: bool | None) -> str:
    """A figure, which says so where it can't decide the case."""
    return f"{figure} ({OPEN})" if figure and passed is None else figure


def judge(cases: Sequence[Case]) -> str:
    """As `share_verdict`; with a case missing only what no further record can change: holds in part."""
    known = [bool(c.passed) for c in cases if c.passed is not None]
    whole = len(known) == len(cases)
    return share_verdict(known) if whole else "part" if any(known) and not all(known) else "untestable"


def cases_in_words(cases: Sequence[Case], few: int = 3) -> str:
    """The cases in words, place by place: each with its figure if they are few, else a count."""
    lines = []
    for where in dict.fromkeys(c.where for c in cases):
        own = [c for c in cases if c.where == where]
        known = [c for c in own if c.passed is not None]
        if not known and not any(c.figure for c in own):
            lines.append(f"{where}: records missing")
        elif len(own) <= few:
            lines.append(f"{where}: " + ", ".join(f"{c.what} {c.figure}".strip() for c in own))
        else:
            names = [c.what for c in known if c.passed]
            some = f" ({', '.join(names)})" * (0 < len(names) < len(known))
            lines.append(f"{where}: {len(names)} of {len(known)}{some}")
            missing = sum(c.passed is None and not c.figure for c in own)
            open_ = len(own) - len(known) - missing
            lines[-1] += f", {missing} missing" * bool(missing) + f", {open_} {OPEN}" * bool(open_)
    return "; ".join(lines)
