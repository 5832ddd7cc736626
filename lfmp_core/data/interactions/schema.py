"""What prepared interactions are: how many users, items and pairs, and how they were made."""

from pathlib import Path
from typing import Any, Literal

from pydantic import Field as Setting
from pydantic import field_validator

from ...errors import DataError
from ...settings import Settings
from ..notices import Notice
from ..preparation import check_shares
from ..schema import SPLITS
from ..sealed import read_sealed, write_sealed

Shares = tuple[int, int, int]


class InteractionSettings(Settings):
    """How pairs are split; part of the fingerprint.

    Of each user's d pairs a share s is max(1, ⌊s · d⌋) of them, but never the last one; test is taken first,
    then validation of what is left.
    """

    split: Literal["random", "chronological", "last_out", "given"] = Setting(
        default="random",
        description="random: shares of each user's pairs; chronological: all pairs before one time train, "
        "those after another one test; last_out: of each user the latest pair tests, the one before "
        "validates; given: test comes in a file of its own",
    )
    shares: Shares | None = Setting(
        default=None,
        description="train : val : test; default 8 : 1 : 1; where test is given 9 : 1 : 0, as in LERS",
    )
    seed: int = Setting(default=0, ge=0, description="of what is drawn")

    @field_validator("shares")
    @classmethod
    def _shares_usable(cls, shares: Shares | None) -> Shares | None:
        return shares if shares is None else check_shares(shares)


def resolved(settings: InteractionSettings, given: bool) -> tuple[InteractionSettings, Shares]:
    """Settings with nothing left open, and their shares.

    Args:
        given: whether test is a file of its own.

    Raises:
        DataError: the settings and the files don't go together.
    """
    split = settings.split
    if given != (split == "given") and split != "random":
        problem = f"the split {split} of pairs that are{'' if given else ' not'} split already"
        raise DataError(problem, remedy="Leave --split out")
    shares = settings.shares or ((9, 1, 0) if given else (8, 1, 1))
    if given and shares[2]:
        remedy = "Give shares of train and val alone, such as 9,1,0"
        raise DataError("a share of test where test is a file of its own", remedy=remedy)
    split = "given" if given else split
    return settings.model_copy(update={"split": split, "shares": shares}), shares


class InteractionSchema(Settings):
    """Everything that a model or a page needs to know of interactions without opening their arrays.

    Attributes:
        pairs: of each split.
        user, item: what the two are called, by the columns that they were read from.
        truth: of planted ones.
    """

    name: str
    num_users: int = Setting(ge=1)
    num_items: int = Setting(ge=1)
    pairs: dict[str, int]
    settings: InteractionSettings
    source: dict[str, Any]
    fingerprint: str
    user: str = "user"
    item: str = "item"
    truth: dict[str, Any] | None = None
    notices: tuple[Notice, ...] = ()

    @field_validator("pairs")
    @classmethod
    def _of_every_split(cls, counts: dict[str, int]) -> dict[str, int]:
        if set(counts) != set(SPLITS):
            raise ValueError(f"needs a number for each of {', '.join(SPLITS)}")
        return counts

    def check_learnable(self) -> None:
        """Refuse interactions on which no recommender can be trained, stopped early and tested.

        Raises:
            DataError: a split has no pairs.
        """
        for split in SPLITS:
            if not self.pairs[split]:
                remedy = "Prepare them with a share for it: --shares 8,1,1"
                raise DataError(f"{self.name} has no pairs of {split}", remedy=remedy)

    @classmethod
    def read(cls, path: Path) -> "InteractionSchema":
        """Read schema.json.

        Raises:
            DataError: it is absent or no schema of interactions.
        """
        return read_sealed(path, cls, ("fields", "Open rows of fields with Dataset.load"))

    def write(self, path: Path) -> None:
        """Write schema.json, with a digest of what it says."""
        write_sealed(path, self)
