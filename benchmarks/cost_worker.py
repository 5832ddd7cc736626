"""The process of one case: what it takes before there is a model, the model, and its work, turn by turn.

Serves `worker.Worker`: `python -m benchmarks.cost_worker`.
"""

from collections.abc import Callable
from contextlib import nullcontext, suppress
from typing import Any

from .worker import serve

SCORED = 4  # batches that are held and scored in turn
MIB = 1 << 20


class CostCalls:
    """What the worker of a case can be asked, in this order."""

    def __init__(self) -> None:
        self.case: Any = None
        self.setting: Any = None
        self.data_: Any = None
        self.maps: Any = None
        self.act: Callable[[int], list[float]] = lambda repeats: []
        self.memory: dict[str, float] = {}
        self.held = 0

    def cap(self, most: int) -> bool:
        """Let the system refuse memory beyond so many bytes; whether it does."""
        from lfmp_core.memory import cap_memory

        cap_memory(most)
        try:
            bytearray(most)
        except MemoryError:
            return True
        return False

    def packages(self, case: dict[str, Any], setting: dict[str, Any]) -> float:
        """Libraries imported, code compiled: the case at tiny size, thrown away."""
        from .cost_cases import CostCase
        from .cost_tasks import Setting, data_of

        self.case, self.setting = CostCase(**case), Setting(**setting)
        tiny = self.setting.tiny()
        self._prepared(tiny, data_of(tiny))(1)
        return self._noted("packages")

    def data(self, maps: bool) -> None:
        """Rows or pairs; the maps of raw values to ids, where they are asked for."""
        from .cost_tasks import data_of, metadata_of

        self.data_ = data_of(self.setting)
        self._noted("rows")
        if maps:
            self.maps = metadata_of(self.setting, self.data_)
            self._noted("metadata")

    def model(self) -> dict[str, Any]:
        """The model of the phase, or as served, with its optimiser, and its work at its height.

        Memory is read while the allocator hands back what is free, so that it is what the work needs; time is
        taken while it keeps it, as in this project's runs.
        """
        from lfmp_core.experiments.certificate import reset_peak_rss
        from lfmp_core.memory import keep_memory

        from .cost_cases import REST
        from .cost_tasks import epoch_rows

        self.act = self._prepared(self.setting, self.data_)
        self._noted("model")
        reset_peak_rss()
        if self.case.kind != REST:  # which is no loop: its one turn says both
            self.act(1 if self.case.heavy else 2)  # Adam's moments come with the first step
            self._peak("work")
            keep_memory()
            reset_peak_rss()
        rows = epoch_rows(self.setting, self.data_)
        return {
            **self.sizes,
            "epoch_steps": -(-rows // self.setting.batch),
            "candidates": self.case.candidates,
        }

    def turn(self, repeats: int) -> list[float]:
        """Seconds of each repeat."""
        return self.act(repeats)

    def finish(self) -> dict[str, float]:
        """Megabytes (2²⁰) of each part, of the model at its work's height, and of what is kept of it."""
        self._peak("kept" if "work" in self.memory else "work")
        if self.setting.device == "cuda":
            import torch

            self.memory["device"] = torch.cuda.max_memory_allocated() / MIB
        return {name: round(value, 2) for name, value in self.memory.items()}

    def _peak(self, name: str) -> None:
        """The height since it was reset, above what was there before the model."""
        from lfmp_core.experiments.certificate import peak_rss

        self.memory[name] = (peak_rss() - self.held) / MIB + self.memory["model"]

    def _noted(self, name: str) -> float:
        """What has come since the part before."""
        from lfmp_core.memory import give_back, resident

        give_back()
        now = resident()
        self.memory[name], self.held = (now - self.held) / MIB, now
        return self.memory[name]

    def _prepared(self, setting: Any, data: Any) -> Callable[[int], list[float]]:
        """What a turn does."""
        from lfmp_core.methods import get_method

        from . import cost_cases as known
        from .cost_tasks import Taken, Watch, task_for

        case = self.case
        method, settings = get_method(case.procedure), dict(case.settings)
        if setting.quick and case.procedure == "table":  # few ids leave few sizes to choose among
            settings["tolerance"] = 0.3

        def run(watch: Watch) -> Any:
            task = task_for(setting, data, watch)
            return method.run(task, case.budget, setting.seed, settings=settings)

        if case.kind == known.REST:
            self.sizes = run(Watch()).sizes()
            return lambda repeats: [run(Watch(fitness="measured")).phases["PT"] for _ in range(repeats)]
        if case.kind == known.SCORE:
            outcome = run(Watch())
            self.sizes = outcome.sizes()
            return self._scoring(task_for(setting, data, Watch()), outcome.model, setting)
        evolves = case.kind == known.CANDIDATE
        try:
            run(Watch(None, "taken") if evolves else Watch(case.call))
        except Taken as found:
            taken = found.what
        else:
            raise ValueError(f"{case.method} has no phase {case.phase!r}")
        self.sizes = {}
        if evolves:
            return lambda repeats: self._lapses(taken, repeats)
        if case.filled:  # as after its first pass
            taken.objective.after_step(taken.objective.per_epoch - 1)
        self.sizes = {"parameters": taken.model.num_parameters(), "bytes": taken.model.num_bytes()}
        return self._stepping(taken)

    def _stepping(self, loop: Any) -> Callable[[int], list[float]]:
        """Steps of a loop as its epoch takes them: the batch put together, the step, its loss read."""
        loop.model.train()
        held = loop.batches.epoch(0)
        return lambda repeats: self._lapses(lambda: loop.step(next(held)).item(), repeats)

    def _scoring(self, task: Any, model: Any, setting: Any) -> Callable[[int], list[float]]:
        import torch

        from lfmp_core.embeddings.memoised import compact
        from lfmp_core.embeddings.tt_rec import TTRecTable
        from lfmp_core.training.evaluate import scorer
        from lfmp_core.training.ranking import best_of

        if self.case.filled:
            counts = task.id_counts()
            for name, table in model.tables().items():
                assert isinstance(table, TTRecTable)
                table.populate(torch.from_numpy(counts[name]))
        model.to(setting.device).eval()
        per = 1
        if setting.task != "pairs":
            rows = task.dataset.split("val")
            score, held = scorer(model, rows, setting.batch, batches=SCORED)
            per = held // setting.batch
        elif self.case.phase == "as stored":
            score = torch.inference_mode()(lambda: model.vectors())
        else:
            with torch.inference_mode():
                lists = model.scorer()
                user = torch.zeros(1, dtype=torch.long)
                values = lists(user).numpy()
            score = {
                "similarity": torch.inference_mode()(lambda: lists(user)),
                "ranking": lambda: best_of(values, user.numpy(), task.pairs),
            }[self.case.phase]

        def turn(repeats: int) -> list[float]:
            with nullcontext() if self.case.kept else compact(model):
                return [s / per for s in self._lapses(score, repeats)]

        return turn

    @staticmethod
    def _lapses(act: Callable[[], object], repeats: int) -> list[float]:
        from lfmp_core.efficiency import lapses

        return lapses(act, rounds=repeats, warm_up=0)


if __name__ == "__main__":
    with suppress(KeyboardInterrupt):
        serve(CostCalls())
