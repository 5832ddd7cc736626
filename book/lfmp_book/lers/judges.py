"""What judges LERS's sentences: its pages, by reference records, and its audit, by its own numbers."""

from . import fig2_pairs, fig5_claims, fig6, fig7_claims
from .audit import clicks, efficiency, lists
from .costs import claims as costs
from .table5 import claims as table5
from .table6 import claims as table6
from .table7 import claims as table7

JUDGES = (
    *(table5.JUDGE, fig2_pairs.JUDGE, fig6.JUDGE, table6.JUDGE, table7.JUDGE),
    *(fig5_claims.JUDGE, fig7_claims.JUDGE),
    *costs.JUDGES.values(),
)
# part → its findings
AUDIT = {
    "click prediction": clicks.findings,
    "collaborative filtering": lists.findings,
    "efficiency": efficiency.findings,
}
