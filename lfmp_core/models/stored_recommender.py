"""Recommenders on disk: safetensors and JSON, never pickled objects."""

import json
from pathlib import Path

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file

from ..data.interactions import Interactions
from ..embeddings.packed import Packed
from ..errors import DataError, LfmpError
from ..folders import fresh_folder
from ..ownership import FolderKind, restore
from ..settings import canonical_json
from .parts import configs, restore_parts, unlike
from .recommender import Recommender, RecommenderSettings
from .recommenders import RECOMMENDERS, build_recommender, recommender_settings
from .weights import write_tensors

_HEAD, _WEIGHTS = "recommender.json", "recommender.safetensors"
RECOMMENDER = FolderKind(
    "recommender", _HEAD, frozenset({"recommender", "num_users", "num_items"}), (_HEAD, _WEIGHTS)
)


def save_recommender(model: Recommender, folder: Path) -> Path:
    """Write `recommender.json` and `recommender.safetensors`, what a server needs, whole or not at all.

    Of one that reads the training pairs when it scores, such as LightGCN, these are the factors that come of
    it; see `Recommender.served`. Tables stay as compressed as they are.

    Args:
        folder: a new or an empty one, or a recommender, which is replaced.

    Raises:
        DataError: the folder holds anything else.
        LfmpError: its class is not registered, a table is made for training only, or a fresh one of its class
            has other parts.

    Example:
        >>> import tempfile
        >>> from pathlib import Path
        >>> import torch
        >>> from lfmp_core.data.interactions import Interactions
        >>> from lfmp_core.models import load_recommender, save_recommender
        >>> from lfmp_core.models.lightgcn import LightGCNSettings
        >>> from lfmp_core.models.recommenders import build_recommender
        >>> pairs = Interactions.of_pairs([0, 0, 1], [0, 1, 1], 2, 3)
        >>> model = build_recommender(LightGCNSettings(embedding_dim=4), pairs, seed=0)
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     served = load_recommender(save_recommender(model, Path(folder) / "model"))
        >>> users = torch.tensor([1, 0])
        >>> type(served).__name__, torch.equal(served.scorer()(users), model.scorer()(users))
        ('MatrixFactorisation', True)
    """
    model = model.served()
    _refuse_unmade(model)
    head = {
        "recommender": model.settings,
        "num_users": model.num_users,
        "num_items": model.num_items,
        "parts": configs(model, model.table_names),
    }
    with fresh_folder(folder, RECOMMENDER) as target:
        (target / _HEAD).write_text(canonical_json(head))
        write_tensors(model.state_dict(), target / _WEIGHTS)
    return Path(folder)


def load_recommender(folder: Path) -> Recommender:
    """The recommender that `save_recommender` wrote.

    Raises:
        DataError: the folder is missing, corrupt, or its weights don't fit its settings.
    """
    folder = Path(folder)
    restore(folder)
    try:
        head = json.loads((folder / _HEAD).read_text())
        weights = load_file(folder / _WEIGHTS)
        model = _fresh(recommender_settings(head["recommender"]), head["num_users"], head["num_items"])
        if model.served() is not model:
            raise ValueError(f"{model.settings.name} is not served as it is")
        restore_parts(model, head["parts"], model.table_names)
        model.to(_type_of(weights, model)).load_state_dict(weights)
    except (
        OSError,
        ValueError,
        KeyError,
        TypeError,
        RuntimeError,
        StopIteration,
        LfmpError,
        SafetensorError,
    ) as error:
        remedy = "Save the recommender again with save_recommender"
        problem = f"this folder holds no whole recommender ({' '.join(str(error).split())})"
        raise DataError(problem, file=folder, remedy=remedy) from error
    return model


def _type_of(weights: dict[str, torch.Tensor], model: Recommender) -> torch.dtype:
    """Of its numbers; scales of packed ones have types of their own."""
    of_packed = {name for name, part in model.named_modules() if isinstance(part, Packed)}
    kinds = (x.dtype for name, x in weights.items() if name.rpartition(".")[0] not in of_packed)
    return next((kind for kind in kinds if kind.is_floating_point), torch.float32)


def _fresh(settings: RecommenderSettings, num_users: int, num_items: int) -> Recommender:
    """One that knows no pairs."""
    none = np.empty(0, np.int64)
    pairs = Interactions.of_pairs(none, none, num_users, num_items)
    return build_recommender(settings, pairs, seed=torch.Generator())


def _refuse_unmade(model: Recommender) -> None:
    """Refuse a recommender that `load_recommender` would make as something else."""
    kind, name = type(model).__name__, model.settings.name
    if RECOMMENDERS.get(name) is not type(model):
        raise LfmpError(
            f"{kind} is not the recommender {name!r}, as which it would be loaded: enter it with "
            "lfmp_core.models.recommender.register under a name of its own, and give its settings that name"
        )
    if other := unlike(model, _fresh(model.settings, 1, 1), but=model.table_names):
        raise LfmpError(f"a fresh {kind} has other parts than this one: {', '.join(other)}")
