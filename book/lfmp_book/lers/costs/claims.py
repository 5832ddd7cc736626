"""What Table 8, Figures 3 and 4 of LERS are judged by: this book's own measurements of the same."""

import pandas as pd

from ...claims.claim import Claim
from ...claims.judge import Judge
from ...claims.test import claims_of
from .inference import ON_TABLE8
from .measured import MeasuredCosts, reference
from .resources import ON_FIG3, ON_FIG4
from .views import MeasuredTable8

PAPER = "lers"
TABLE8, FIG3, FIG4 = "lers_table8", "lers_fig3", "lers_fig4"


def of_table8(rows: pd.DataFrame) -> list[Claim]:
    """The sentences on serving; `rows`: see `measured.cost_rows`."""
    return claims_of(PAPER, TABLE8, ON_TABLE8, {"": MeasuredTable8(MeasuredCosts(rows))})


def of_fig3(rows: pd.DataFrame) -> list[Claim]:
    """The sentences on click prediction, in training and at the edge."""
    return claims_of(PAPER, FIG3, ON_FIG3, {"": MeasuredCosts(rows)})


def of_fig4(rows: pd.DataFrame) -> list[Claim]:
    """The sentences on collaborative filtering."""
    return claims_of(PAPER, FIG4, ON_FIG4, {"": MeasuredCosts(rows)})


JUDGES = {
    TABLE8: Judge(TABLE8, "lers_table8_overhead", ON_TABLE8, reference, of_table8),
    FIG3: Judge(FIG3, "lers_fig3_ctr_resources", ON_FIG3, reference, of_fig3),
    FIG4: Judge(FIG4, "lers_fig4_cf_resources", ON_FIG4, reference, of_fig4),
}
