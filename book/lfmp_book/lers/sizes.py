"""Sizes and seconds of a cell's runs, as the pages on LERS's tables of results show them."""

from typing import Any, Literal

import pandas as pd

from ..show.html import Spread

REMEMBERED = "IT × with rows kept"
FORMATS: dict[Any, Any] = {
    "kB served": ",.0f",
    "epochs": ".1f",
    **dict.fromkeys(("bytes ×", "TT ×", "IT ×", REMEMBERED), ".2f"),
}
BEST: dict[Any, Literal["max", "min"]] = dict.fromkeys(("bytes ×", "TT ×", "IT ×"), "min")


def cost_cells(runs: pd.DataFrame, plain: pd.DataFrame) -> dict[str, Any]:
    """Cells by heading; see `results.frame` for what they are.

    Args:
        runs: of a cell, with `removed`, the share of Original's tables that is gone.
        plain: Original's beside them; they may be none.
    """
    return {
        "numbers in the table": round(runs.embedding_parameters.mean()),
        "sparsity reached": Spread.over(runs, "removed", 3),
        "kB served": runs.bytes.mean() / 1e3,
        "bytes ×": runs.bytes.mean() / plain.bytes.mean() if len(plain) else None,
        "PT, s": Spread.over(runs, "PT", 1),
        "CT, s": Spread.over(runs, "CT", 1),
        "TT ×": runs.TT.mean() / plain.TT.mean() if len(plain) else None,
        "epochs": runs.epochs.mean(),
        "IT, s": Spread.over(runs, "IT", 2),
        "IT ×": runs.IT.mean() / plain.IT.mean() if len(plain) else None,
        REMEMBERED: runs.IT_remembered.mean() / plain.IT.mean() if len(plain) else None,
    }
