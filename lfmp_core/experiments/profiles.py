"""What differs between the profiles."""

from typing import TypeVar

from ..errors import check_name

PROFILES = ("quick", "reference", "paper")
T = TypeVar("T")


def by_profile(profile: str, **choices: T) -> T:
    """The choice of a profile, such as `by_profile(profile, quick=2, reference=5, paper=3)`.

    Raises:
        UnknownName: there is none for it; the message gives the nearest profile that has one.
    """
    return choices[check_name(profile, choices, "profile")]
