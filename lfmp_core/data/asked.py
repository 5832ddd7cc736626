"""The source that a command's options name: a public set, or one's own files with what goes with them."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NoReturn

from ..errors import LfmpError, check_name
from .canonical import MISSING
from .given import check_given
from .interactions.own_pairs import own_interactions
from .schema import SPLITS
from .sources import SOURCES, Source, get_source, own_table

_READING = ("time", "missing", "not-missing", "delimiter", *SPLITS)
_OPTIONS = {
    "table": ("label", "kind", "drop", "positive", "multi", "separator", *_READING),
    "interactions": ("user", "item", *_READING),
}
_CALLED = {"table": "csv", "interactions": "interactions"}


def fail(text: str) -> NoReturn:
    """Refuse what a command was given."""
    raise LfmpError(text) from None


def named_source(name: str, file: Path | None, own: Mapping[str, Any]) -> Source:
    """The source of that name.

    Args:
        name: of a source; or a file of one's own, which holds interactions where users or items are named.
        file: in place of those below LFMP_DATA.
        own: options that go with files of one's own, by name; None and [] where they are not given.

    Raises:
        LfmpError: there is no such source, or the options don't go together.
    """
    given = {option: value for option, value in own.items() if value is not None and value != []}
    if name not in SOURCES and Path(name).suffix:
        if file is not None:
            fail(f"{name} and --file {file} are two files")
        name, file = "interactions" if {"user", "item"} & given.keys() else "csv", Path(name)
    source = get_source(name)
    allowed = _OPTIONS.get(source.format, ())
    for option in given:
        if option not in allowed:
            of = next(_CALLED[kind] for kind, options in _OPTIONS.items() if option in options)
            fail(f"--{option} goes with source {of}, {name} has a format of its own")
    if not allowed:
        return source.at(file) if file else source
    parts = {split: given.get(split) for split in SPLITS}
    if any(parts.values()):
        if file is not None:
            fail("--file goes without --train, --val and --test")
        needed = SPLITS if source.format == "table" else ("train", "test")
        file = check_given(parts, needed)["train"]
    values = [check_name(text, MISSING, "missing marker") for text in given.get("not-missing", ())]
    reading: dict[str, Any] = {"time": given.get("time"), "delimiter": given.get("delimiter")}
    reading["missing"] = [text for text in (*MISSING, *given.get("missing", ())) if text not in values]
    reading |= {split: parts[split] for split in SPLITS[1:]}
    return _table(file, given, reading) if source.format == "table" else _interactions(file, given, reading)


def _table(file: Path | None, given: dict[str, Any], reading: dict[str, Any]) -> Source:
    if file is None or "label" not in given:
        fail("source csv needs --file FILE and --label COLUMN; three files go by --train, --val and --test")
    return own_table(
        file,
        given["label"],
        kinds=_pairs("kind", given.get("kind"), "price=scalar"),
        multi=_pairs("multi", given.get("multi"), "tags=flags"),
        separator=given.get("separator", "|"),
        drop=given.get("drop", ()),
        positive=given.get("positive", ()),
        **reading,
    )


def _interactions(file: Path | None, given: dict[str, Any], reading: dict[str, Any]) -> Source:
    if file is None or not {"user", "item"} <= given.keys():
        remedy = "files of one's own splits go by --train, --test and, if there is one, --val"
        fail(f"source interactions needs --file FILE, --user COLUMN and --item COLUMN; {remedy}")
    return own_interactions(file, given["user"], given["item"], **reading)


def _pairs(option: str, given: list[str] | None, like: str) -> dict[str, str]:
    for pair in given or []:
        if "=" not in pair:
            fail(f"--{option} {pair!r} is not like {like}")
    return dict(pair.rsplit("=", 1) for pair in given or [])
