"""Light-FMP's printed numbers, each as the interval that rounds to it."""

from functools import cache

import pandas as pd

from lfmp_core.metrics import AUC, LOG_LOSS

from ..evidence import published
from ..evidence.rounding import Span

SETS = ("Criteo", "MovieLens", "Avazu")
SHALLOW = ("Lasso", "PCA", "XGBoost")
TWO_STAGE = ("OptFS", "OptEm", "AutoField")
SINGLE_STAGE = ("AdaFS", "MvFS")
DEEP = (*TWO_STAGE, *SINGLE_STAGE)
BASELINES = (*SHALLOW, *DEEP)
OURS, NONE = "Light-FMP", "No Selection"
# §1 names them; those of Table 2 and these
NAMED_ONLY = ("RandomForest", "GBDT", "LPFS", "SFS")
FIELDS, DIMENSION = 39, 10  # Criteo's columns; §3.4
MARGINAL = 0.001  # §3.1
METRICS = (AUC, LOG_LOSS)  # §3.1
# Table 2's caption, in seconds
BASE_SECONDS = {"Criteo": 15_803, "MovieLens": 6_323, "Avazu": 15_312}
SIZES = {"K": 1e3, "M": 1e6}


@cache
def _two() -> pd.DataFrame:
    return published.printed_table("lightfmp_table2").set_index(["dataset", "method"])


def two(dataset: str, method: str, metric: str) -> float:
    """A cell of Table 2: auc, logloss, or tt as a ratio."""
    return float(_two().loc[(dataset, method), metric])


def span(dataset: str, method: str, metric: str) -> Span:
    """A cell of Table 2 with what its rounding leaves open."""
    return Span.printed(two(dataset, method, metric), 4)


def methods(dataset: str, metric: str) -> pd.Series:
    """A column of Table 2 by method."""
    return _two().loc[dataset][metric]


def better(dataset: str, ours: str, theirs: str, metric: str) -> float:
    """By how much `ours` is better in Table 2: AUC rises, log-loss and time fall."""
    gain = two(dataset, ours, metric) - two(dataset, theirs, metric)
    return gain if published.rises(metric) else -gain


def range_over_sets(method: str, metric: str) -> float:
    """Largest less smallest over the data sets: of time, or of the gain in AUC over no selection."""
    values = [two(d, method, "tt") if metric == "tt" else better(d, method, NONE, metric) for d in SETS]
    return max(values) - min(values)


def at_least(gain: float, line: float = MARGINAL) -> bool:
    """Whether a difference of printed numbers reaches a line, as printed."""
    return gain >= line - 1e-9


def seconds(dataset: str, method: str) -> Span:
    """Total training time by Table 2: ratio × the caption's seconds."""
    return Span.printed(BASE_SECONDS[dataset]) * span(dataset, method, "tt")


def three(backbone: str, column: str) -> float:
    """A cell of Table 3."""
    return float(published.printed_table("lightfmp_table3").set_index("backbone").loc[backbone, column])


def figure2(method: str, quantity: str) -> Span:
    """A number that the text states of Figure 2a."""
    rows = published.printed_table("lightfmp_fig2")
    found = rows[(rows.figure == "2a") & (rows.method == method) & (rows.quantity == quantity)]
    value = float(found.value.item())
    return Span.printed(value, 0 if value == int(value) else 1)


def figure2_values(quantity: str) -> list[float]:
    """The percentages at which Figure 2c or 2d was drawn."""
    rows = published.printed_table("lightfmp_fig2")
    return rows[rows.quantity == quantity].value.tolist()


def size(dataset: str, split: str) -> Span:
    """Rows by Table 1, such as 33.0M."""
    text = str(published.printed_table("lightfmp_table1").set_index("dataset").loc[dataset, split])
    number, unit = text[:-1], SIZES[text[-1]]
    return Span.printed(float(number), len(number.partition(".")[2])) * unit


def fields_named(group: str) -> list[str]:
    """Fields that §4.5 names as kept, middle or pruned."""
    rows = published.printed_table("lightfmp_fig3")
    return rows[rows.said == group].field.tolist()
