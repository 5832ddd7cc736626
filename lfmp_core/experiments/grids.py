"""All items of the book."""

from .lightfmp import ITEMS as LIGHT_FMP

ITEMS = {item.name: item for item in LIGHT_FMP}
