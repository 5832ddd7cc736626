"""schema.json: settings as JSON with a digest of what they say, so that an edit is found."""

import json
from difflib import get_close_matches
from pathlib import Path
from typing import TypeVar

from ..errors import DataError, LfmpError
from ..settings import Settings, digest

_REMEDY = "Prepare the dataset again: `lfmp data prepare`"
Sealed = TypeVar("Sealed", bound=Settings)


def read_sealed(path: Path, kind: type[Sealed], others: tuple[str, str]) -> Sealed:
    """Read settings of that kind.

    Args:
        others: what only a dataset of the other kind says, and who opens that.

    Raises:
        DataError: the file is absent, edited, or holds something else.
    """
    try:
        stored = json.loads(path.read_bytes())
        if isinstance(stored, dict) and others[0] in stored:
            raise DataError("this is a dataset of another kind", file=path.parent, remedy=others[1])
        seal = stored.pop("seal", None)  # absent from data sets prepared before there was one
        schema, sealed = kind.model_validate(stored), digest(stored, 64)
    except NotADirectoryError:
        command = f"lfmp data prepare {path.parent} --label COLUMN --out FOLDER"
        remedy = f"Prepare it (`{command}`; pairs by --user and --item in place of --label) and name FOLDER"
        raise DataError("this is a file, and no prepared dataset", file=path.parent, remedy=remedy) from None
    except FileNotFoundError:
        near = " or ".join(map(repr, near_folders(path.parent)))
        remedy = f"Did you mean {near}? {_REMEDY}" if near else _REMEDY
        raise DataError("no prepared dataset here", file=path.parent, remedy=remedy) from None
    except DataError:
        raise
    except (ValueError, TypeError, AttributeError, RecursionError, LfmpError) as error:
        problem = f"not a dataset's schema ({str(error).splitlines()[0]})"
        raise DataError(problem, file=path, remedy=_REMEDY) from None
    if seal not in (None, sealed):
        raise DataError("this schema was edited after the data was prepared", file=path, remedy=_REMEDY)
    return schema


def near_folders(folder: Path) -> list[str]:
    """Prepared folders of nearly the same name in the same place, the nearest first."""
    try:
        beside = [path.parent.name for path in folder.parent.glob("*/schema.json")]
    except OSError:
        beside = []
    return [str(folder.parent / name) for name in get_close_matches(folder.name, beside, n=3, cutoff=0.5)]


def write_sealed(path: Path, schema: Settings) -> None:
    """Write settings with a digest of what they say."""
    stored = schema.model_dump(mode="json")
    path.write_text(json.dumps(stored | {"seal": digest(stored, 64)}, indent=1) + "\n")
