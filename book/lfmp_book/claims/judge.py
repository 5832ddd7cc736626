"""A page that judges sentences by its reference records, as it declares itself to its paper's list."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from .claim import Claim
from .test import Test


@dataclass(frozen=True)
class Judge:
    """A page that judges sentences.

    Attributes:
        item: by which sentences name it. page: its notebook, empty while there is none. tests: all that it
            asks.
        reference: () → the records that it shows, with their `id`; needs no data.
        claims: of such records, if there are any; raises `LfmpError` where they were not compared.
    """

    item: str
    page: str
    tests: Sequence[Test[Any]]
    reference: Callable[[], pd.DataFrame]
    claims: Callable[[pd.DataFrame], Sequence[Claim]]
