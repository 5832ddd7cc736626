"""All items of the book; importing this registers them."""

from lfmp_core.experiments.items import register_items

from .lers import cf_grids as lers_cf
from .lers import grids as lers
from .lightfmp import choice_grids, grids, open_grids, selection_grids
from .speed import grids as speed

for _page in (grids, selection_grids, choice_grids, open_grids, speed, lers, lers_cf):
    register_items(_page.ITEMS)
