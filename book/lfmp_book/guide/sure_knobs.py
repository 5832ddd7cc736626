"""How sure: the interval that so many rows give, and outcomes counted anew as the line moves."""

from collections.abc import Sequence
from math import isinf
from statistics import NormalDist, median

import numpy as np
import pandas as pd

from lfmp_core.experiments.decisions import Contrast, decide
from lfmp_core.metrics import AUC

from ..evidence import results
from ..evidence.datasets import auc_error, description, test_rows, title
from ..evidence.outcomes import OUTCOMES
from ..lers.grids import ORIGINAL
from ..show.html import table
from ..show.touch import Touch, settled
from .known import TABLE

LINES = (0.0003, 0.001, 0.003, 0.01)
_REACH = NormalDist().inv_cdf(0.975)


def half_interval(auc: float, rows: int, rate: float, together: float) -> tuple[float, float]:
    """Half of the 95 % interval of one AUC, and of the difference of two whose errors have a correlation.

    1.96 s of `auc_error`'s s, and √(2(1 − ρ)) as much.
    """
    clicks = min(rows - 1, max(1, round(rows * rate)))
    one = _REACH * auc_error(auc, clicks, rows - clicks)
    return one, one * (2 * (1 - together)) ** 0.5


def rows_needed(auc: float, rate: float, together: float, line: float) -> int:
    """The least rows at which half of the interval of a difference is at most a line."""
    low, high = 2, 4
    while half_interval(auc, high, rate, together)[1] > line:
        low, high = high, 2 * high
    while high - low > 1:
        middle = (low + high) // 2
        wide = half_interval(auc, middle, rate, together)[1] > line
        low, high = (middle, high) if wide else (low, middle)
    return high


def together() -> float:
    """The median correlation, over resampled rows, of the AUC of an arm and that of Original."""
    compared, _ = results.known_comparisons(TABLE.item, results.reference_frame(TABLE.item))
    found = []
    for one in results.draws_of(compared).values():
        values = one.values[AUC]
        for key, drawn in values.items():
            whole = (key[0], ORIGINAL, 0.0)
            if key != whole and whole in values:
                found.append(float(np.corrcoef(drawn[1:], values[whole][1:])[0, 1]))
    return median(found)


def interval_knob() -> Touch:
    """The interval on one's own rows; without scripts that of the sets at hand."""
    shared = round(together(), 2)
    sets = []
    for name in ("criteo", "avazu", "ml-1m"):
        rows, rate = test_rows(name), description(name)["positives"]["test"] / test_rows(name)
        frame = results.reference_frame(TABLE.item)
        auc = float(frame[(frame.dataset == name) & (frame.arm == ORIGINAL)].test_auc.mean())
        sets.append({"name": title(name), "rows": rows, "rate": round(rate, 2), "auc": round(auc, 2)})
    rows_ = [
        {
            "as of": one["name"], "test rows": one["rows"], "share of clicks": one["rate"], "AUC": one["auc"],
            "one AUC ±": half_interval(one["auc"], one["rows"], one["rate"], shared)[0],
            "a difference ±": half_interval(one["auc"], one["rows"], one["rate"], shared)[1],
            f"rows for ± {AUC.margin:g}": rows_needed(one["auc"], one["rate"], shared, AUC.margin),
        }
        for one in sets
    ]  # fmt: skip
    still = table(
        pd.DataFrame(rows_), caption="Half of the 95 % interval of test AUC, by test rows",
        formats={"share of clicks": ".2f", "AUC": ".2f"},
    )  # fmt: skip
    data = {**sets[0], "together": shared, "line": AUC.margin, "sets": sets}
    data.pop("name")
    words = (
        "By Hanley and McNeil (1982). Two models of the same rows err together, so their difference is surer "
        f"than either; {shared} is the median correlation of Table 5's methods with Original over resampled "
        "rows and seeds. New trainings add to it what seeds spread."
    )
    return Touch("interval", "How wide is the interval on your rows", data, still, words)


def margin_knob(contrasts: Sequence[Contrast]) -> Touch:
    """The line within which a difference is none, to be moved.

    Args:
        contrasts: that are adjusted together.
    """
    rows = []
    for line in LINES:
        told: list[str] = [one.outcome for one in decide(dict(enumerate(contrasts)), line).by_name.values()]
        rows.append({"line": f"± {line:g}", **{word: told.count(word) for word in OUTCOMES}})
    still = table(
        pd.DataFrame(rows), caption=f"Outcomes of {len(contrasts)} comparisons by the line of a difference"
    )
    numbers = [[settled(c.gain), settled(c.error), _freedom(c)] for c in contrasts]
    words = (
        "Comparisons of this page, with the whole model and with the free arm of a size, adjusted together "
        "(Holm). The line decides between equal and undecided; better and worse don't depend on it."
    )
    return Touch("margin", "Move the line", {"line": AUC.margin, "contrasts": numbers}, still, words)


def _freedom(contrast: Contrast) -> float | None:
    return None if isinf(contrast.freedom) else settled(contrast.freedom)
