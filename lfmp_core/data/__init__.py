"""Public sets, one's own tables and planted data, prepared out of core into memory-mapped rows of ids."""

from .dataset import Dataset, Rows
from .planted import PlantedSettings
from .planted_text import write_planted
from .prepared import prepare, prepare_cached, prepare_named
from .schema import SPLITS, Field, PrepareSettings, Schema
from .shadows import is_shadow, with_shadows
from .sources import SOURCES, Source, get_source, own_table

__all__ = [
    "SOURCES",
    "SPLITS",
    "Dataset",
    "Field",
    "PlantedSettings",
    "PrepareSettings",
    "Rows",
    "Schema",
    "Source",
    "get_source",
    "is_shadow",
    "own_table",
    "prepare",
    "prepare_cached",
    "prepare_named",
    "with_shadows",
    "write_planted",
]
