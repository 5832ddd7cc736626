"""Where one's own data lie on this machine, so that no specification and no record names a path.

<home>/own/<fingerprint>.json   {"folder", "name"} of a prepared folder that was opened

A reference names one's own data by name and fingerprint; the folder is looked up here.
"""

import json
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import DataError, LfmpError, UnknownName
from ..files import atomic_write
from ..settings import canonical_json, home
from .spec import OWN_DIGITS, DatasetRef

if TYPE_CHECKING:
    from ..data import Dataset, InteractionData


def prepared(folder: Path | str) -> DatasetRef:
    """Reference to a folder that `lfmp data prepare` made, for runs on one's own data.

    Raises:
        DataError: the folder holds no whole data set.
    """
    from ..data import load_prepared

    schema = load_prepared(folder).schema
    entry = {"folder": str(Path(folder).absolute()), "name": schema.name}
    atomic_write(_register() / f"{schema.fingerprint}.json", canonical_json(entry))
    return _reference(schema.name, schema.fingerprint)


def find_own(words: str) -> DatasetRef:
    """Reference to one's own data: by folder, or by name or fingerprint where they were opened before.

    Raises:
        DataError: the folder holds no whole data set.
        UnknownName: nothing of that name was opened here.
        LfmpError: several sets have the name.
    """
    from ..data.sealed import near_folders

    if (Path(words) / "schema.json").is_file():
        return prepared(words)
    known = {path.stem: _entry(path)["name"] for path in sorted(_register().glob("[!.]*.json"))}
    found = [fingerprint for fingerprint, name in known.items() if name == words]
    if len(words) >= OWN_DIGITS:
        found = found or [fingerprint for fingerprint in known if fingerprint.startswith(words)]
    if not found:
        names = sorted(set(known.values()))
        near = [*near_folders(Path(words)), *get_close_matches(words, names, cutoff=0.5)]
        hint = f"did you mean {' or '.join(map(repr, near))}? Else " if near else ""
        raise UnknownName(
            f"no data set {words!r}: {hint}give the folder that `lfmp data prepare` made. "
            f"Known: {', '.join(names) or 'none'}"
        )
    if len(found) > 1:
        each = ", ".join(fingerprint[:OWN_DIGITS] for fingerprint in found)
        raise LfmpError(
            f"{len(found)} data sets are called {words!r}: give the fingerprint instead, one of {each}"
        )
    return _reference(known[found[0]], found[0])


def open_own(ref: DatasetRef) -> "Dataset | InteractionData":
    """The data set of a reference by `prepared`.

    Raises:
        DataError: it was never opened here, has moved, or its folder holds other data now.
    """
    from ..data import load_prepared

    remedy = "Name its folder: lfmp run ITEM --dataset FOLDER"
    path = _register() / f"{ref.prepared}.json"
    if not path.is_file():
        raise DataError(
            f"own data {ref.name} ({ref.prepared[:OWN_DIGITS]}) were never opened here", remedy=remedy
        )
    folder = Path(_entry(path)["folder"])
    if not (folder / "schema.json").is_file():
        raise DataError(f"own data {ref.name} are no longer there", file=folder, remedy=remedy)
    dataset = load_prepared(folder)
    if dataset.schema.fingerprint != ref.prepared:
        raise DataError(f"the folder holds other data than {ref.name} by now", file=folder, remedy=remedy)
    return dataset


def _reference(name: str, fingerprint: str) -> DatasetRef:
    return DatasetRef(name=name, settings={"prepared": fingerprint}, fingerprint=fingerprint)


def _register() -> Path:
    return home() / "own"


def _entry(path: Path) -> dict[str, str]:
    try:
        entry = json.loads(path.read_text(encoding="utf-8"))
        return {"folder": entry["folder"], "name": entry["name"]}
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        raise DataError(
            "the note of where a data set lies is damaged", file=path, remedy="Delete it"
        ) from None
