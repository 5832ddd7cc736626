"""Arms that can't be run on one's own data, left out before anything is computed."""

from collections.abc import Sequence
from typing import Any
from warnings import warn

from ..errors import LfmpError
from .arms import Arm
from .executor import open_dataset
from .spec import DatasetRef


def reachable(arms: Sequence[Arm], dataset: DatasetRef | None, dim: int) -> list[Arm]:
    """Those arms whose budget can be met; of the others a warning says why they are left out.

    Args:
        dataset: one's own, whose fields may have too few ids; None leaves all.
        dim: D of the backbones.
    """
    if dataset is None:
        return list(arms)
    from ..methods.compression.reach import out_of_reach

    sizes = open_dataset(dataset).schema.field_sizes
    found = {id(arm): out_of_reach(arm.method_settings, sizes, dim) for arm in arms}
    for arm in arms:
        if error := found[id(arm)]:
            share = getattr(arm.method_settings, "sparsity", 0.0)
            warn(f"{arm.label} at sparsity {share:g} is left out on {dataset.name}: {error}", stacklevel=3)
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
