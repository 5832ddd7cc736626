"""What the papers printed, as data: one CSV a table, cell for cell, and an audit of the derived cells.

Numbers are transcribed and never corrected here; times are the printed hours, minutes and seconds in seconds.
"""

from importlib.resources import files

import pandas as pd

from lfmp_core.data.sources import SOURCES
from lfmp_core.errors import check_name
from lfmp_core.metrics import METRICS

_READ: dict[str, pd.DataFrame] = {}  # the audit of one page asks for the same few tables 700 times
_DECIMALS = {"auc": 4, "logloss": 4, "seconds": 0}  # to which the papers round


def published_names() -> list[str]:
    """Names of the published tables that are at hand."""
    folder = files(__package__) / "published"
    return sorted(p.name.removesuffix(".csv") for p in folder.iterdir() if p.name.endswith(".csv"))


def printed_table(name: str) -> pd.DataFrame:
    """One published table, for example `lightfmp_table3`.

    Raises:
        UnknownName: no such table; the message names the nearest.
    """
    if name not in _READ:
        check_name(name, published_names(), "published table")
        with (files(__package__) / "published" / f"{name}.csv").open() as stream:
            _READ[name] = pd.read_csv(stream)
    return _READ[name].copy()


def lers_table5() -> pd.DataFrame:
    """LERS's Table 5 with numbers in place of what stands in for them.

    Returns:
        Its columns, with `sparsity` as a share (NaN of OptEmb's own), and `retain`: AUC as a share of that of
        Original with the same data set and backbone, as §5.2.4 defines it.
    """
    return _by_share(printed_table("lers_table5"), "auc")


def lers_table6() -> pd.DataFrame:
    """LERS's Table 6 as `lers_table5`; `retain` is of NDCG@20."""
    return _by_share(printed_table("lers_table6"), "ndcg")


def _by_share(cells: pd.DataFrame, metric: str) -> pd.DataFrame:
    cells["sparsity"] = pd.to_numeric(cells.sparsity, errors="coerce") / 100
    original = cells[cells.method == "Original"].set_index(["dataset", "backbone"])[metric]
    whole = cells.join(original.rename("whole"), on=["dataset", "backbone"]).pop("whole")
    return cells.assign(retain=cells[metric] / whole)


def pretrain_sizes() -> list[int]:
    """Rows of each pretraining size of Light-FMP's Figure 2d: its printed shares of Criteo's whole rows."""
    two = printed_table("lightfmp_fig2")
    return [int(share / 100 * SOURCES["criteo"].rows) for share in two[two.figure == "2d"]["value"]]


def rises(column: str) -> bool:
    """Whether a printed column is better where it is larger: AUC is; log-loss and times are not."""
    return column in METRICS and METRICS[column].higher


def improvement(base: float, ours: float, column: str) -> float:
    """Relative gain in percent; positive is better."""
    return 100 * (ours / base - 1 if rises(column) else 1 - ours / base)


def audit_table3() -> pd.DataFrame:
    """Recompute each printed improvement of Light-FMP's Table 3 from the two numbers above it.

    Both numbers are themselves rounded, so the improvement is known to an interval; a printed value agrees
    if some value in that interval rounds to it.

    Returns:
        One row for each backbone and metric: printed, recomputed, low, high, agrees.
    """
    rows = []
    for row in printed_table("lightfmp_table3").to_dict("records"):
        for metric, decimals in _DECIMALS.items():
            base, ours = row[f"base_{metric}"], row[f"lightfmp_{metric}"]
            half = 0.5 * 10**-decimals
            ends = sorted(
                improvement(base + b * half, ours + o * half, metric) for b in (-1, 1) for o in (-1, 1)
            )
            printed = row[f"improvement_{metric}"]
            rows.append(
                {
                    "backbone": row["backbone"],
                    "metric": metric,
                    "printed": printed,
                    "recomputed": improvement(base, ours, metric),
                    "low": ends[0],
                    "high": ends[-1],
                    # two printed decimals: a value within half a hundredth rounds to it
                    "agrees": ends[0] - 0.005 <= printed + 1e-9 and printed - 1e-9 <= ends[-1] + 0.005,
                }
            )
    return pd.DataFrame(rows)
