"""What the gating methods share: pretraining, a first phase kept on disk, gates read back."""

import json
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from ...data.dataset import Rows
from ...folders import fresh_folder
from ...masking import num_kept
from ...models import Backbone, load_model, save_model
from ...models.controllers import FieldGates
from ...ownership import FolderKind
from ...seeds import derive
from ...settings import canonical_json
from ...tasks import Clicks
from ...training import Trainer, predict
from ..base import Context, FieldSelection
from ..selection.base import largest

Made = tuple[Backbone, dict[str, Any]]
SEARCHED = FolderKind(
    "searched phase",
    "details.json",
    frozenset({"phases", "cpu_seconds", "details"}),
    ("details.json", "model", "model/*"),
)


def first_phase(context: Context, make: Callable[[], Made]) -> Made:
    """Phase PT: a model to train on, and what there is to say of it; kept in the run's folder, if it has one.

    A phase that is cut off starts again; one that is whole is taken from the folder.
    """
    folder = context.path("searched")
    if folder is not None and folder.exists():
        kept = json.loads((folder / "details.json").read_text())
        context.phases.update(kept["phases"])
        context.cpu_seconds.update(kept["cpu_seconds"])
        return load_model(folder / "model"), kept["details"]
    with context.phase("PT"):
        model, details = make()
    if folder is not None:
        kept = {"phases": context.phases, "cpu_seconds": context.cpu_seconds, "details": details}
        with fresh_folder(folder, SEARCHED) as target:
            save_model(model, target / "model")
            (target / "details.json").write_text(canonical_json(kept))
    return model, details


def pretrain_for(task: Clicks, model: Backbone, epochs: int, context: Context) -> None:
    """Train a model in place for some epochs, without early stopping."""
    if epochs:
        Trainer(
            model,
            task.dataset.split("train"),
            task.training.model_copy(update={"epochs": epochs}),
            seed=derive(context.seed, "pretraining"),
            label=context.label("pretraining"),
        ).fit()


def mean_gates(model: Backbone, rows: Rows) -> Tensor:
    """Mean gate of every field [m] over some rows, of a model whose controller is `FieldGates`."""
    total = torch.zeros(model.num_fields, dtype=torch.float64)

    def add(controller: FieldGates, inputs: tuple[Tensor], output: Tensor) -> None:
        total.add_(controller.gate(controller.vectors(inputs[0])).sum(0).double().cpu())

    assert isinstance(model.controller, FieldGates)
    hook = model.controller.register_forward_hook(add)
    try:
        predict(model, rows)
    finally:
        hook.remove()
    return total / len(rows)


def six_digits(numbers: Tensor) -> list[float]:
    """Six significant digits, for a record."""
    return [float(f"{x:.6g}") for x in numbers.flatten().tolist()]


def choose_by_gates(model: Backbone, task: Clicks, prune_ratio: float, context: Context) -> FieldSelection:
    """The m − ⌊τm⌋ fields whose gates are the most open on average over the validation rows."""
    with context.phase("PT"):
        scores = mean_gates(model, task.dataset.split("val")).numpy()
    return FieldSelection(largest(scores, num_kept(len(scores), prune_ratio)), tuple(scores.tolist()))
