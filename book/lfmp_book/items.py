"""All items of the book; importing this registers them."""

from lfmp_core.experiments.items import register_items

from .advice import grids as advice
from .lers import cf_grids as lers_cf
from .lers import fig5_grids, fig7_grids
from .lers import grids as lers
from .lers.table6 import third_grids
from .lightfmp import choice_grids, grids, open_grids, selection_grids
from .speed import grids as speed

_OF_LERS = (lers, lers_cf, fig5_grids, fig7_grids, third_grids)
for _page in (grids, selection_grids, choice_grids, open_grids, speed, *_OF_LERS, advice):
    register_items(_page.ITEMS)
