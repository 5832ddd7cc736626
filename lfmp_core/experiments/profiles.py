"""What differs between the profiles."""

from typing import TypeVar

from ..errors import check_name

PROFILES = ("quick", "reference", "paper")
OWN = "own"  # on one's own data: the reference's choices, but where they have one for it
T = TypeVar("T")


def by_profile(profile: str, **choices: T) -> T:
    """The choice of a profile, such as `by_profile(profile, quick=2, reference=5, paper=3)`.

    Raises:
        UnknownName: there is none for it; the message gives the nearest profile that has one.
    """
    if profile == OWN and OWN not in choices:
        profile = "reference"
    return choices[check_name(profile, choices, "profile")]
