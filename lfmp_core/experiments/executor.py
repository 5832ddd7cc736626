"""One run: load, run the method, evaluate, measure."""

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from importlib import import_module
from typing import TYPE_CHECKING, Any
from warnings import catch_warnings, simplefilter

import numpy as np
from tqdm import TqdmWarning

from ..budget import NOTHING
from ..errors import DataError, LfmpError
from ..memory import keep_memory
from .own_data import open_own, prepared
from .pool import Result
from .record import Record
from .spec import DatasetRef, RunSpec, plain

if TYPE_CHECKING:
    from ..data import (
        Dataset,
        InteractionData,
        InteractionSettings,
        PlantedInteractionSettings,
        PlantedSettings,
        PrepareSettings,
    )
    from ..tasks import Task
    from ..training.processes import Processes

__all__ = [
    "cpu_threads",
    "cut_to",
    "dataset_ref",
    "execute",
    "open_dataset",
    "preload",
    "prepared",
    "shadowed",
]


def dataset_ref(
    name: str, prepare: "PrepareSettings | None" = None, planted: "PlantedSettings | None" = None
) -> DatasetRef:
    """Reference to a named set of clicks as it is on this machine, prepared now unless it has been before."""
    from ..data import PrepareSettings

    return _pinned(name, prepare or PrepareSettings(), planted)


def reference_to_pairs(
    name: str,
    settings: "InteractionSettings | None" = None,
    planted: "PlantedInteractionSettings | None" = None,
) -> DatasetRef:
    """The same to a named set of interactions."""
    from ..data import InteractionSettings

    return _pinned(name, settings or InteractionSettings(), planted)


def _pinned(name: str, settings: Any, planted: Any) -> DatasetRef:
    said = plain(settings)
    if planted is not None:
        said["planted"] = plain(planted)
    ref = DatasetRef(name=name, settings=said)
    return ref.model_copy(update={"fingerprint": opened(ref).schema.fingerprint})


def shadowed(ref: DatasetRef, seed: int = 0) -> DatasetRef:
    """Reference to the same data with a shadow field beside every field; needs no data.

    Raises:
        ValueError: it has shadows already.
    """
    from ..data.shadows import shadow_fingerprint

    if "shadows" in ref.settings:
        raise ValueError(f"the reference to {ref.name} has shadows already")
    fingerprint = ref.fingerprint and shadow_fingerprint(ref.fingerprint, seed)
    return ref.model_copy(update={"settings": {**ref.settings, "shadows": seed}, "fingerprint": fingerprint})


def cut_to(ref: DatasetRef, rows: Mapping[str, int]) -> DatasetRef:
    """Reference to the same data with fewer rows of "train", "val" or both; needs no data."""
    from ..data.thinned import thinned_fingerprint

    fingerprint = ref.fingerprint and thinned_fingerprint(ref.fingerprint, rows)
    settings = {**ref.settings, "rows": dict(rows)}
    return ref.model_copy(update={"settings": settings, "fingerprint": fingerprint})


def open_dataset(ref: DatasetRef) -> "Dataset":
    """The prepared set of clicks that `ref` names; prepared on first use.

    Its settings are those of PrepareSettings, and for generated data `planted`: those of PlantedSettings; or
    `prepared` instead: the fingerprint of one's own data (see `own_data`). Beside any of them, `rows` cuts
    splits (see `data.thinned`), and `shadows` is the seed of a shadow field beside every field (see
    `data.shadows`), in this order; the fingerprint is then that of the whole.

    Raises:
        LfmpError: it names interactions.
        DataError: its content is not that of the reference.
    """
    from ..data import Dataset

    dataset = opened(ref)
    if not isinstance(dataset, Dataset):
        raise LfmpError(f"{ref.name} holds interactions, where clicks are asked for")
    return dataset


def open_pairs(ref: DatasetRef) -> "InteractionData":
    """The prepared interactions that `ref` names; prepared on first use.

    Its settings are those of InteractionSettings, and for generated pairs `planted`: those of
    PlantedInteractionSettings.

    Raises:
        LfmpError: it names clicks.
        DataError: its content is not that of the reference.
    """
    from ..data import InteractionData

    dataset = opened(ref)
    if not isinstance(dataset, InteractionData):
        raise LfmpError(f"{ref.name} holds clicks, where interactions are asked for")
    return dataset


def opened(ref: DatasetRef) -> "Dataset | InteractionData":
    """What `ref` names, whatever it holds; see `open_dataset` and `open_pairs`."""
    from ..data.shadows import with_shadows
    from ..data.thinned import thinned

    settings = dict(ref.settings)
    shadows, rows = settings.pop("shadows", None), settings.pop("rows", None)
    dataset: Any = open_own(ref) if settings.pop("prepared", "") else _named(ref.name, settings)
    if rows is not None:
        dataset = thinned(dataset, rows)
    if shadows is not None:
        dataset = with_shadows(dataset, shadows)
    if ref.fingerprint and dataset.schema.fingerprint != ref.fingerprint:
        raise DataError(
            f"data set {ref.name} has fingerprint {dataset.schema.fingerprint}, the run was planned on "
            f"{ref.fingerprint}",
            file=getattr(dataset, "folder", None),
            remedy="Check the source against its publisher's sum, remove the prepared folder, prepare again",
        )
    return dataset


def _named(name: str, settings: dict[str, Any]) -> "Dataset | InteractionData":
    """The set of that name under the settings of a reference."""
    from ..data import (
        InteractionSettings,
        PlantedInteractionSettings,
        PlantedSettings,
        PrepareSettings,
        get_source,
        open_interactions,
        prepare_named,
    )

    generated = settings.pop("planted", None)
    if get_source(name).holds == "interactions":
        of_pairs = None if generated is None else PlantedInteractionSettings(**generated)
        return open_interactions(name, InteractionSettings(**settings), planted=of_pairs)
    planted = None if generated is None else PlantedSettings(**generated)
    return prepare_named(name, PrepareSettings.read(settings), planted=planted, progress=False)


def execute(spec: RunSpec, *, dataset: "Dataset | InteractionData | None" = None) -> Result:
    """Compute one run in this process: load, run the method, evaluate, measure.

    A search run is evaluated on validation, never opens what is tested on and is not timed at inference.
    A choice run only chooses fields. The process keeps the memory that steps free (see `memory`).

    Args:
        spec: the run.
        dataset: already opened; else opened by the reference in `spec`.

    Returns:
        the record (without certificate), and of the test rows the logits, float16 [N], or of the users with
        test items NDCG@20 and Recall@20, float16 [users, 2]; None unless the run is a final one.
    """
    keep_memory()
    with cpu_threads(spec.threads):
        return _execute(spec, opened(spec.dataset) if dataset is None else dataset)


def _execute(spec: RunSpec, dataset: "Dataset | InteractionData") -> Result:
    from ..efficiency import rate
    from ..embeddings.memoised import compact
    from ..methods import get_method

    task = task_on(dataset, spec.backbone, spec.training)
    if spec.role == "choice":
        return _choose(spec, task), None
    method = get_method(spec.method)
    # a method that is told how many fields to name and decides by itself how much goes: its choice alone
    # takes the budget of the table in which it stands
    budget = NOTHING if method.chooser and not method.removes else spec.budget
    outcome = method.run(task, budget, spec.seed, settings=spec.own_settings, folder=None, progress=False)
    metrics: dict[str, float] = {}
    units: np.ndarray | None = None
    for split in ("val", "test") if spec.role == "final" else ("val",):
        scores = task.evaluate(outcome.model, split)
        units = scores.units
        metrics |= {f"{split}_{name}": value for name, value in scores.metrics.items()}
    phases = dict(outcome.phases)
    phases["TT"] = sum(phases.values())
    scored: dict[str, Any] = {}
    if spec.role == "final":
        # as cpu_seconds of the phases: several runs share a machine
        own = task.training.device == "cpu" and spec.threads == 1
        clock = time.process_time if own else time.perf_counter

        def seconds() -> float:
            return 1e6 / rate(*task.scoring(outcome.model), clock=clock)

        # the form whose bytes are counted; with all rows in memory it is as large as a plain table
        with compact(outcome.model) as could_remember:
            phases["IT"] = seconds()
        if task.timed:
            scored["timed"] = task.timed
        if could_remember:
            scored["inference_remembered"] = seconds()
    kept = {} if outcome.kept_fields is None else {"kept_fields": list(outcome.kept_fields)}
    details: dict[str, Any] = {**outcome.details, **scored, **kept, "history": outcome.history}
    record = Record(spec=spec, metrics=metrics, phases=phases, sizes=outcome.sizes(), details=details)
    return record, None if spec.role == "search" else np.asarray(units, dtype=np.float16)


def task_on(
    dataset: "Dataset | InteractionData",
    backbone: Mapping[str, Any],
    training: Mapping[str, Any] | None = None,
    processes: "Processes | None" = None,
) -> "Task":
    """What a method is given: of recommenders the top items, of backbones clicks.

    Args:
        backbone, training: settings, as of a `RunSpec`; the training's defaults where they don't matter.
        processes: that train together, on clicks; None: this one alone.

    Raises:
        LfmpError: the data set is of the other kind, or several processes can't train on it.
    """
    from ..data import InteractionData
    from ..models import BackboneSettings
    from ..models.recommenders import RECOMMENDERS, recommender_settings
    from ..tasks import Clicks, TopItems
    from ..training import TrainingSettings
    from ..training.pairs import PairTrainingSettings

    of_pairs, settings = backbone["name"] in RECOMMENDERS, training or {}
    if of_pairs != isinstance(dataset, InteractionData):
        held, wanted = ("clicks", "interactions") if of_pairs else ("interactions", "clicks")
        raise LfmpError(f"{backbone['name']} learns from {wanted}; {dataset.schema.name} holds {held}")
    if isinstance(dataset, InteractionData):
        if processes is not None:
            raise LfmpError(f"{backbone['name']} is trained by one process")
        return TopItems(dataset, recommender_settings(dict(backbone)), PairTrainingSettings(**settings))
    return Clicks(dataset, BackboneSettings.read(backbone), TrainingSettings(**settings), processes)


def _choose(spec: RunSpec, task: "Task") -> Record:
    """The record of a choice: which fields, with which scores, how long it took."""
    from ..methods import Context, get_method

    clock = Context(spec.seed)
    with clock.phase("PT"):
        choice = get_method(spec.method).choose(task, spec.budget, spec.seed, settings=spec.own_settings)
    details: dict[str, Any] = {
        **choice.details,
        "scores": list(choice.scores),
        "kept_fields": list(choice.fields),
        "cpu_seconds": clock.cpu_seconds,
    }
    return Record(spec=spec, phases=clock.phases, sizes={"fields_kept": len(choice.fields)}, details=details)


def preload() -> None:
    """Import what `execute` needs, so that its first call is not slower than the next."""
    import torch

    from .. import efficiency, models, training  # noqa: F401
    from ..methods.extras import LIBRARIES

    torch.optim.Adam([torch.zeros(1, requires_grad=True)])  # pulls in half of torch's compiler
    with catch_warnings():
        simplefilter("ignore", TqdmWarning)  # of a notebook without widgets; no bar is drawn here
        for module in LIBRARIES:
            with suppress(ImportError):  # an extra; who needs it is told when it is missing
                import_module(module)


@contextmanager
def cpu_threads(count: int) -> Iterator[None]:
    """Let torch, BLAS and OpenMP use `count` threads inside, and as many as before afterwards."""
    import torch
    from threadpoolctl import threadpool_limits

    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        with threadpool_limits(count):
            yield
    finally:
        torch.set_num_threads(before)
