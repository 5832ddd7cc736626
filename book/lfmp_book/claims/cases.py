"""The cases that a sentence speaks of, and one verdict of them."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

OPEN = "can't be told"
MISSING = "records missing"


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

    @property
    def missing(self) -> bool:
        """Whether it lacks records; one that has them and doesn't pass or fail is undecided."""
        return self.passed is None and not self.figure


class Tally(NamedTuple):
    """How many cases there are of each kind."""

    holds: int = 0
    fails: int = 0
    undecided: int = 0
    missing: int = 0

    @classmethod
    def of(cls, cases: Iterable[Case]) -> "Tally":
        """Of some cases."""
        known = list(cases)
        missing = sum(c.missing for c in known)
        passed = [c.passed for c in known]
        return cls(passed.count(True), passed.count(False), passed.count(None) - missing, missing)

    @classmethod
    def total(cls, tallies: Iterable["Tally"]) -> "Tally":
        """Of several together."""
        return cls(*map(sum, zip(cls(), *tallies, strict=True)))

    @property
    def cases(self) -> int:
        """Of all kinds."""
        return sum(self)

    @property
    def verdict(self) -> str:
        """All hold, none does, or some do and some don't; else undecided, or untestable where records are
        missing.

        What can't be told confirms nothing and refutes nothing. But a sentence speaks of all its cases, so
        that one which fails ends what it could be but "part": where none holds and more fail than are open,
        it fails.
        """
        if self.holds and self.fails:
            return "part"
        if self.fails > self.undecided + self.missing:
            return "fails"
        if self.missing or not self.cases:
            return "untestable"
        return "undecided" if self.undecided else "holds" if self.holds else "fails"

    def __str__(self) -> str:
        told = [f"{self.holds} of {self.cases} hold"]
        told += [f"{n} {word}" for n, word in ((self.undecided, "undecided"), (self.missing, "missing")) if n]
        return ", ".join(told)


NONE = Tally()


def all_of(*flags: bool | None) -> bool | None:
    """False if any is; else None if any is; else True."""
    return False if False in flags else None if None in flags else True


def any_of(*flags: bool | None) -> bool | None:
    """True if any is; else None if any is; else False."""
    return True if True in flags else None if None in flags else False


def most_of(flags: Sequence[bool | None], least: float = 0.6) -> bool | None:
    """Whether such a share of them is True, or more; None where those that can't be told decide it."""
    sure, possible = flags.count(True), len(flags) - flags.count(False)
    bound = least * len(flags)
    return True if sure >= bound else False if possible < bound else None


def negated(flag: bool | None) -> bool | None:
    """The opposite; of what can't be told, None."""
    return None if flag is None else not flag


def undecided(figure: str, passed: bool | None) -> str:
    """A figure, which says so where it can't decide the case."""
    return f"{figure} ({OPEN})" if figure and passed is None and OPEN not in figure else figure


def share_in_words(cases: Sequence[Case], noun: str) -> str:
    """How many of them hold, in words, with those that can't be told."""
    tally = Tally.of(cases)
    told = f"{tally.holds} of {tally.cases} {noun}"
    return told + f", {tally.undecided} {OPEN}" * bool(tally.undecided)


def judge(cases: Iterable[Case]) -> str:
    """The verdict of some cases; see `Tally.verdict`."""
    return Tally.of(cases).verdict


def cases_in_words(cases: Sequence[Case], few: int = 3) -> str:
    """The cases in words, place by place: each with its figure if they are few, else a count."""
    lines = []
    for where in dict.fromkeys(c.where for c in cases):
        own = [c for c in cases if c.where == where]
        tally = Tally.of(own)
        if tally.missing == len(own):
            lines.append(f"{where}: {MISSING}")
        elif len(own) <= few:
            told = (f"{c.what} {MISSING if c.missing else undecided(c.figure, c.passed)}" for c in own)
            lines.append(f"{where}: " + ", ".join(one.strip() for one in told))
        else:
            names = [c.what for c in own if c.passed]
            known = tally.holds + tally.fails
            some = f" ({', '.join(names)})" * (0 < len(names) < known)
            lines.append(f"{where}: {len(names)} of {known}{some}")
            lines[-1] += f", {tally.missing} missing" * bool(tally.missing)
            lines[-1] += f", {tally.undecided} {OPEN}" * bool(tally.undecided)
    return "; ".join(lines)
