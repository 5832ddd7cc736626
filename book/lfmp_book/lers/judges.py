"""What judges LERS's sentences: its pages, by reference records, and its audit, by its own numbers."""

from . import fig2, fig6
from .audit import clicks, lists
from .table5 import claims as table5
from .table6 import claims as table6
from .table7 import claims as table7

JUDGES = (table5.JUDGE, fig2.JUDGE, fig6.JUDGE, table6.JUDGE, table7.JUDGE)
# part → its findings
AUDIT = {"click prediction": clicks.findings, "collaborative filtering": lists.findings}
