"""Runs that were asked for outside any item's plan, as a notebook's parameters do, remembered by id.

<home>/asked/<id>.json   the specification

So the command in their certificates finds them again, also after their record was deleted.
"""

import json
import re
from collections.abc import Collection

from ..errors import UnknownName
from ..files import atomic_write
from ..settings import canonical_json, home
from .spec import RunSpec


def remember(spec: RunSpec) -> None:
    """Keep a specification in the home folder."""
    path = home() / "asked" / f"{spec.id}.json"
    if not path.exists():
        atomic_write(path, canonical_json(spec))


def asked_spec(run: str) -> RunSpec | None:
    """The specification of that id; None: it was not asked for here, or the file is damaged."""
    try:
        if not re.fullmatch(r"[0-9a-f]{16}", run):
            return None
        text = (home() / "asked" / f"{run}.json").read_text(encoding="utf-8")
        spec = RunSpec.model_validate(json.loads(text))
    except (OSError, ValueError, RecursionError):
        return None
    return spec if spec.id == run else None


def only(plan: list[RunSpec], ids: Collection[str], item: str, profile: str) -> list[RunSpec]:
    """The runs of these ids, from a plan or from what was asked for before, under the labels given.

    Raises:
        UnknownName: there is none.
    """
    known = {spec.id: spec for spec in plan}
    for other in (i for i in ids if i not in known):
        found = asked_spec(other)
        if found is None:
            remedy = "`lfmp plan` lists the ids known by now; final runs appear when their search is finished"
            raise UnknownName(f"no run {other!r} in this plan: {remedy}")
        known[other] = found.model_copy(update={"item": item, "profile": profile})
    return [known[i] for i in dict.fromkeys(ids)]
