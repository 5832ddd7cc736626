"""Models on disk: safetensors and JSON, never pickled objects."""

import json
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file

from ..errors import DataError
from ..settings import canonical_json, fresh_folder
from .backbone import Backbone, BackboneSettings, build_model

# what a restricted model knows of the rows that it is given
INPUTS = ("whole", "row_width", "value_width")


def save_model(model: Backbone, folder: Path) -> Path:
    """Write `model.json` (settings, fields) and `model.safetensors` (weights), whole or not at all."""
    head = {
        "backbone": model.settings,
        "field_sizes": model.field_sizes,
        "scalar_fields": model.scalar_fields,
        **{key: getattr(model, key) for key in INPUTS},
    }
    with fresh_folder(folder) as target:
        (target / "model.json").write_text(canonical_json(head))
        save_file({k: v.contiguous() for k, v in model.state_dict().items()}, target / "model.safetensors")
    return Path(folder)


def load_model(folder: Path) -> Backbone:
    """The model that `save_model` wrote.

    Raises:
        DataError: the folder is missing, corrupt, or its weights don't fit its settings.
    """
    folder = Path(folder)
    remedy = "Save the model again with save_model"
    try:
        head = json.loads((folder / "model.json").read_text())
        settings = BackboneSettings(**head["backbone"])
        weights = load_file(folder / "model.safetensors")
        model = build_model(settings, head["field_sizes"], head["scalar_fields"], seed=torch.Generator())
        model.load_state_dict(weights)
        for key in INPUTS:
            setattr(model, key, head[key])
    except (OSError, ValueError, KeyError, TypeError, RuntimeError, SafetensorError) as error:
        raise DataError(f"this folder holds no whole model ({error})", file=folder, remedy=remedy) from error
    return model
