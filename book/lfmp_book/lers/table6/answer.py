"""What the records of LERS's Table 6 answer, and what conventions change of them."""

import pandas as pd

from lfmp_core.metrics import NDCG20

from ...show.answer import Answer, waiting
from ..scores.answer import by_sparsity
from ..scores.lists import SETS
from .conventions import told
from .page import ITEM

COMMAND = f"lfmp run {ITEM} --profile reference"


def answer(reference: pd.DataFrame, compared: pd.DataFrame) -> Answer:
    """How much of the tables can go in collaborative filtering, by which method.

    Args:
        reference: see `page.reference`. compared: see `results.known_comparisons`.
    """
    return by_sparsity(reference, compared, NDCG20.name) or waiting(COMMAND)


def of_conventions(reference: pd.DataFrame) -> Answer:
    """What dividing Recall by another number, and leaving out validation items, changes.

    Args:
        reference: see `page.reference`.
    """
    said = told(reference, SETS)
    if not said:
        return waiting(COMMAND)
    sure = "Both figures of a cell are of the same lists: neither seeds nor users are in doubt between them. "
    return Answer(said, f"{sure}Means over the records of Table 6, block by block in the table below.")
