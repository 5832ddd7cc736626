"""Methods that compress the embedding table. Importing this package enters them into the registry."""

from .autodim import AutoDimSettings, autodim
from .cerp import CERPSettings, cerp
from .deeplight import DeepLightSettings, deeplight
from .dsl import DSLSettings, dsl
from .magnitude import MagPruneSettings, magprune
from .optembed import OptEmbedBudgetSettings, optembed_budget
from .optembed_d import OptEmbedDSettings, optembed_d
from .pep import pep
from .plain import SmallerDenseSettings, TableSettings, smaller_dense, train_with_table
from .sseds import sseds
from .threshold import ThresholdSettings

__all__ = [
    "AutoDimSettings",
    "CERPSettings",
    "DSLSettings",
    "DeepLightSettings",
    "MagPruneSettings",
    "OptEmbedBudgetSettings",
    "OptEmbedDSettings",
    "SmallerDenseSettings",
    "TableSettings",
    "ThresholdSettings",
    "autodim",
    "cerp",
    "deeplight",
    "dsl",
    "magprune",
    "optembed_budget",
    "optembed_d",
    "pep",
    "smaller_dense",
    "sseds",
    "train_with_table",
]
