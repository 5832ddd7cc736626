"""Backbones. Any table works in any of them, any mask on any of them."""

from .backbone import REGISTRY, Backbone, BackboneSettings, build_model
from .dcn_mix import DCNMix
from .deepfm import DeepFM
from .dnn import DNN
from .pnn import PNN
from .storage import load_model, save_model
from .wide_deep import WideDeep
from .xdeepfm import XDeepFM

REGISTRY.update(xdeepfm=XDeepFM, deepfm=DeepFM, wide_deep=WideDeep, pnn=PNN, dnn=DNN, dcn_mix=DCNMix)

__all__ = ["Backbone", "BackboneSettings", "build_model", "load_model", "save_model"]
