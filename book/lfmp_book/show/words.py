"""Lists, shares and counts in words."""

from collections.abc import Sequence


def listed(names: Sequence[str]) -> str:
    """Names with a last `and`, parted by semicolons where one holds a comma; `none` without any."""
    between = "; " if any(", " in name for name in names) else ", "
    if len(names) < 2:
        return "".join(names) or "none"
    return f"{between.join(names[:-1])} and {names[-1]}"


def percent(share: float) -> str:
    """A share with a blank before its sign."""
    return f"{100 * share:.0f} %"


def number(count: int, noun: str) -> str:
    """So many of something."""
    return f"{count} {noun}" + "s" * (count != 1)


def ranged(values: Sequence[float], form: str = ",.0f") -> str:
    """The least to the largest of some numbers, or the one that all are."""
    low, high = (format(value, form) for value in (min(values), max(values)))
    return low if low == high else f"{low} to {high}"
