"""Tables: anything that maps ids to vectors."""

from .base import Table
from .full import FullTable

__all__ = ["FullTable", "Table"]
