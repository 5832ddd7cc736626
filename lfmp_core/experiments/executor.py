"""One run: load, run the method, evaluate, measure."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import DataError
from .pool import Result
from .record import Record
from .spec import DatasetRef, RunSpec, plain

if TYPE_CHECKING:
    from ..data import Dataset, PlantedSettings, PrepareSettings


def reference(
    name: str, prepare: "PrepareSettings | None" = None, planted: "PlantedSettings | None" = None
) -> DatasetRef:
    """Reference to a named data set as it is on this machine, prepared now unless it has been before."""
    from ..data import PrepareSettings

    settings = plain(prepare or PrepareSettings())
    if planted is not None:
        settings["planted"] = plain(planted)
    ref = DatasetRef(name=name, settings=settings)
    return ref.model_copy(update={"fingerprint": open_dataset(ref).schema.fingerprint})


def prepared(folder: "Path | str") -> DatasetRef:
    """Reference to a folder that `lfmp data prepare` made, for runs on one's own data.

    Raises:
        DataError: the folder holds no whole data set.
    """
    from ..data import Dataset

    schema = Dataset.load(folder).schema
    settings = {"prepared": str(Path(folder).absolute())}
    return DatasetRef(name=schema.name, settings=settings, fingerprint=schema.fingerprint)


def open_dataset(ref: DatasetRef) -> "Dataset":
    """The prepared data set that `ref` names; prepared on first use.

    Its settings are those of PrepareSettings, and for generated data `planted`: those of PlantedSettings;
    or `prepared` alone: the folder of one's own data.

    Raises:
        DataError: its content is not that of the reference.
    """
    from ..data import Dataset, PlantedSettings, PrepareSettings, prepare_named

    settings = dict(ref.settings)
    folder = settings.pop("prepared", None)
    if folder is not None:
        dataset = Dataset.load(folder)
    else:
        generated = settings.pop("planted", None)
        planted = PlantedSettings(**generated) if generated is not None else None
        dataset = prepare_named(ref.name, PrepareSettings(**settings), planted=planted, progress=False)
    if ref.fingerprint and dataset.schema.fingerprint != ref.fingerprint:
        raise DataError(
            f"data set {ref.name} has fingerprint {dataset.schema.fingerprint}, the run was planned on "
            f"{ref.fingerprint}",
            file=getattr(dataset, "folder", None),
            remedy="Check the source against its publisher's sum, remove the prepared folder, prepare again",
        )
    return dataset


def execute(spec: RunSpec, *, dataset: "Dataset | None" = None) -> Result:
    """Compute one run in this process: load, run the method, evaluate, measure.

    A search run is evaluated on validation rows and never opens the test rows.

    Args:
        spec: the run.
        dataset: already opened; else opened by the reference in `spec`.

    Returns:
        the record (without certificate) and the test logits, float16 [B], None for a search run.
    """
    with cpu_threads(spec.threads):
        return _execute(spec, open_dataset(spec.dataset) if dataset is None else dataset)


def _execute(spec: RunSpec, dataset: "Dataset") -> Result:
    from ..efficiency import inference_rate
    from ..methods import Task, get_method
    from ..models import BackboneSettings
    from ..training import TrainingSettings, evaluate

    task = Task(dataset, BackboneSettings(**spec.backbone), TrainingSettings(**spec.training))
    outcome = get_method(spec.method).run(
        task, spec.prune_ratio, spec.seed, settings=spec.method_settings, folder=None, progress=False
    )
    metrics: dict[str, float] = {}
    logits: np.ndarray | None = None
    for split in ("val", "test") if spec.role == "final" else ("val",):
        scores, logits = evaluate(outcome.model, dataset.split(split))
        metrics |= {f"{split}_{name}": value for name, value in scores.items()}
    phases = dict(outcome.phases)
    phases["TT"] = sum(phases.values())
    phases["IT"] = 1e6 / inference_rate(outcome.model, dataset.split("val"))
    details: dict[str, Any] = {
        **outcome.details,
        "kept_fields": list(outcome.kept_fields),
        "history": outcome.history,
    }
    record = Record(spec=spec, metrics=metrics, phases=phases, sizes=outcome.sizes(), details=details)
    return record, None if spec.role == "search" else np.asarray(logits, dtype=np.float16)


def preload() -> None:
    """Import what `execute` needs, so that its first call is not slower than the next."""
    import torch

    from .. import efficiency, methods, models, training  # noqa: F401

    torch.optim.Adam([torch.zeros(1, requires_grad=True)])  # pulls in half of torch's compiler


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
