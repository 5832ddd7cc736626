"""Hyper-parameters by TPE, where the records are the journal."""

from collections.abc import Mapping, Sequence
from functools import lru_cache
from math import log
from statistics import median
from typing import TYPE_CHECKING, NamedTuple, Self
from warnings import catch_warnings, simplefilter

from pydantic import Field, model_validator
from tqdm import TqdmWarning

from ..errors import LfmpError
from ..settings import Settings, canonical_json

if TYPE_CHECKING:
    import optuna

EDGE = 0.05  # of an interval: a best value this near to an end lies on the border
DIGITS = 3  # of a proposed value


class Interval(Settings):
    """The values of one hyper-parameter, both ends included.

    Attributes:
        low, high: ends. log: drawn evenly by magnitude.
    """

    low: float
    high: float
    log: bool = False

    @model_validator(mode="after")
    def _not_empty(self) -> Self:
        if not (self.low < self.high and (self.low > 0 or not self.log)):
            raise ValueError(f"no interval: from {self.low} to {self.high}{', by magnitude' * self.log}")
        return self

    def place(self, value: float) -> float:
        """Where a value lies: 0 at the low end, 1 at the high one."""
        scale = log if self.log else float
        low, high = scale(self.low), scale(self.high)
        return (scale(value) - low) / (high - low)

    def end(self, value: float) -> str:
        """The end that a value lies at, "low" or "high"; empty inside."""
        at = self.place(value)
        return "low" if at <= EDGE else "high" if at >= 1 - EDGE else ""


class Trial(NamedTuple):
    """What one finished trial said.

    Attributes:
        score: best validation AUC; None of a run that failed.
        history: validation AUC after each epoch.
    """

    score: float | None
    history: tuple[float, ...] = ()


class TPE(Settings):
    """Tree-structured Parzen estimator: random trials first, then those whose expected ratio is greatest.

    A trial's values follow from the seed and from the scores of all trials before it, so whoever holds the
    records can say what the next trial is: the records are the journal, any number of processes may share it,
    and a search that was stopped goes on where it was. The random trials run side by side, the others of one
    search one after another.

    Attributes:
        space: interval by name of a training or backbone setting.
        trials: in all. random: of them drawn without looking at scores.
        seed: of every draw.
        hopeless: stop a trial after an epoch whose validation AUC is below the median that the finished
            random trials had after as many epochs.

    Source: Bergstra et al. 2011; LERS §3.3 (10 random of 30 trials), intervals of Table 4.
    """

    space: dict[str, Interval]
    trials: int = Field(30, ge=1)
    random: int = Field(10, ge=1)
    seed: int = 2023
    hopeless: bool = False

    def proposals(self, known: Sequence[Trial | None]) -> list[dict[str, float]]:
        """Values of every trial that can be named by now, in order.

        Args:
            known: what the first trials said; None of those that are not finished.
        """
        return [dict(values) for values in _proposals(canonical_json(self), tuple(known[: self.trials]))]

    def floors(self, known: Sequence[Trial | None]) -> tuple[float, ...]:
        """Least validation AUC after each epoch for trials after the random ones; empty: none is stopped."""
        first = [t.history for t in known[: self.random] if t is not None and t.history]
        if not self.hopeless or len(first) < 2:
            return ()
        longest = max(map(len, first))
        return tuple(median(h[min(e, len(h) - 1)] for h in first) for e in range(longest))

    def on_border(self, values: Mapping[str, float]) -> tuple[str, ...]:
        """Hyper-parameters whose value lies at an end of its interval."""
        return tuple(name for name, interval in self.space.items() if interval.end(values[name]))

    def study(
        self,
        known: Sequence[Trial | None],
        storage: "optuna.storages.BaseStorage | None" = None,
        name: str | None = None,
    ) -> "optuna.Study":
        """The search as Optuna's own object, for its plots and dashboards.

        Args:
            known: see `proposals`.
            storage: where Optuna keeps it, such as a journal file; in memory by default.
            name: of the study.

        Raises:
            LfmpError: Optuna is not installed, or the storage has a study of that name.
        """
        return _replay(self, known, storage, name)[0]


@lru_cache(maxsize=4096)
def _proposals(settings: str, known: tuple[Trial | None, ...]) -> tuple[tuple[tuple[str, float], ...], ...]:
    found = _replay(TPE.model_validate_json(settings), known, None, None)[1]
    return tuple(tuple(values.items()) for values in found)


def _replay(
    tpe: TPE, known: Sequence[Trial | None], storage: "optuna.storages.BaseStorage | None", name: str | None
) -> tuple["optuna.Study", list[dict[str, float]]]:
    try:
        with catch_warnings():
            simplefilter("ignore", TqdmWarning)  # of a notebook without widgets; no bar is drawn here
            import optuna
    except ImportError as error:
        raise LfmpError("a search needs Optuna: pip install 'lfmp-core[search]'") from error
    state = optuna.trial.TrialState
    before = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    try:
        sampler = optuna.samplers.TPESampler(seed=tpe.seed, n_startup_trials=tpe.random)
        study = optuna.create_study(storage=storage, sampler=sampler, study_name=name, direction="maximize")
        space = sorted(tpe.space.items())
        found: list[dict[str, float]] = []
        padded = [*known, *[None] * tpe.trials][: tpe.trials]
        for k, said in enumerate(padded):
            if k >= tpe.random and None in padded[:k]:
                break
            trial = study.ask()
            drawn = {n: trial.suggest_float(n, i.low, i.high, log=i.log) for n, i in space}
            found.append({n: float(f"{value:.{DIGITS}g}") for n, value in drawn.items()})
            if said is not None:
                study.tell(trial, said.score, state=state.FAIL if said.score is None else state.COMPLETE)
        return study, found
    except optuna.exceptions.DuplicatedStudyError as error:
        raise LfmpError(f"there is a study named {name!r} in this storage already") from error
    finally:
        optuna.logging.set_verbosity(before)
