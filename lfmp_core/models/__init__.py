"""Backbones. Any table works in any of them, any mask on any of them. Importing this registers them."""

from .backbone import REGISTRY, Backbone, BackboneSettings, build_model, register
from .dcn_mix import DCNMixSettings
from .deepfm import DeepFMSettings
from .dnn import DNNSettings
from .pnn import PNNSettings
from .storage import load_model, save_model, write_model
from .stored_recommender import load_recommender, save_recommender
from .wide_deep import WideDeepSettings
from .xdeepfm import XDeepFMSettings

__all__ = [
    "REGISTRY",
    "Backbone",
    "BackboneSettings",
    "DCNMixSettings",
    "DNNSettings",
    "DeepFMSettings",
    "PNNSettings",
    "WideDeepSettings",
    "XDeepFMSettings",
    "build_model",
    "load_model",
    "load_recommender",
    "register",
    "save_model",
    "save_recommender",
    "write_model",
]
