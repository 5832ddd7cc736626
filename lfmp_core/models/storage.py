"""Models on disk: safetensors and JSON, never pickled objects."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import nn

from ..embeddings import FullTable
from ..embeddings.field_columns import FieldColumnsTable
from ..embeddings.pair import PairTable
from ..embeddings.ragged import RaggedTable
from ..embeddings.registry import MADE_AGAIN
from ..embeddings.sparse import SparseTable
from ..errors import DataError, LfmpError, check_name
from ..folders import fresh_folder
from ..ownership import FolderKind, restore
from ..settings import canonical_json
from .backbone import Backbone, BackboneSettings, build_model
from .controllers import AdaptiveGates, MultiViewGates

MODEL = FolderKind(
    "model", "model.json", frozenset({"backbone", "field_sizes"}), ("model.json", "model.safetensors")
)

# what a restricted model knows of the rows that it is given
INPUTS = ("whole", "row_width", "value_width")

# Parts that may stand where a backbone has a plain table or nothing, by their `kind`; each is made again,
# with any values, from the JSON that its `described()` gives.
PLACES = ("table", "linear", "controller")
PARTS: dict[str, Callable[..., nn.Module]] = {
    **{part.kind: part for part in (RaggedTable, AdaptiveGates, MultiViewGates)},
    **{table.kind: table for table in (SparseTable, FieldColumnsTable)},
    PairTable.kind: PairTable.of_sparse,
    **MADE_AGAIN,
}


def save_model(model: Backbone, folder: Path) -> Path:
    """Write `model.json` (settings, fields, parts) and `model.safetensors` (weights), whole or not at all.

    Args:
        folder: a new or an empty one, or a model, which is replaced.

    Raises:
        DataError: the folder holds anything else.
        LfmpError: the model has a part that is made for training only.
    """
    head = {
        "backbone": model.settings,
        "field_sizes": model.field_sizes,
        "scalar_fields": model.scalar_fields,
        "parts": {place: part for place in PLACES if (part := _described(getattr(model, place)))},
        **{key: getattr(model, key) for key in INPUTS},
    }
    with fresh_folder(folder, MODEL) as target:
        (target / "model.json").write_text(canonical_json(head))
        save_file({k: v.contiguous() for k, v in model.state_dict().items()}, target / "model.safetensors")
    return Path(folder)


def load_model(folder: Path) -> Backbone:
    """The model that `save_model` wrote.

    Raises:
        DataError: the folder is missing, corrupt, or its weights don't fit its settings.
    """
    folder = Path(folder)
    restore(folder)
    remedy = "Save the model again with save_model"
    try:
        head = json.loads((folder / "model.json").read_text())
        settings = BackboneSettings(**head["backbone"])
        weights = load_file(folder / "model.safetensors")
        model = build_model(settings, head["field_sizes"], head["scalar_fields"], seed=torch.Generator())
        for place, part in head.get("parts", {}).items():
            setattr(model, check_name(place, PLACES, "part of a model"), _made(**part))
        model.load_state_dict(weights)
        for key in INPUTS:
            setattr(model, key, head[key])
    except (OSError, ValueError, KeyError, TypeError, RuntimeError, LfmpError, SafetensorError) as error:
        raise DataError(f"this folder holds no whole model ({error})", file=folder, remedy=remedy) from error
    return model


def _described(part: Any) -> dict[str, Any] | None:
    if part is None or isinstance(part, FullTable):
        return None
    kind = getattr(part, "kind", None)
    if kind not in PARTS:
        raise LfmpError(f"a {type(part).__name__} is for training; a model with one can't be saved")
    return {"kind": kind, **part.described()}


def _made(kind: str, **arguments: Any) -> nn.Module:
    return PARTS[check_name(kind, PARTS, "part of a model")](**arguments)
