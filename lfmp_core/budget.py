"""How much a method is asked to remove."""

from dataclasses import dataclass
from typing import Literal, get_args

from .errors import WrongValue, check_name

Of = Literal["fields", "numbers", "bytes"]


@dataclass(frozen=True)
class Budget:
    """A share that is to go: of the fields (τ, Light-FMP), or of what the tables hold (t, LERS).

    Attributes:
        share: at least 0, below 1.
        of: "fields", of m; "numbers", of the n·D of all tables, first-order weights and network not counted
            (LERS §5.2); "bytes", of what these numbers take, as much as a pruned table with its index has
            left.

    Raises:
        WrongValue: what is no share.
        UnknownName: what nothing is removed of.

    Example:
        >>> from lfmp_core import Budget
        >>> Budget(0.5)
        Budget(share=0.5, of='fields')
        >>> str(Budget(0.8, "numbers"))
        '80% of the numbers'
    """

    share: float = 0.0
    of: Of = "fields"

    def __post_init__(self) -> None:
        check_name(self.of, get_args(Of), "unit of a budget")
        if not 0 <= self.share < 1:
            raise WrongValue(f"a budget of {self.share} of the {self.of}: it must be at least 0 and below 1")
        object.__setattr__(self, "share", float(self.share))

    def __str__(self) -> str:
        return f"{self.share:.4g}" if not self.share else f"{100 * self.share:.4g}% of the {self.of}"


NOTHING = Budget()
