"""Train by a recipe, and write the served folder."""

import time
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path

from ..data import Dataset
from ..errors import LfmpError
from ..experiments.executor import task_on
from ..methods import get_method
from ..ownership import check_target
from ..training.processes import Processes
from .folder import SERVED, Served, need_graphs, save_served
from .recipe import WHOLE, Recipe


def train_served(
    data: Dataset,
    folder: Path | str,
    recipe: Recipe | None = None,
    *,
    replace: bool = False,
    progress: bool = True,
    command: str = "lfmp_core.serving.train.train_served",
    holds: Iterable[Path] = (),
    processes: Processes | None = None,
) -> Served | None:
    """Train a model and write it as a served folder; before it is whole, nothing is there.

    Args:
        data: a prepared data set.
        folder: a new or an empty one.
        recipe: what to train; by default DeepFM with all fields.
        replace: an older served model in the folder may go.
        progress: show bars.
        command, holds: see `save_served`.
        processes: that train it together, each of which calls this; None: this one alone.

    Returns:
        what was written; None in all processes but the first, which writes.

    Raises:
        LfmpError: the recipe is none, the place is taken, a class is absent from the rows, or several
            processes can't train it; said before anything is trained.
        Diverged: the training did.
    """
    check_target(folder, SERVED, replace=replace, holds=(holds := tuple(holds)), called="--out")
    need_graphs()
    data.schema.check_learnable()
    data.vocabulary()  # of rows given as arrays there is none, and nothing to serve
    plan, started = (recipe or Recipe()).planned(data.schema.rows["train"]), time.time()
    if processes is not None and plan.method != WHOLE:
        raise LfmpError(f"{processes.count} processes train the whole model; {plan.method} takes one")
    task = task_on(data, plan.backbone.model_dump(), plan.training.model_dump(), processes)
    outcome = get_method(plan.method).run(
        task, plan.budget, plan.seed, settings=plan.method_settings, progress=progress
    )
    if processes is not None and processes.rank:
        return None
    made = {
        "title": plan.title,
        "training": plan.training.model_dump(mode="json"),
        "method": {"name": plan.method, "budget": asdict(plan.budget), **plan.method_settings},
        "seed": plan.seed,
        "phases": outcome.phases,
    }
    return save_served(
        outcome.model,
        data,
        folder,
        replace=replace,
        made=made,
        command=command,
        started=started,
        holds=holds,
    )
