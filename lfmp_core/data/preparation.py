"""How raw rows become ids, whatever the set."""

from collections.abc import Mapping
from typing import Any, ClassVar, Literal

from pydantic import Field as Setting
from pydantic import field_validator

from ..settings import Settings


def check_shares(shares: tuple[int, int, int]) -> tuple[int, int, int]:
    """Shares of train, val and test by which rows can be split.

    Raises:
        ValueError: one is negative, or nothing would be trained on.
    """
    if min(shares) < 0 or shares[0] == 0:
        raise ValueError("shares are whole numbers, not negative, and train's is positive")
    return shares


class PrepareSettings(Settings):
    """How raw rows become ids; part of the dataset's fingerprint. A set with options has a class of its own.

    `former`: what the sets' options are in the fingerprints of all other sets.
    """

    former: ClassVar[Mapping[str, Any]] = {"genres": "each", "avazu_hour": "raw"}

    numeric: Literal["ln_squared", "log2", "scalar"] = Setting(
        default="ln_squared",
        description="integer fields: ln_squared (v>2 -> floor(ln(v)^2), else v as is), log2 (v>2 -> "
        "ceil(log2 v), else v as is), or scalar (one vector per field times the standardised value)",
    )
    threshold: int | None = Setting(
        default=None,
        ge=1,
        description="values seen fewer times share the unseen-value id; default per source",
    )
    numeric_threshold: int | None = Setting(
        default=None, ge=1, description="the same for discretised integer fields; default: as threshold"
    )
    vocabulary_rows: Literal["train", "all"] = Setting(
        default="train", description="rows in which values are counted; 'all' is how the LERS code counts"
    )
    split: Literal["random", "chronological", "in_order", "given"] = Setting(
        default="random",
        description="random: stratified by class; chronological: by time; in_order: as the rows stand in the "
        "file; given: train, val and test are files of their own",
    )
    shares: tuple[int, int, int] = Setting(default=(8, 1, 1), description="train : val : test")
    seed: int = Setting(default=0, ge=0, description="seed of the random split")

    @field_validator("shares")
    @classmethod
    def _shares_usable(cls, shares: tuple[int, int, int]) -> tuple[int, int, int]:
        return check_shares(shares)

    @classmethod
    def read(cls, stored: Mapping[str, Any]) -> "PrepareSettings":
        """Settings as they are stored, where the options of all sets stand: of the set whose are used."""
        said = {key for key, off in cls.former.items() if stored.get(key, off) != off}
        kind = next((own for own in cls.__subclasses__() if said & set(own.model_fields)), cls)
        return kind.model_validate(dict(stored))
