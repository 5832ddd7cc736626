"""Models on disk: safetensors and JSON, never pickled objects."""

import json
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file

from ..errors import DataError, LfmpError
from ..folders import fresh_folder
from ..ownership import FolderKind, restore
from ..settings import canonical_json
from .backbone import REGISTRY, Backbone, BackboneSettings, build_model
from .parts import configs, restore_parts, unlike
from .weights import write_tensors

MODEL = FolderKind(
    "model", "model.json", frozenset({"backbone", "field_sizes"}), ("model.json", "model.safetensors")
)

# where a backbone may have other parts than a plain table or nothing
PLACES = ("table", "linear", "controller")


def save_model(model: Backbone, folder: Path) -> Path:
    """Write `model.json` (settings, fields, parts) and `model.safetensors` (weights), whole or not at all.

    Args:
        folder: a new or an empty one, or a model, which is replaced.

    Raises:
        DataError: the folder holds anything else.
        LfmpError: the model's class is not registered, or it has a part that is made for training only, or
            one that a fresh model of its class does not have.

    Example:
        >>> import tempfile
        >>> from pathlib import Path
        >>> from lfmp_core import DeepFM, save_model
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     saved = save_model(DeepFM([10, 20], embedding_dim=4, seed=0), Path(folder) / "model")
        ...     sorted(path.name for path in saved.iterdir() if not path.name.startswith("."))
        ['model.json', 'model.safetensors']
    """
    head = _head(model)
    with fresh_folder(folder, MODEL) as target:
        _write(model, head, target)
    return Path(folder)


def write_model(model: Backbone, folder: Path) -> None:
    """Write the two files of `save_model` into a folder that is there.

    Raises:
        LfmpError: see `save_model`.
    """
    _write(model, _head(model), folder)


def _head(model: Backbone) -> str:
    _refuse_unmade(model)
    return canonical_json(
        {
            "backbone": model.settings,
            "field_sizes": model.field_sizes,
            "scalar_fields": model.scalar_fields,
            "parts": configs(model, PLACES),
            **model.inputs(),
        }
    )


def _write(model: Backbone, head: str, folder: Path) -> None:
    (folder / "model.json").write_text(head)
    write_tensors(model.state_dict(), folder / "model.safetensors")


def load_model(folder: Path) -> Backbone:
    """The model that `save_model` wrote.

    Raises:
        DataError: the folder is missing, corrupt, or its weights don't fit its settings.

    Example:
        >>> import tempfile
        >>> from pathlib import Path
        >>> from lfmp_core import DeepFM, TTRec, compress_, load_model, save_model
        >>> model = compress_(DeepFM([1000, 2000], embedding_dim=16), TTRec(sparsity=0.8))
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     again = load_model(save_model(model, Path(folder) / "model"))
        >>> type(again.table).__name__, again.num_parameters() == model.num_parameters()
        ('TTRecTable', True)
    """
    folder = Path(folder)
    restore(folder)
    remedy = "Save the model again with save_model"
    try:
        head = json.loads((folder / "model.json").read_text())
        settings = BackboneSettings.read(head["backbone"])
        weights = load_file(folder / "model.safetensors")
        model = build_model(settings, head["field_sizes"], head["scalar_fields"], seed=torch.Generator())
        restore_parts(model, head.get("parts", {}), PLACES)
        model.to(weights["bias"].dtype).load_state_dict(weights)
        for key, fresh in model.inputs().items():
            if type(head[key]) is not type(fresh):
                raise ValueError(f"{key} can't be {head[key]!r}")
        model.set_inputs(**{key: head[key] for key in model.inputs()})
    except (OSError, ValueError, KeyError, TypeError, RuntimeError, LfmpError, SafetensorError) as error:
        raise DataError(f"this folder holds no whole model ({error})", file=folder, remedy=remedy) from error
    return model


def _refuse_unmade(model: Backbone) -> None:
    """Refuse a model that `load_model` would make as something else."""
    kind, name = type(model).__name__, model.settings.name
    if REGISTRY.get(name) is not type(model):
        raise LfmpError(
            f"{kind} is not the backbone {name!r}, as which it would be loaded: enter it with "
            "lfmp_core.models.register under a name of its own, and give its settings that name"
        )
    sizes = (1,) * model.num_fields
    fresh = type(model)(model.settings, sizes, model.scalar_fields, generator=torch.Generator())
    if other := unlike(model, fresh, but=PLACES):
        raise LfmpError(f"a fresh {kind} has other parts than this one: {', '.join(other)}")
