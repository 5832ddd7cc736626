"""Public sets, one's own tables and planted data, prepared into memory-mapped rows of ids, or pairs."""

from .avazu import AvazuSettings
from .dataset import Dataset
from .interactions import (
    InteractionData,
    Interactions,
    InteractionSchema,
    InteractionSettings,
    PlantedInteractionSettings,
    open_interactions,
    own_interactions,
    prepare_interactions,
)
from .load import load_prepared
from .movielens import MovieLensSettings
from .planted import PlantedSettings
from .planted_text import write_planted
from .preparation import PrepareSettings
from .prepared import prepare, prepare_cached, prepare_named
from .raw_rows import NewRows
from .rows import Rows
from .schema import SPLITS, Field, Schema
from .shadows import is_shadow, with_shadows
from .sources import SOURCES, Source, get_source, own_table

__all__ = [
    "SOURCES",
    "SPLITS",
    "AvazuSettings",
    "Dataset",
    "Field",
    "InteractionData",
    "InteractionSchema",
    "InteractionSettings",
    "Interactions",
    "MovieLensSettings",
    "NewRows",
    "PlantedInteractionSettings",
    "PlantedSettings",
    "PrepareSettings",
    "Rows",
    "Schema",
    "Source",
    "get_source",
    "is_shadow",
    "load_prepared",
    "open_interactions",
    "own_interactions",
    "own_table",
    "prepare",
    "prepare_cached",
    "prepare_interactions",
    "prepare_named",
    "with_shadows",
    "write_planted",
]
