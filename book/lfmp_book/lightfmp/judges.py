"""What judges Light-FMP's sentences: its pages, by reference records, and its audit, by its own numbers."""

from . import fig2a, fig2b, fig2c, fig2d, fig3, recovery, table3
from .audit import accuracy, backbones, design, methods, times
from .table2 import claims as table2

JUDGES = (
    table3.JUDGE,
    fig3.JUDGE,
    table2.JUDGE,
    fig2a.JUDGE,
    fig2b.JUDGE,
    fig2c.JUDGE,
    fig2d.JUDGE,
    recovery.JUDGE,
)
# part → its findings
AUDIT = {
    "times": times.findings,
    "methods": methods.findings,
    "accuracy": accuracy.findings,
    "backbones": backbones.findings,
    "design": design.findings,
}
