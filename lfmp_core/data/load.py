"""A prepared folder, whichever of the two kinds it is."""

from pathlib import Path

from ..ownership import read_object, restore
from .dataset import Dataset
from .interactions.dataset import PREPARED_INTERACTIONS, InteractionData
from .interactions.schema import InteractionSchema
from .schema import Schema


def load_prepared(folder: Path | str) -> Dataset | InteractionData:
    """Rows of fields, or interactions, checked as `Dataset.load` and `InteractionData.load` do.

    Raises:
        DataError: there is neither, or not as it was prepared.
    """
    folder = Path(folder)
    return InteractionData.load(folder) if _of_pairs(folder) else Dataset.load(folder)


def holds_pairs(folder: Path | str) -> bool:
    """Whether a prepared folder holds interactions and not rows of fields; its arrays are not opened.

    Raises:
        DataError: there is neither.
    """
    folder = Path(folder)
    pairs = _of_pairs(folder)
    (InteractionSchema if pairs else Schema).read(folder / PREPARED_INTERACTIONS.head)
    return pairs


def _of_pairs(folder: Path) -> bool:
    restore(folder)
    return "num_items" in read_object(folder / PREPARED_INTERACTIONS.head)
