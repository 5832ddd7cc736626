"""The columns of the frames that pages are made of: there, and of their types, without rows too."""

from collections.abc import Iterable, Mapping
from typing import Any

import pandas as pd

from lfmp_core.metrics import METRICS

# final runs, see `results.frame`; a figure that a run's task doesn't have is missing
FINAL = {
    **dict.fromkeys(("dataset", "backbone", "arm"), "str"),
    **{"budget": "float64", "seed": "int64"},
    **{f"{split}_{name}": "float64" for split in ("test", "val") for name in METRICS},
    # by LightGCN's convention, and with validation items left out of the ranking: see `TopItems.evaluate`
    **dict.fromkeys(("test_recall20_whole", "val_recall20_whole"), "float64"),
    **{f"test_{name}_unseen": "float64" for name in ("ndcg20", "recall20", "recall20_whole")},
    **dict.fromkeys(("PT", "CT", "TT", "clock", "IT", "IT_remembered"), "float64"),
    **dict.fromkeys(("bytes", "embedding_parameters", "fields_kept", "parameters"), "float64"),
    **{"learning_rate": "float64", "epochs": "int64", "dropout": "float64", "l2": "float64"},
    **{"sparsity": "float64", "kept_fields": "object", "log_alpha": "object", "gates": "object"},
    **{"cpu": "str", "timed": "str", "one_training": "bool"},
    **{"id": "str", "logits": "str", "numerics": "object", "stale": "bool"},
}
# choices, see `results.choice_frame`
CHOSEN = {
    **{"dataset": "str", "reference": "object", "backbone": "str", "arm": "str"},
    **{"budget": "float64", "seed": "int64", "PT": "float64"},
    **{"kept_fields": "object", "scores": "object"},
    **{"id": "str", "logits": "str", "numerics": "object", "stale": "bool"},
}
# arms held against others as they were drawn, see `results.comparisons`
COMPARED = {
    **{"dataset": "str", "backbone": "str", "budget": "float64"},
    **dict.fromkeys(("arm", "against", "metric"), "str"),
    **dict.fromkeys(("difference", "low", "high"), "float64"),
    **{"seeds": "int64", "ids": "object", "contents": "str"},
}


def framed(rows: Iterable[Mapping[str, Any]], columns: Mapping[str, str]) -> pd.DataFrame:
    """Rows as a frame that always has its columns: a filter, a group or a sum of none is none.

    Args:
        rows: a value for each column; one that is absent is missing.
        columns: name → type, which the values have by themselves where there are any.
    """
    found = pd.DataFrame(list(rows), columns=list(columns))
    return found if len(found) else found.astype(dict(columns))
