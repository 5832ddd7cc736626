"""Arms that can't be run on one's own data, left out before anything is computed."""

from collections.abc import Mapping, Sequence
from typing import Any
from warnings import warn

from ..errors import LfmpError
from ..settings import Settings
from .arms import Arm
from .executor import open_dataset, opened, task_on
from .spec import DatasetRef, plain


def reachable(
    arms: Sequence[Arm], dataset: DatasetRef | None, backbone: Mapping[str, Any] | Settings
) -> list[Arm]:
    """Those arms whose budget can be met; of the others a warning says why they are left out.

    Args:
        dataset: one's own, whose tables may have too few ids; None leaves all.
        backbone: settings of a backbone or a recommender, as of a `Grid`.

    Raises:
        LfmpError: the data set is of the other kind.
    """
    if dataset is None:
        return list(arms)
    from ..methods.compression.reach import out_of_reach

    task = task_on(opened(dataset), plain(backbone))
    found = {id(arm): out_of_reach(arm.method_settings, arm.budget, task) for arm in arms}
    for arm in arms:
        if error := found[id(arm)]:
            warn(f"{arm.label} at {arm.budget} is left out on {dataset.name}: {error}", stacklevel=3)
    return [arm for arm in arms if found[id(arm)] is None]


def planted_truth(dataset: DatasetRef) -> dict[str, Any]:
    """What was planted in a data set.

    Raises:
        LfmpError: nothing was.
    """
    truth = open_dataset(dataset).schema.truth
    if truth is None:
        raise LfmpError(f"nothing was planted in {dataset.name}; make rows with: lfmp data prepare planted")
    return truth
