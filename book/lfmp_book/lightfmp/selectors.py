"""The selectors of Light-FMP's Table 2: names, kinds and order, and their time on the paper's rows."""

from collections.abc import Callable

import pandas as pd

from ..evidence import datasets
from ..evidence.results import ALL_FIELDS, RANDOM_FIELDS, seeds_in_words
from ..show.html import Spread
from .arms import LITERAL, STREAM
from .selection_grids import AVAZU_ROWS, DEEP, MOVIELENS_ROWS, SHALLOW
from .values import SETS, size

ITEM = "lightfmp_table2"
NAMES = {"criteo": "Criteo", "ml-1m": "MovieLens", "ml-20m": "MovieLens", "avazu": "Avazu"}
# our arm → the paper's row; its AdaFS prunes half of the fields, so it is the hard one
PRINTED = {
    ALL_FIELDS: "No Selection", "Lasso": "Lasso", "PCA": "PCA", "XGBoost": "XGBoost", "OptFS": "OptFS",
    "OptEmbed": "OptEm", "AutoField": "AutoField", "AdaFS, hard": "AdaFS", "MvFS": "MvFS",
    LITERAL: "Light-FMP",
}  # fmt: skip
_GATES = ("AdaFS, soft", "AdaFS, hard", "MvFS")
KINDS = {
    "whole model": (ALL_FIELDS,),
    "shallow": tuple(SHALLOW),
    "deep, two stages": tuple(arm for arm in DEEP if arm not in _GATES),
    "deep, one stage": _GATES,
    "Light-FMP": (),
    "at random": (RANDOM_FIELDS,),
}


def set_of(dataset: str) -> str:
    """The paper's name of a data set; of another one, that on pages."""
    return NAMES.get(dataset) or datasets.title(dataset)


def arm_kind(arm: str) -> str:
    """The kind of an arm, a key of `KINDS`."""
    return next((kind for kind, arms in KINDS.items() if arm in arms), "Light-FMP")


def part(frame: pd.DataFrame, name: str) -> pd.DataFrame:
    """The rows of one set, by the paper's name; those of planted or one's own rows stand by Criteo's.

    Args:
        frame: see `results.frame`.
    """
    sets = frame.dataset.map(set_of)
    return frame[(sets == name) | (~sets.isin(SETS) & (name == SETS[0]))]


def arms_of(*frames: pd.DataFrame) -> list[str]:
    """All arms of some frames, kind by kind."""
    found = dict.fromkeys(arm for frame in frames for arm in frame.arm)
    order = [arm for arms in KINDS.values() for arm in arms]
    place = {arm: i for i, arm in enumerate(dict.fromkeys([*order, *found]))}
    kinds = list(KINDS)
    return sorted(found, key=lambda arm: (kinds.index(arm_kind(arm)), place[arm]))


def rows_share(name: str) -> float:
    """Training rows of a set's reference runs over the paper's."""
    cut = {"MovieLens": MOVIELENS_ROWS, "Avazu": AVAZU_ROWS}
    own = cut[name] if name in cut else datasets.description(name.lower())["rows"]["train"]
    return own / size(name, "train").middle


def scaled(name: str, frame: pd.DataFrame) -> pd.DataFrame:
    """The runs on a set with `PT scaled` and `TT scaled`, what they would be on the paper's number of rows.

    A fixed number of pretraining steps costs the same on any number of rows, so it weighs less beside phases
    that grow with them. In the unit of the reference's own rows: PT · (its rows / the paper's) + CT.
    """
    if name not in SETS:
        return frame
    fixed = (frame.arm.map(arm_kind) == "Light-FMP") & (frame.arm != STREAM)  # the stream grows with the rows
    pretraining = frame.PT.where(~fixed, frame.PT * rows_share(name))
    return frame.assign(**{"PT scaled": pretraining, "TT scaled": pretraining + frame.CT})


def seeds_of(frame: pd.DataFrame) -> str:
    """Seeds of each arm, in words."""
    return seeds_in_words(frame.groupby("arm").size())


def relative(frame: pd.DataFrame, column: str) -> Callable[[str], Spread | None]:
    """arm → a column of its runs over the mean of all fields'; None without either."""
    base = frame[frame.arm == ALL_FIELDS][column].mean()

    def of(arm: str) -> Spread | None:
        own = frame[frame.arm == arm]
        return Spread.over(own.assign(ratio=own[column] / base), "ratio", 2) if base == base else None

    return of


def short(arm: str) -> str:
    """An arm's label in a figure."""
    return arm.replace("Light-FMP", "LFMP").replace(", ", " ")
