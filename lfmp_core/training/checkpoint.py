"""A training run on disk, whole or absent, without pickled objects."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file

from ..errors import DataError
from ..folders import fresh_folder
from ..models.weights import write_tensors
from ..ownership import FolderKind, check_target
from ..settings import canonical_json

if TYPE_CHECKING:
    from .loop import Loop

CHECKPOINT = FolderKind(
    "checkpoint", "state.json", frozenset({"run", "counters"}), ("state.json", "state.safetensors")
)
COUNTERS = ("epoch", "position", "steps", "stale", "history")


class Checkpoint:
    """Everything that the next step depends on: weights, best weights, moments, generators, position.

    Raises:
        DataError: the folder holds anything but a checkpoint.
    """

    def __init__(self, folder: Path, trainer: "Loop"):
        check_target(folder, CHECKPOINT)
        self.folder, self.trainer = Path(folder), trainer

    def _generators(self) -> dict[str, torch.Generator]:
        found = {"trainer": self.trainer.generator}
        for name, module in self.trainer.objective.named_modules():
            if isinstance(getattr(module, "generator", None), torch.Generator):
                found[f"objective.{name}"] = module.generator
        return found

    def _modules(self) -> dict[str, torch.Tensor]:
        parts = {"model": self.trainer.model, "objective": self.trainer.objective}
        return {f"{name}/{k}": v for name, part in parts.items() for k, v in part.state_dict().items()}

    def _run(self) -> dict[str, Any]:
        """What has to be the same for a checkpoint to be gone on with."""
        return {"settings": self.trainer.settings, **self.trainer.batches.identity}

    def _refused(self, problem: str) -> DataError:
        return DataError(problem, file=self.folder, remedy="Delete the folder to start again")

    def save(self) -> None:
        """Write the trainer's state; an earlier checkpoint stays until the new one is whole."""
        t = self.trainer
        tensors = self._modules()
        tensors |= {f"best/{k}": v for k, v in (t.best or {}).items()}
        for name, slots in t.optimizer_state().items():
            tensors |= {f"adam/{name}/{slot}": value for slot, value in slots.items()}
        tensors |= {f"generator/{k}": g.get_state() for k, g in self._generators().items()}
        counters = {key: getattr(t, key) for key in COUNTERS} | {"loss_sum": t.loss_sum.item()}
        with fresh_folder(self.folder, CHECKPOINT) as target:
            # clones: safetensors refuses tensors that share memory
            copies = {k: v.detach().clone().contiguous() for k, v in tensors.items()}
            write_tensors(copies, target / "state.safetensors")
            (target / "state.json").write_text(canonical_json({"run": self._run(), "counters": counters}))

    def restore(self) -> bool:
        """Put the saved state back; False when there is none.

        Raises:
            DataError: the checkpoint is corrupt, or was made with other settings or another model.
        """
        if not self.folder.exists() or not any(self.folder.iterdir()):
            return False
        t = self.trainer
        try:
            state = json.loads((self.folder / "state.json").read_text())
            run, counters = state["run"], {key: state["counters"][key] for key in (*COUNTERS, "loss_sum")}
            tensors = load_file(self.folder / "state.safetensors")
        except (OSError, ValueError, KeyError, TypeError, SafetensorError) as error:
            raise self._refused(f"this checkpoint is not whole ({error})") from error
        if run != json.loads(canonical_json(self._run())):
            raise self._refused(f"this checkpoint was made with other settings ({canonical_json(run)})")
        # all of it is looked at before any of it is used: a refusal changes nothing
        needed = {k: v.shape for k, v in self._modules().items()}
        needed |= {f"generator/{k}": g.get_state().shape for k, g in self._generators().items()}
        found = {k: v.shape for k, v in tensors.items() if not k.startswith(("best/", "adam/"))}
        wrong = sorted({name for name, _ in needed.items() ^ found.items()})
        if wrong:
            raise self._refused(f"this checkpoint is of another model: {', '.join(wrong[:4])}")

        def part(prefix: str) -> dict[str, torch.Tensor]:
            return {k.removeprefix(prefix): v for k, v in tensors.items() if k.startswith(prefix)}

        t.model.load_state_dict(part("model/"))
        t.objective.load_state_dict(part("objective/"))
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
