"""All items of the book."""

from .lightfmp import ITEMS as LIGHT_FMP
from .lightfmp_choices import ITEMS as CHOICES
from .lightfmp_selection import ITEMS as SELECTION

ITEMS = {item.name: item for item in (*LIGHT_FMP, *SELECTION, *CHOICES)}
