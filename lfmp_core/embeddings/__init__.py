"""Tables: anything that maps ids to vectors. Importing this package registers those that have a name."""

from . import dhe as dhe
from . import hashing as hashing
from . import memcom as memcom
from . import mixed_dimension as mixed_dimension
from . import qr as qr
from . import tt_rec as tt_rec
from .base import NamedTable, Table
from .budget import BudgetError
from .full import FullTable
from .registry import TABLES, build_table, register, table_factory, table_spec

__all__ = [
    "TABLES",
    "BudgetError",
    "FullTable",
    "NamedTable",
    "Table",
    "build_table",
    "register",
    "table_factory",
    "table_spec",
]
