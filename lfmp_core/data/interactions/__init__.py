"""Who took what: pairs of users and items, read, split, prepared, and planted."""

from .dataset import InteractionData
from .own_pairs import own_interactions
from .pairs import Interactions, held_out, last_out
from .planted import PlantedInteractionSettings, interaction_law
from .prepare import open_interactions, prepare_interactions
from .schema import InteractionSchema, InteractionSettings

__all__ = [
    "InteractionData",
    "InteractionSchema",
    "InteractionSettings",
    "Interactions",
    "PlantedInteractionSettings",
    "held_out",
    "interaction_law",
    "last_out",
    "open_interactions",
    "own_interactions",
    "prepare_interactions",
]
