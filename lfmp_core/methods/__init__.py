"""Procedures Task → Outcome. Importing this package enters them into the registry."""

from .base import METHODS, Context, Method, Outcome, Task, get_method
from .light_fmp import LightFMPSettings, light_fmp, literal
from .no_selection import no_selection
from .random_fields import random_fields

__all__ = [
    "METHODS",
    "Context",
    "LightFMPSettings",
    "Method",
    "Outcome",
    "Task",
    "get_method",
    "light_fmp",
    "literal",
    "no_selection",
    "random_fields",
]
