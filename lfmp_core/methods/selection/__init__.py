"""Selectors: score every field, keep the best, train afresh on them."""

from .autofield import AutoFieldSettings, autofield
from .base import FieldImportance, selector
from .encoding import EncodingSettings
from .gbdt import GBDTSettings, gbdt
from .lasso import LassoSettings, lasso
from .lpfs import LPFSSettings, lpfs
from .pca import PCASettings, pca
from .permutation import PermutationSettings, permutation
from .random_forest import ForestSettings, random_forest
from .sfs import SFSSettings, sfs
from .shark import shark
from .xgboost import XGBoostSettings, xgboost

__all__ = [
    "AutoFieldSettings",
    "EncodingSettings",
    "FieldImportance",
    "ForestSettings",
    "GBDTSettings",
    "LPFSSettings",
    "LassoSettings",
    "PCASettings",
    "PermutationSettings",
    "SFSSettings",
    "XGBoostSettings",
    "autofield",
    "gbdt",
    "lasso",
    "lpfs",
    "pca",
    "permutation",
    "random_forest",
    "selector",
    "sfs",
    "shark",
    "xgboost",
]
