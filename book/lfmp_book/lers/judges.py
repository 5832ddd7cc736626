"""What judges LERS's sentences: its pages, by reference records, and its audit, by its own numbers."""

from . import fig2, fig6
from .audit import clicks
from .table5 import claims as table5

JUDGES = (table5.JUDGE, fig2.JUDGE, fig6.JUDGE)
# part → its findings
AUDIT = {"click prediction": clicks.findings}
