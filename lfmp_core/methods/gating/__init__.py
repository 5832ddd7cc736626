"""Selectors that gate inside the model: fields for each example, or single values for good."""

from .adafs import AdaFSSettings, adafs
from .mvfs import MvFSSettings, mvfs
from .optembed import OptEmbedSettings, optembed
from .optfs import OptFSSettings, optfs

__all__ = [
    "AdaFSSettings",
    "MvFSSettings",
    "OptEmbedSettings",
    "OptFSSettings",
    "adafs",
    "mvfs",
    "optembed",
    "optfs",
]
