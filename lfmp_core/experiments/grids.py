"""All items of the book."""

from . import lers, lightfmp, lightfmp_choices, lightfmp_open, lightfmp_selection, speed

_PAGES = (lightfmp, lightfmp_selection, lightfmp_choices, lightfmp_open, speed, lers)
ITEMS = {item.name: item for page in _PAGES for item in page.ITEMS}
