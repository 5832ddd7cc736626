"""What a command's DATA names: a prepared folder, a file of one's own, or a named set."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..data import SOURCES, Dataset, PrepareSettings, load_prepared, prepare_named
from ..data.asked import named_source
from ..data.prepared import prepare_cached
from ..errors import LfmpError, UnknownName, check_name, visible
from ..experiments.executor import open_dataset
from ..experiments.own_data import find_own

_FILES = (".csv", ".tsv", ".tab", ".txt", ".parquet", ".pq")


def open_rows(words: str, own: Mapping[str, Any], split: str = "random", progress: bool = True) -> Dataset:
    """Clicks to learn from, prepared now where that has not been done before.

    Args:
        words: a folder that `lfmp data prepare` made, a CSV or Parquet file, a set of `lfmp data list`, or
            the name of own data that were opened before.
        own: options of a file of one's own, as `lfmp data prepare` has them; None and [] where not given.
        split: of a file of one's own.

    Raises:
        LfmpError: there is no such thing, it holds interactions, or the options don't go with it.
    """
    path = Path(words)
    if path.is_file() or (path.suffix.lower() in _FILES and words not in SOURCES):
        if not own.get("label"):
            raise LfmpError(
                f"{visible(words)}: which column says whether there was a click? Give --label COLUMN"
            )
        source = named_source(words, None, own)
        return prepare_cached(source, PrepareSettings.model_validate({"split": split}), progress=progress)
    given = [f"--{name}" for name, value in own.items() if value not in (None, [])]
    if given or split != "random":
        raise LfmpError(f"{given[0] if given else '--split'} goes with a CSV or Parquet file of one's own")
    if path.is_dir():
        dataset = load_prepared(path)
    elif words in SOURCES:
        dataset = prepare_named(words, progress=progress)
    else:
        dataset = open_dataset(_found(words))
    if not isinstance(dataset, Dataset):
        raise LfmpError(f"{dataset.schema.name} holds interactions; a served folder scores rows of clicks")
    return dataset


def _found(words: str) -> Any:
    try:
        return find_own(words)
    except UnknownName as error:
        known = [name for name, source in SOURCES.items() if source.holds == "clicks"]
        try:
            check_name(words, known, "data")
        except UnknownName as near:
            if "did you mean" in str(near):
                raise near from None
        raise error from None
