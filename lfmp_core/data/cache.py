"""Prepared once: a folder below home() that is used again until its source changes."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from ..errors import DataError
from ..files import atomic_write
from ..folders import sweep
from ..ownership import FolderKind, check_target

Prepared = TypeVar("Prepared")


def cached(
    own: Path,
    out: Path | None,
    kind: FolderKind,
    state: Callable[[], dict[str, Any]],
    load: Callable[[Path], Prepared],
    make: Callable[[Path, bool], Prepared],
) -> Prepared:
    """What `make` prepares, at once where that was done before of the same.

    Args:
        own: place of this program's choice.
        out: place of the user's choice, or None.
        state: of the source and all settings, as JSON; whoever has the same one has the same data.
        load: opens a folder. make: (folder, whether an older one may be replaced) prepares it.

    Raises:
        DataError: the place is another's; whatever `make` and `state` raise.
    """
    out = own if out is None else check_target(out, kind)
    sweep(out.parent, kind, path=None if out == own else out)
    stamp = out.with_name(f".{out.name}.source.json")
    now = json.loads(json.dumps(state()))
    if (out / kind.head).exists() and stamp.exists():
        try:
            if json.loads(stamp.read_text()) == now:
                return load(out)
        except (DataError, ValueError):
            pass  # damaged: prepare it again
    # what is not in our own folder and has no stamp was prepared by hand, perhaps from what is gone by now
    replace = out == own or stamp.exists()
    check_target(out, kind, replace=replace)
    stamp.unlink(missing_ok=True)
    made = make(out, replace)
    atomic_write(stamp, json.dumps(now))
    return made
