"""Hyper-parameters by TPE: the next trial follows from those before it."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import lru_cache
from importlib.metadata import PackageNotFoundError, version
from math import log
from statistics import median
from types import ModuleType
from typing import TYPE_CHECKING, ClassVar, NamedTuple, Self
from warnings import catch_warnings, simplefilter

from pydantic import Field, model_validator
from tqdm import TqdmWarning

from ..errors import LfmpError
from ..seeds import derive
from ..settings import Settings, canonical_json

if TYPE_CHECKING:
    import optuna

EDGE = 0.05  # of an interval: a best value this near to an end lies on the border
DIGITS = 3  # of a proposed value


class Interval(Settings):
    """The values of one hyper-parameter, both ends included.

    Attributes:
        low, high: ends. log: drawn evenly by magnitude. whole: only whole numbers.
    """

    later = frozenset({"whole"})

    low: float
    high: float
    log: bool = False
    whole: bool = False

    @model_validator(mode="after")
    def _not_empty(self) -> Self:
        if not (self.low < self.high and (self.low > 0 or not self.log)):
            raise ValueError(f"no interval: from {self.low} to {self.high}{', by magnitude' * self.log}")
        if self.whole and not (self.low.is_integer() and self.high.is_integer()):
            raise ValueError(f"an interval of whole numbers can't go from {self.low} to {self.high}")
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
        score: best validation AUC; None of a training that diverged.
        history: validation AUC after each epoch.
        values: what was tried, as (name, value); empty: what the sampler proposes itself.
    """

    score: float | None
    history: tuple[float, ...] = ()
    values: tuple[tuple[str, float], ...] = ()


class TPE(Settings):
    """Tree-structured Parzen estimator: random trials first, then those whose expected ratio is greatest.

    A trial's values follow from the seed and from the scores of all trials before it, so whoever holds the
    records can say what the next trial is: any number of processes may share a search, and one that was
    stopped goes on where it was. What was proposed once is kept, see `journal`. The random trials run side by
    side, the others of one search one after another.

    Attributes:
        space: interval by name of a setting of the training, the backbone or the method.
        trials: in all. random: of them drawn without looking at scores.
        seed: of every draw.
        starts: what the first of the random trials are, instead of drawn; each a value by name of `space`.
        median_pruning: stop a trial after an epoch whose validation AUC is below the median that the finished
            random trials had after as many epochs.

    Source: Bergstra et al. 2011; LERS §3.3 (10 random of 30 trials), intervals of Table 4.
    """

    recorded: ClassVar = {"median_pruning": "hopeless"}
    later = frozenset({"starts"})

    space: dict[str, Interval]
    trials: int = Field(30, ge=1)
    random: int = Field(10, ge=1)
    seed: int = 2023
    median_pruning: bool = False
    starts: tuple[dict[str, float], ...] = ()

    @model_validator(mode="after")
    def _starts_are_inside(self) -> Self:
        if len(self.starts) > self.random:
            raise ValueError(f"{len(self.starts)} starts can't be the first of {self.random} random trials")
        for start in self.starts:
            if start.keys() != self.space.keys():
                raise ValueError(f"a start needs {', '.join(self.space)}; this one has {', '.join(start)}")
            for name, interval in self.space.items():
                if not interval.low <= start[name] <= interval.high:
                    ends = f"{interval.low:g} to {interval.high:g}"
                    raise ValueError(f"a start's {name} of {start[name]:g} lies outside {ends}")
        return self

    def drawn(self, trial: int) -> str:
        """Where the values of a trial, counted from 0, come from: "start", "random" or "TPE"."""
        return "start" if trial < len(self.starts) else "random" if trial < self.random else "TPE"

    def proposals(self, known: Sequence[Trial | None]) -> list[dict[str, float]]:
        """Values of every trial that can be named by now, in order.

        Trials that say what was tried keep it. Where the sampler would have proposed something else, being
        of another release, it is told of them and asked for those after.

        Args:
            known: what the first trials said; None of those that are not finished.

        Raises:
            LfmpError: Optuna is not installed.
        """
        return [dict(values) for values in _proposals(canonical_json(self), tuple(known[: self.trials]))]

    def more(self, known: Sequence[Trial | None]) -> bool:
        """Whether the trial after `known` can be named: random ones always, others when all before said."""
        return len(known) < self.trials and (len(known) < self.random or None not in known)

    def min_metric_by_epoch(self, known: Sequence[Trial | None]) -> tuple[float, ...]:
        """What `TrainingSettings` of trials after the random ones ask for; empty: none is stopped."""
        first = [t.history for t in known[: self.random] if t is not None and t.history]
        if not self.median_pruning or len(first) < 2:
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
        agrees = _replay(self, known) is not None
        made = _replay(self, known, storage, name, told=not agrees)
        assert made is not None
        return made[0]


@lru_cache(maxsize=4096)
def _proposals(settings: str, known: tuple[Trial | None, ...]) -> tuple[tuple[tuple[str, float], ...], ...]:
    tpe = TPE.model_validate_json(settings)
    made = _replay(tpe, known) or _replay(tpe, known, told=True)
    assert made is not None
    return tuple(tuple(values.items()) for values in made[1])


def _replay(
    tpe: TPE,
    known: Sequence[Trial | None],
    storage: "optuna.storages.BaseStorage | None" = None,
    name: str | None = None,
    told: bool = False,
) -> tuple["optuna.Study", list[dict[str, float]]] | None:
    """The study of a search and the values of its trials, as far as they can be named.

    Every trial is drawn anew, so that the next one comes from the same stream of random numbers as in one go.

    Args:
        told: trials with values are added as they are instead of being drawn, and the sampler starts from a
            seed of its own after them.

    Returns:
        None, where a trial has other values than this sampler draws.
    """
    with quiet_optuna() as optuna:
        state = optuna.trial.TrialState
        seed = derive(tpe.seed, len(known)) % 2**32 if told else tpe.seed
        sampler = optuna.samplers.TPESampler(seed=seed, n_startup_trials=tpe.random)
        try:
            study = optuna.create_study(
                storage=storage, sampler=sampler, study_name=name, direction="maximize"
            )
        except optuna.exceptions.DuplicatedStudyError as error:
            raise LfmpError(f"there is a study named {name!r} in this storage already") from error
        places = {
            name: optuna.distributions.IntDistribution(int(one.low), int(one.high), log=one.log)
            if one.whole
            else optuna.distributions.FloatDistribution(one.low, one.high, log=one.log)
            for name, one in sorted(tpe.space.items())
        }
        found: list[dict[str, float]] = []
        padded = [*known, *[None] * tpe.trials][: tpe.trials]
        for start, said in zip(tpe.starts, padded, strict=False):
            if not (told and said is not None and said.values):
                study.enqueue_trial(start)
        for k, said in enumerate(padded):
            if not tpe.more(padded[:k]):
                break
            tried = dict(said.values) if said is not None else {}
            ended = state.FAIL if said is None or said.score is None else state.COMPLETE
            if said is not None and tried and told:
                inside = {n: min(max(tried[n], place.low), place.high) for n, place in places.items()}
                study.add_trial(
                    optuna.trial.create_trial(
                        params=inside, distributions=places, value=said.score, state=ended
                    )
                )
                found.append(tried)
                continue
            trial = study.ask(fixed_distributions=places)
            found.append({n: _shown(value) for n, value in trial.params.items()})
            if tried and tried != found[-1]:
                return None
            if said is not None:
                study.tell(trial, said.score, state=ended)
        return study, found


def _shown(value: float) -> float:
    """A proposed value as it is tried; a whole one as it is."""
    return value if isinstance(value, int) else float(f"{value:.{DIGITS}g}")


@contextmanager
def quiet_optuna() -> Iterator[ModuleType]:
    """Optuna, silent.

    Raises:
        LfmpError: it is not installed.
    """
    try:
        with catch_warnings():
            simplefilter("ignore", TqdmWarning)  # of a notebook without widgets; no bar is drawn here
            import optuna
    except ImportError as error:
        raise LfmpError("a search needs Optuna: pip install 'lfmp-core[search]'") from error
    before = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    try:
        yield optuna
    finally:
        optuna.logging.set_verbosity(before)


def sampler() -> str:
    """The release of the sampler here, such as `optuna 5.0.0`."""
    try:
        return f"optuna {version('optuna')}"
    except PackageNotFoundError:
        return "optuna"
