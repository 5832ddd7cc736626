"""The one training loop."""

import signal
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from tqdm import tqdm

from ..embeddings import FullTable
from ..embeddings.lookup import looked_up_by
from ..errors import Diverged
from ..metrics import Metric
from ..models.layers import Dropout
from ..models.model import Model
from ..seeds import derive
from .batches import Epochs
from .checkpoint import Checkpoint
from .objective import Objective
from .processes import Processes
from .row_adam import RowAdam, RowIndex
from .settings import TrainingSettings
from .stopping import judge_epoch


class Loop:
    """Adam on mini-batches, early stopping on a validation metric, resumable at any step.

    One optimiser step is a function of (weights, optimiser state, seed, epoch, position), so that a run cut
    off at any step and resumed gives the same bits as one that was never cut.

    Args:
        model: trained in place; afterwards it holds the best epoch's weights, or the last step's without
            validation.
        batches: what to learn from.
        settings: see `TrainingSettings`.
        seed: of dropout.
        objective: what to minimise; its parameters are trained too.
        validate: measures the model after each epoch, by name of a metric; None trains to the end.
        metrics: of those; the first decides which epoch is the best.
        max_steps: stop after so many steps, in whichever epoch.
        checkpoint: folder to save to and to resume from: a new or an empty one, or a checkpoint; None saves
            nothing.
        optimizer_state: moments to start from, by parameter name; None starts fresh.
        label: of the progress bar; None shows none.
        start: (epoch, position) of the first batch; another loop has seen those before it.
        pieces: optimiser steps that every batch is cut into.
        processes: that train the same model, each on its part of every batch; None for this one alone.
            Afterwards the model of process 0 is whole.

    Raises:
        LfmpError: several processes can't train this model as one would.
    """

    def __init__(
        self,
        model: Model,
        batches: Epochs,
        settings: TrainingSettings,
        *,
        seed: int,
        objective: Objective,
        validate: Callable[[], dict[str, float]] | None = None,
        metrics: Sequence[Metric] = (),
        max_steps: int | None = None,
        checkpoint: Path | None = None,
        optimizer_state: dict[str, dict[str, Tensor]] | None = None,
        label: str | None = None,
        start: tuple[int, int] = (0, 0),
        pieces: int = 1,
        processes: Processes | None = None,
    ):
        self.model, self.settings, self.batches = model.to(settings.device), settings, batches
        self.processes = processes
        if processes is not None:
            if checkpoint is not None:
                raise ValueError("several processes keep no checkpoint")
            processes.check(model, settings)
            processes.shard(model)
        self.objective = objective.to(settings.device)
        self.validate, self.metrics = validate, tuple(metrics)
        self.max_steps, self.label, self.pieces, self._began = max_steps, label, pieces, start
        # one that goes on must not draw again what the one before it drew
        noise = derive(seed, *start) if any(start) else seed
        self.generator = torch.Generator(settings.device).manual_seed(noise)
        for module in model.modules():
            if isinstance(module, Dropout):
                module.generator = self.generator
        self.row_adams = self._make_row_adams()
        self.optimizer = self._make_optimizer()
        self._called: nn.Module = model if processes is None else processes.wrap(model, self.row_adams)
        (self.epoch, self.position), self.steps, self.stale = start, 0, 0
        self.history: list[dict[str, float]] = []
        self.loss_sum = torch.zeros((), dtype=torch.float64, device=settings.device)
        self.best: dict[str, Tensor] | None = None
        self.checkpoint = Checkpoint(checkpoint, self) if checkpoint is not None else None
        if optimizer_state:
            self.load_optimizer_state(optimizer_state)
        if self.checkpoint:
            self.checkpoint.restore()

    def _make_optimizer(self) -> torch.optim.Adam | None:
        """Of all but the tables of `row_adams`; None where that leaves nothing."""
        decayed: list[Tensor] = []
        rest: list[Tensor] = []
        for name, parameter in self.model.named_parameters():
            if name.removesuffix(".weight") in self.row_adams:
                continue
            (decayed if self._decays(name) else rest).append(parameter)
        groups: list[dict[str, Any]] = [
            {"params": decayed, "weight_decay": self.settings.l2},
            {"params": rest, "weight_decay": 0.0},
        ]
        groups += self.objective.groups(self.settings.learning_rate)
        # fused: one pass over memory instead of a dozen (7 to 9 times faster on a large table)
        groups = [group for group in groups if group["params"]]
        return torch.optim.Adam(groups, self.settings.learning_rate, fused=True) if groups else None

    def _decays(self, name: str) -> bool:
        return name.startswith(tuple(f"{module}." for module in self.model.decayed))

    def _make_row_adams(self) -> dict[str, RowAdam]:
        """By module name, for the plain tables of a run on a CPU: their gradients are lists of rows."""
        made: dict[str, RowAdam] = {}
        shared: dict[int, RowIndex] = {}
        lazy = self.settings.optimizer == "lazy"
        for name, table in self.model.named_modules():
            if isinstance(table, FullTable) and table.weight.requires_grad:
                weight = table.weight
                if RowAdam.fits(weight):
                    if len(weight) not in shared:
                        shared[len(weight)] = RowIndex(len(weight))
                    rate = self.settings.learning_rate
                    l2 = self.settings.l2 if self._decays(f"{name}.") else 0.0
                    made[name] = RowAdam(weight, rate, l2, lazy=lazy, index=shared[len(weight)])
                elif lazy:
                    raise ValueError("optimizer='lazy' works on float32 tables on a CPU; take 'dense'")
        return made

    def flush(self) -> None:
        """Make up the steps that lazy rows still owe, so that weights may be read."""
        for rows in self.row_adams.values():
            rows.flush()

    def named_parameters(self) -> dict[str, nn.Parameter]:
        """The model's parameters and the objective's, by name."""
        own = {f"objective.{k}": v for k, v in self.objective.named_parameters()}
        return dict(self.model.named_parameters()) | own

    def optimizer_state(self) -> dict[str, dict[str, Tensor]]:
        """Adam's moments and step counts by parameter name."""
        state = self.optimizer.state if self.optimizer else {}
        dense = {name: dict(state[p]) for name, p in self.named_parameters().items() if p in state}
        return dense | {f"{name}.weight": rows.state() for name, rows in self.row_adams.items()}

    def load_optimizer_state(self, state: dict[str, dict[str, Tensor]]) -> None:
        """Put back what `optimizer_state` returned; names that the model lacks are ignored."""
        for name, parameter in self.named_parameters().items():
            row_adam = self.row_adams.get(name.removesuffix(".weight"))
            if name in state and row_adam is not None:
                row_adam.load(state[name])
            elif name in state and self.optimizer:
                slots = state[name].items()
                self.optimizer.state[parameter] = {k: v.to(parameter.device, copy=True) for k, v in slots}

    @property
    def finished(self) -> bool:
        """No step is left to do."""
        if self.max_steps is not None and self.steps >= self.max_steps:
            return True
        return self.epoch >= self.settings.epochs or self.stale >= self.settings.patience

    def step(self, batch: Any, weight: float = 1.0) -> Tensor:
        """One optimiser step; returns the loss without waiting for the device.

        Args:
            batch: what to learn from.
            weight: of its loss in that of the step, to which other processes add theirs.
        """
        half = self.settings.precision == "bfloat16"
        with looked_up_by({id(rows.weight): rows.lookup for rows in self.row_adams.values()}):
            with torch.autocast(self.generator.device.type, torch.bfloat16, enabled=half):
                loss = self.objective(self._called, batch, self.steps)
            (loss if weight == 1.0 else weight * loss).backward()
        if self.optimizer:
            self.optimizer.step()
        for rows in self.row_adams.values():
            rows.step()
        if self.optimizer:
            self.optimizer.zero_grad(set_to_none=True)
        self.objective.after_step(self.steps)
        self.steps += 1
        return loss.detach()

    def fit(self, stop_at: int | None = None) -> list[dict[str, float]]:
        """Train until finished, or until `stop_at` steps are done, and return the history of epochs.

        Ctrl-C lets the running step end and saves the checkpoint (where there is one) before it is passed on.

        Raises:
            Diverged: the loss, or a score of a validation row, is not a finite number.
        """
        with interrupts_deferred() as interrupted:
            while not self.finished and not interrupted and (stop_at is None or self.steps < stop_at):
                self._epoch(stop_at, interrupted)
            if self.checkpoint:
                self.checkpoint.save()
        if self.finished and self.best is not None:
            self.model.load_state_dict(self.best)
        if self.finished and self.processes is not None:
            self.processes.gather(self.model)
        return self.history

    def _epoch(self, stop_at: int | None, interrupted: list) -> None:
        started = time.perf_counter()
        self.model.train()
        limits = [x for x in (stop_at, self.max_steps) if x is not None]
        total = len(self.batches)
        hidden = self.label is None
        with tqdm(desc=self.label, total=total, initial=self.position, leave=False, disable=hidden) as bar:
            for batch in self.batches.epoch(self.epoch, self.position):
                if self.processes is not None:
                    part, share = self.processes.part(self.batches, batch)
                    self.loss_sum += self.step(part, share) * share
                else:
                    for piece, share in self.batches.split(batch, self.pieces):
                        self.loss_sum += self.step(piece) * share
                self.position += 1
                bar.update()
                if interrupted or (limits and self.steps >= min(limits)):
                    break
        self.flush()
        if self.processes is not None:
            self.processes.sum_up(self.loss_sum)
        if not torch.isfinite(self.loss_sum):
            raise Diverged(f"the training diverged: its loss is {self.loss_sum.item()} by step {self.steps}")
        if self.position < total:
            return
        seen = total - (self._began[1] if self.epoch == self._began[0] else 0)
        self.epoch, self.position = self.epoch + 1, 0
        row = {"epoch": self.epoch, "steps": self.steps, "train_loss": self.loss_sum.item() / seen}
        self.loss_sum.zero_()
        if self.validate is not None:
            row |= self._validated(self.validate())
        self.history.append(row | {"seconds": time.perf_counter() - started})
        if self.checkpoint and not self.finished:
            self.checkpoint.save()

    def _validated(self, measured: dict[str, float]) -> dict[str, float]:
        """An epoch's metrics, for the history; keeps the best weights and says when to stop."""
        better, self.stale = judge_epoch(
            measured, self.epoch, self.stale, self.history, self.settings, self.metrics
        )
        if better:
            self.best = {k: v.detach().clone() for k, v in self.model.state_dict().items()}
        return {f"val_{metric.name}": measured[metric.name] for metric in self.metrics}


@contextmanager
def interrupts_deferred() -> Iterator[list]:
    """Yield a list that becomes non-empty on Ctrl-C; KeyboardInterrupt is raised when the block ends.

    A second Ctrl-C interrupts at once. Outside the main thread, where signals don't arrive, nothing changes.
    """
    received: list = []
    if threading.current_thread() is not threading.main_thread():
        yield received
        return
    before = signal.getsignal(signal.SIGINT)

    def note(number, frame):
        received.append(number)
        signal.signal(signal.SIGINT, before)

    signal.signal(signal.SIGINT, note)
    try:
        yield received
    finally:
        signal.signal(signal.SIGINT, before)
    if received:
        raise KeyboardInterrupt
