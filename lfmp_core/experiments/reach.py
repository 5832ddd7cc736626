"""Arms that can't be run on one's own data, left out before anything is computed."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple
from warnings import warn

from ..errors import LfmpError
from ..settings import Settings
from .arms import Arm
from .executor import open_dataset, opened, task_on
from .spec import DatasetRef, plain

if TYPE_CHECKING:
    from ..embeddings import BudgetError


class Unmet(NamedTuple):
    """An arm whose budget can't be met, with what the method would say of it."""

    arm: Arm
    error: "BudgetError"

    @property
    def needs(self) -> str:
        """What it would need, in a few words."""
        error = self.error
        if error.nearest > error.target:
            return f"needs at least {error.nearest:,} numbers"
        return f"the nearest that it can have is {error.nearest:,} numbers, not {round(error.target):,}"

    def __str__(self) -> str:
        return f"{self.arm.label}, {self.arm.budget} removed: – ({self.needs})"


def unmet(
    arms: Sequence[Arm], dataset: DatasetRef | None, backbone: Mapping[str, Any] | Settings
) -> list[Unmet]:
    """Those arms whose budget can't be met.

    Args:
        dataset: one's own, whose tables may have too few ids; None: nothing is known of it.
        backbone: settings of a backbone or a recommender, as of a `Grid`.

    Raises:
        LfmpError: the data set is of the other kind.
    """
    if dataset is None:
        return []
    from ..methods.compression.reach import out_of_reach

    task = task_on(opened(dataset), plain(backbone))
    found = [(arm, out_of_reach(arm.method_settings, arm.budget, task)) for arm in arms]
    return [Unmet(arm, error) for arm, error in found if error is not None]


def reachable(
    arms: Sequence[Arm], dataset: DatasetRef | None, backbone: Mapping[str, Any] | Settings
) -> list[Arm]:
    """Those arms whose budget can be met; of the others a warning says why they are left out.

    Args:
        dataset, backbone: see `unmet`.
    """
    never = unmet(arms, dataset, backbone)
    for arm, error in never:
        name = "" if dataset is None else dataset.name
        warn(f"{arm.label} at {arm.budget} is left out on {name}: {error}", stacklevel=3)
    return [arm for arm in arms if not any(arm is other for other, _ in never)]


def planted_truth(dataset: DatasetRef) -> dict[str, Any]:
    """What was planted in a data set.

    Raises:
        LfmpError: nothing was.
    """
    truth = open_dataset(dataset).schema.truth
    if truth is None:
        raise LfmpError(f"nothing was planted in {dataset.name}; make rows with: lfmp data prepare planted")
    return truth
