"""Arithmetic with printed numbers: each stands for the interval that rounds to it."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Span:
    """Every value between `low` and `high`; sums, differences, products and quotients keep all that can be.

    A printed number stands for the values that round to it, so a figure derived from printed numbers is known
    to an interval only. Two statements contradict each other if their intervals don't meet.

    Args:
        low, high: ends, both included; products and quotients need them positive.
    """

    low: float
    high: float

    @classmethod
    def printed(cls, value: float, decimals: int = 0) -> "Span":
        """What was rounded to `value` at so many decimals; negative: to tens, hundreds, …"""
        half = 0.5 * 10**-decimals
        return cls(value - half, value + half)

    @property
    def middle(self) -> float:
        """The value as printed, or computed from the values as printed, nearly."""
        return (self.low + self.high) / 2

    def __add__(self, other: "Span | float") -> "Span":
        other = _span(other)
        return Span(self.low + other.low, self.high + other.high)

    def __sub__(self, other: "Span | float") -> "Span":
        other = _span(other)
        return Span(self.low - other.high, self.high - other.low)

    def __rsub__(self, other: float) -> "Span":
        return _span(other) - self

    def __mul__(self, other: "Span | float") -> "Span":
        other = _span(other)
        return Span(self.low * other.low, self.high * other.high)

    def __truediv__(self, other: "Span | float") -> "Span":
        other = _span(other)
        return Span(self.low / other.high, self.high / other.low)

    def meets(self, other: "Span | float", slack: float = 1e-9) -> bool:
        """Whether some value is in both."""
        other = _span(other)
        return self.low <= other.high + slack and other.low <= self.high + slack

    def rounds_to(self, value: float, decimals: int = 0) -> bool:
        """Whether some value of the span is printed as `value` at so many decimals."""
        return self.meets(Span.printed(value, decimals))


def _span(value: "Span | float") -> Span:
    return value if isinstance(value, Span) else Span(value, value)
