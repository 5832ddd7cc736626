"""A training run on disk, whole or absent, without pickled objects."""

import json
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file

from ..errors import DataError
from ..settings import canonical_json, fresh_folder

if TYPE_CHECKING:
    from .loop import Trainer

COUNTERS = ("epoch", "position", "steps", "stale", "history")


class Checkpoint:
    """Everything that the next step depends on: weights, best weights, moments, generators, position."""

    def __init__(self, folder: Path, trainer: "Trainer"):
        self.folder, self.trainer = Path(folder), trainer

    def _generators(self) -> dict[str, torch.Generator]:
        found = {"trainer": self.trainer.generator}
        for name, module in self.trainer.objective.named_modules():
            if isinstance(getattr(module, "generator", None), torch.Generator):
                found[f"objective.{name}"] = module.generator
        return found

    def save(self) -> None:
        """Write the trainer's state; an earlier checkpoint stays until the new one is whole."""
        t = self.trainer
        tensors = {f"model/{k}": v for k, v in t.model.state_dict().items()}
        tensors |= {f"objective/{k}": v for k, v in t.objective.state_dict().items()}
        tensors |= {f"best/{k}": v for k, v in (t.best or {}).items()}
        for name, slots in t.optimizer_state().items():
            tensors |= {f"adam/{name}/{slot}": value for slot, value in slots.items()}
        tensors |= {f"generator/{k}": g.get_state() for k, g in self._generators().items()}
        counters = {key: getattr(t, key) for key in COUNTERS} | {"loss_sum": t.loss_sum.item()}
        with fresh_folder(self.folder) as target:
            # clones: safetensors refuses tensors that share memory
            save_file({k: v.detach().clone().contiguous() for k, v in tensors.items()}, target / "state.safetensors")
            (target / "state.json").write_text(canonical_json({"settings": t.settings, **counters}))

    def restore(self) -> bool:
        """Put the saved state back; False when there is none.

        Raises:
            DataError: the checkpoint is corrupt, or was made with other settings or another model.
        """
        if not self.folder.exists():
            return False
        remedy = "Delete the folder to start again"
        t = self.trainer
        try:
            counters = json.loads((self.folder / "state.json").read_text())
            tensors = load_file(self.folder / "state.safetensors")
        except (OSError, ValueError, SafetensorError) as error:
            message = f"this checkpoint is not whole ({error})"
            raise DataError(message, file=self.folder, remedy=remedy) from error
        if counters.pop("settings") != json.loads(canonical_json(t.settings)):
            raise DataError("this checkpoint was made with other settings", file=self.folder, remedy=remedy)

        def part(prefix: str) -> dict[str, torch.Tensor]:
            return {k.removeprefix(prefix): v for k, v in tensors.items() if k.startswith(prefix)}

        try:
            t.model.load_state_dict(part("model/"))
            t.objective.load_state_dict(part("objective/"))
        except RuntimeError as error:
            message = f"this checkpoint is of another model ({error})"
            raise DataError(message, file=self.folder, remedy=remedy) from error
        t.best = part("best/") or None
        slots: dict[str, dict[str, torch.Tensor]] = {}
        for key, value in part("adam/").items():
            name, slot = key.rsplit("/", 1)
            slots.setdefault(name, {})[slot] = value
        t.load_optimizer_state(slots)
        for key, generator in self._generators().items():
            generator.set_state(tensors[f"generator/{key}"])
        t.loss_sum.fill_(counters.pop("loss_sum"))
        for key, value in counters.items():
            setattr(t, key, value)
        return True
