"""Procedures Task → Outcome. Importing this package enters them into the registry."""

from . import compression as compression
from . import selection as selection
from .base import METHODS, Context, Method, Outcome, get_method
from .gating import adafs, mvfs, optembed, optfs
from .ials import IALSSettings, ials
from .light_fmp import LightFMPSettings, light_fmp, literal_settings
from .light_fmp_stream import StreamSettings, light_fmp_stream
from .no_selection import no_selection
from .popularity import popularity
from .quantise import QuantiseSettings, quantise
from .random_fields import random_fields
from .regrow import RegrowSettings, light_fmp_regrow

__all__ = [
    "METHODS",
    "Context",
    "IALSSettings",
    "LightFMPSettings",
    "Method",
    "Outcome",
    "QuantiseSettings",
    "RegrowSettings",
    "StreamSettings",
    "adafs",
    "get_method",
    "ials",
    "light_fmp",
    "light_fmp_regrow",
    "light_fmp_stream",
    "literal_settings",
    "mvfs",
    "no_selection",
    "optembed",
    "optfs",
    "popularity",
    "quantise",
    "random_fields",
]
