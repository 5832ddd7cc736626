"""Methods, what they return, and their registry."""

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from ..budget import NOTHING, Budget, Of
from ..errors import DataError, LfmpError, WrongValue
from ..files import atomic_write
from ..folders import sweep
from ..registry import Registry
from ..settings import Settings, canonical_json
from ..tasks import Clicks, Task


@dataclass
class Outcome:
    """What every method returns.

    Attributes:
        model: a `Model`, trained, ready to serve; a `Backbone` reads the data set's own rows.
        kept_fields: positions of the fields that it still reads; None of a model that has no fields.
        phases: seconds; "PT" choosing and pretraining, "CT" (continued) training.
        history: one dict an epoch of the last training phase.
        details: what the method has to say of itself, JSON-able.
    """

    model: Any
    kept_fields: tuple[int, ...] | None
    phases: dict[str, float]
    history: list[dict[str, float]]
    details: dict[str, Any] = field(default_factory=dict)

    def sizes(self) -> dict[str, float]:
        """Fields, parameters and bytes of the model as served."""
        fields = {} if self.kept_fields is None else {"fields_kept": len(self.kept_fields)}
        return {
            **fields,
            "parameters": self.model.num_parameters(),
            "embedding_parameters": self.model.num_embedding_parameters(),
            "bytes": self.model.num_bytes(),
        }


@dataclass(frozen=True)
class FieldSelection:
    """Which fields a method would keep, without the training that follows the choice.

    Attributes:
        fields: positions, ascending.
        scores: importance of every field [m], larger is better; empty where the method ranks none.
        details: what the method has to say of the choice, JSON-able.
    """

    fields: tuple[int, ...]
    scores: tuple[float, ...] = ()
    details: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Context:
    """How a method is run: its seed, where it may keep its phases, whether bars are shown, the clock."""

    seed: int
    folder: Path | None = None
    progress: bool = False
    phases: dict[str, float] = field(default_factory=dict)
    cpu_seconds: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def phase(self, name: str) -> Iterator[None]:
        """Add the block's seconds to a phase: wall clock, and processor time (neighbours disturb it less)."""
        started = time.perf_counter(), time.process_time()
        try:
            yield
        finally:
            wall, cpu = time.perf_counter() - started[0], time.process_time() - started[1]
            self.phases[name] = self.phases.get(name, 0.0) + wall
            self.cpu_seconds[name] = self.cpu_seconds.get(name, 0.0) + cpu

    @contextmanager
    def checkpointed(self, phase: str, name: str) -> Iterator[None]:
        """`phase` for a block whose trainer keeps its checkpoint under a name.

        With a folder, a block that was done before an interrupt is quick the next time, since its trainer
        takes up its checkpoint; the seconds that count are those of the first time. A block that Ctrl-C cut
        off after its trainer saved a checkpoint has the seconds of both parts. (A killed process leaves no
        time behind.)
        """
        saved, checkpoint = self.path(f"{name}.json"), self.path(name)
        if saved is None or checkpoint is None:
            with self.phase(phase):
                yield
            return
        before = json.loads(saved.read_text()) if saved.exists() else {}
        if not before or (before["checkpoint"] and not checkpoint.exists()):
            before = {"cut_off": True}
        whole, cut_off = not before["cut_off"], True
        clocks = {"phases": self.phases, "cpu_seconds": self.cpu_seconds}
        earlier = {key: clock.get(phase, 0.0) for key, clock in clocks.items()}
        try:
            with self.phase(phase):
                yield
            cut_off = False
        finally:
            times = {key: clock[phase] - earlier[key] for key, clock in clocks.items()}
            times = {key: before[key] if whole else before.get(key, 0.0) + times[key] for key in times}
            for key, clock in clocks.items():
                clock[phase] = earlier[key] + times[key]
            # what is not in a checkpoint is trained again, so its seconds will come again
            if not whole and (checkpoint.exists() or not cut_off):
                state = {"cut_off": cut_off, "checkpoint": checkpoint.exists()}
                atomic_write(saved, canonical_json(times | state))

    def label(self, text: str) -> str | None:
        """Text of a progress bar, or None for no bar."""
        return text if self.progress else None

    def path(self, name: str) -> Path | None:
        """Where a phase is kept, or None."""
        return None if self.folder is None else self.folder / name


@dataclass(frozen=True)
class Method:
    """A procedure (task, budget, seed) → Outcome with settings of its own.

    Attributes:
        removes: what a budget can be a share of; nothing where its own settings decide what goes.
        task: what it works on: `Task`, whatever is recommended; `Clicks`, rows of fields alone.
    """

    name: str
    settings_type: type[Settings]
    procedure: Callable[[Any, Budget, Any, Context], Outcome]
    chooser: Callable[[Any, Budget, Any, Context], FieldSelection] | None = None
    removes: tuple[Of, ...] = ("fields",)
    task: type = Clicks

    @property
    def summary(self) -> str:
        """The idea in a line."""
        return (self.procedure.__doc__ or "").strip().split("\n")[0]

    def run(
        self,
        task: Task,
        budget: Budget = NOTHING,
        seed: int = 0,
        *,
        settings: dict[str, Any] | Settings | None = None,
        folder: Path | None = None,
        progress: bool = False,
    ) -> Outcome:
        """Run the method.

        Args:
            task: data set, backbone, training protocol.
            budget: what to remove.
            seed: of everything random.
            settings: the method's own; a dict is checked against `settings_type`.
            folder: keep each phase here and reuse phases that are there; None keeps nothing.
            progress: show progress bars.

        Raises:
            LfmpError: the method does not work on such a task, or removes no such thing.
            DataError: the folder holds the phases of another run, or what no run left there.
        """
        self._check(task, budget, self.removes)
        own = self.settings_type.model_validate(settings or {})
        context = Context(seed, folder, progress)
        if folder is None:
            return self.procedure(task, budget, own, context)
        with self._owned(Path(folder), task, budget, seed, own):
            return self.procedure(task, budget, own, context)

    def within(
        self, task: Task, budget: Budget, settings: dict[str, Any] | Settings, context: Context
    ) -> Outcome:
        """`run` as a part of another method, with its seed, its folder and its clock."""
        self._check(task, budget, self.removes)
        return self.procedure(task, budget, self.settings_type.model_validate(settings), context)

    def choose(
        self,
        task: Task,
        budget: Budget,
        seed: int = 0,
        *,
        settings: dict[str, Any] | Settings | None = None,
        progress: bool = False,
    ) -> FieldSelection:
        """Choose fields as `run` with these arguments does, and stop there.

        Raises:
            LfmpError: the method chooses no fields, or the budget is no share of them.
        """
        if self.chooser is None:
            raise LfmpError(f"method {self.name!r} chooses no fields")
        self._check(task, budget, ("fields",))
        own = self.settings_type.model_validate(settings or {})
        return self.chooser(task, budget, own, Context(seed, None, progress))

    def _check(self, task: Task, budget: Budget, units: tuple[Of, ...]) -> None:
        if not isinstance(task, self.task):
            able = sorted(name for name, method in METHODS.items() if isinstance(task, method.task))
            raise LfmpError(
                f"method {self.name!r} works on {self.task.__name__}, not on {type(task).__name__}: "
                f"take one of {', '.join(able)}"
            )
        if not isinstance(budget, Budget):
            raise WrongValue(f"what to remove is a Budget, such as Budget(0.5), not {budget!r}")
        if budget.share and budget.of not in units:
            known = " or ".join(units)
            raise LfmpError(
                f"method {self.name!r} removes no share of {budget.of} (asked: {budget.share:g}): "
                + (f"ask for a share of {known}" if known else "its settings alone decide what goes")
            )

    @contextmanager
    def _owned(
        self, folder: Path, task: Task, budget: Budget, seed: int, settings: Settings
    ) -> Iterator[None]:
        """Tie a folder to one run, so that phases of another are never taken for its own."""
        run = {
            "method": self.name,
            "settings": settings,
            "backbone": task.settings,
            "training": task.training,
            "dataset": task.fingerprint,
            "budget": asdict(budget),
            "seed": seed,
        }
        sweep(folder, path=folder / "run.json")
        path, text, there = folder / "run.json", canonical_json(run), folder.exists()
        if path.exists() and path.read_text() != text:
            remedy = "Delete the folder, or name another one"
            raise DataError("this folder holds the phases of another run", file=folder, remedy=remedy)
        if there and not path.exists() and not (folder.is_dir() and not any(folder.iterdir())):
            remedy = "Name a new or an empty folder"
            raise DataError("what is there was not left by a run", file=folder, remedy=remedy)
        atomic_write(path, text)  # first: a killed run owns what it left
        try:
            yield
        finally:  # a run that was refused has left nothing to own
            if folder.is_dir() and [left.name for left in folder.iterdir()] == [path.name]:
                path.unlink()
                if not there:
                    folder.rmdir()


METHODS: Registry[Method] = Registry("method")


def register(
    name: str,
    settings_type: type[Settings] = Settings,
    *,
    chooser: Callable[[Any, Budget, Any, Context], FieldSelection] | None = None,
    removes: tuple[Of, ...] = ("fields",),
    task: type = Clicks,
) -> Callable[[Callable], Callable]:
    """Enter a procedure (task, budget, settings, context) → Outcome into the registry.

    Args:
        chooser: its first half, where it has one.
        removes, task: see `Method`.
    """

    def enter(procedure: Callable) -> Callable:
        METHODS.enter(name, Method(name, settings_type, procedure, chooser, removes, task))
        return procedure

    return enter


def get_method(name: str) -> Method:
    """The method of that name; an unknown one raises UnknownName with the nearest.

    Example:
        >>> import numpy as np
        >>> from lfmp_core import BackboneSettings, Budget, Clicks, Dataset, TrainingSettings, get_method
        >>> ids = np.random.default_rng(0).integers(0, [4, 6, 5], (1000, 3))
        >>> data = Dataset.from_arrays(ids, ids[:, 1] > 2, field_sizes=[4, 6, 5], local=True)
        >>> backbone = BackboneSettings(name="deepfm", embedding_dim=4, hidden=(8,))
        >>> task = Clicks(data, backbone, TrainingSettings(batch_size=100, epochs=1))
        >>> outcome = get_method("shark").run(task, Budget(0.4))
        >>> 1 in outcome.kept_fields, outcome.model.num_fields
        (True, 2)
    """
    return METHODS[name]
