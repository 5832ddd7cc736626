"""The steps one after the other, until the minutes end."""

import time
from collections.abc import Sequence
from statistics import median

import numpy as np

from lfmp_core.experiments.engine import RunsFailed, run_item
from lfmp_core.experiments.engines import Pool
from lfmp_core.experiments.executor import open_dataset
from lfmp_core.experiments.items import Grid, Item
from lfmp_core.experiments.spec import DatasetRef
from lfmp_core.experiments.stats import resample
from lfmp_core.experiments.store import Store, store_for
from lfmp_core.metrics import AUC

from ..evidence.results import finals
from .advise import too_few
from .grids import ITEM, MORE, TOGETHER, Stage

# share of the minutes after which nothing of a step begins: what is best together, and more seeds of what is
# chosen, say more than the last of many single ways
ENDS = {TOGETHER: 0.75, MORE: 1.0}
_SINGLE = 0.6
# resamples that a measurement takes, and those of the report: of three finalists and the whole model with
# eight seeds, and of the served model's card
_TRIED, _RESAMPLED = 5, 4 * 8 * 400 + 2 * 200


def run_stages(
    steps: Sequence[Stage], minutes: float, workers: int | None = None, began: float | None = None
) -> list[str]:
    """Compute what is missing of each step while there is time, and say which runs failed, a line each.

    A run that has begun is finished; none begins that is expected to end too late, as far as finished ones
    tell; and the report and the served model get the time that they are expected to take. Nothing
    half-written stays, and the next call goes on where this one stopped. With too few clicks to recommend
    anything nothing is computed.

    Args:
        steps: of one data set, see `grids.stages`; the first trains the whole model.
        minutes: of wall clock, for all of them.
        workers: processes; None for one a core.
        began: the time of `time.monotonic` from which the minutes count; now by default.
    """
    began, failures = time.monotonic() if began is None else began, dict[str, str]()
    profile, whole = steps[0].grid.profile, steps[0].grid
    if isinstance(whole.dataset, DatasetRef) and whole.dataset.prepared:
        schema = open_dataset(whole.dataset).schema
        schema.check_learnable()
        if too_few(schema):
            return []
    store, pool = store_for(profile), Pool(workers)
    try:
        for step in steps:
            share = ENDS.get(step.name, _SINGLE)
            until = began + share * (60 * minutes - closing_seconds(whole, store))
            grids = [whole] if step.grid is whole else [whole, step.grid]  # whose seconds tell of the others
            item = Item(ITEM, "", "as asked for by a notebook", {profile: grids})
            try:
                run_item(item, profile, store=store, asked=True, until=until, engine=pool)
            except RunsFailed as error:
                told = {r.id: f"{r.spec.label}: {(r.error or '').partition(' [')[0]}" for r in error.failures}
                failures |= told
    finally:
        pool.close()
    return list(failures.values())


def closing_seconds(whole: Grid, store: Store) -> float:
    """How long the report and the served model will take, by the runs of the whole model that have ended.

    The model is trained once more, and the finalists with all of their seeds are resampled; both as long as
    is measured here.
    """
    done = [record for _, record in finals([whole], store)]
    if not done:
        return 0.0
    training = median([r.certificate.seconds for r in done if r.certificate is not None] or [0.0])
    labels = np.asarray(open_dataset(done[0].spec.dataset).split("test").labels)
    start = time.monotonic()
    resample(labels, {"": [store.logits(done[0])]}, AUC, _TRIED, seed=0, resample_seeds=False)
    resampling = (time.monotonic() - start) * _RESAMPLED / _TRIED
    return training + resampling


def untried(steps: Sequence[Stage], store: Store) -> list[str]:
    """What was not run to its end: the steps, their ways, and how many of their trainings are there."""
    lines = []
    for step in steps:
        wanted: dict[tuple[str, str], list[bool]] = {}
        for spec in step.grid.plan(store):
            if spec.role != "search":
                key = (step.grid.arm_of(spec), str(spec.budget))
                wanted.setdefault(key, []).append(store.get(spec) is not None)
        names = []
        for (label, budget), there in wanted.items():
            if not all(there):
                done = f" ({sum(there)} of {len(there)} seeds are there)" if any(there) else ""
                names.append(label + (f", {budget} removed" if budget != "0" else "") + done)
        ended, planned = step.grid.ended(store)
        if names or (ended < planned and not wanted):
            lines.append(f"{step.name}: {'; '.join(names) or 'all of it'}")
    return lines
