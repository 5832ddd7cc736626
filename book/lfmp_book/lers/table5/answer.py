"""What the records of LERS's Table 5 answer."""

import pandas as pd

from lfmp_core.metrics import AUC

from ...show.answer import Answer, waiting
from ..scores.answer import by_sparsity
from .page import ITEM


def answer(reference: pd.DataFrame, compared: pd.DataFrame) -> Answer:
    """How much of a table can go in click prediction, by which method.

    Args:
        reference: see `page.reference`. compared: see `results.known_comparisons`.
    """
    return by_sparsity(reference, compared, AUC.name) or waiting(f"lfmp run {ITEM} --profile reference")
