"""Tables: anything that maps ids to vectors."""

from .base import Table
from .budget import BudgetError
from .full import FullTable
from .registry import TABLES, build_table, table_factory, table_spec

__all__ = ["TABLES", "BudgetError", "FullTable", "Table", "build_table", "table_factory", "table_spec"]
