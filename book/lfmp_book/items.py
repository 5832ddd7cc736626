"""All items of the book; importing this registers them."""

from lfmp_core.experiments.items import register_items

from .advice import grids as advice
from .lers import cf_grids as lers_cf
from .lers import fig5_grids, fig7_grids
from .lers import grids as lers
from .lers.table6 import third_grids
from .lightfmp import (
    chance_grids,
    choice_grids,
    control_grids,
    grids,
    open_grids,
    passes_grids,
    rows_grids,
    selection_grids,
)
from .speed import grids as speed
from .speed import serving_grids

_OF_LERS = (lers, lers_cf, fig5_grids, fig7_grids, third_grids)
_OF_LIGHTFMP = (grids, selection_grids, choice_grids, open_grids)
_DOUBTS = (chance_grids, passes_grids, control_grids, rows_grids)
for _page in (*_OF_LIGHTFMP, *_DOUBTS, speed, serving_grids, *_OF_LERS, advice):
    register_items(_page.ITEMS)
