"""A prepared folder, whichever of the two kinds it is."""

from pathlib import Path

from ..ownership import read_object, restore
from .dataset import Dataset
from .interactions.dataset import PREPARED_INTERACTIONS, InteractionData


def load_prepared(folder: Path | str) -> Dataset | InteractionData:
    """Rows of fields, or interactions, checked as `Dataset.load` and `InteractionData.load` do.

    Raises:
        DataError: there is neither, or not as it was prepared.
    """
    folder = Path(folder)
    restore(folder)
    head = read_object(folder / PREPARED_INTERACTIONS.head)
    return InteractionData.load(folder) if "num_items" in head else Dataset.load(folder)
