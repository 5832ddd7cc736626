"""Prepare a source, and prepare a named source once: cached below home() until its files change."""

import json
from pathlib import Path
from typing import Any

from ..errors import DataError, LfmpError
from ..folders import scratch_folder
from ..ownership import check_target
from ..settings import digest, home
from .cache import cached
from .dataset import PREPARED, Dataset
from .faults import reading
from .passes import BLOCK_BYTES, prepare_reader
from .planted import PlantedSettings
from .planted_text import write_planted
from .preparation import PrepareSettings
from .reading import ReadingRules
from .schema import SPLITS
from .sources import Source, get_source, open_reader, refuse_pairs


def resolve(source: Source, settings: PrepareSettings) -> PrepareSettings:
    """Settings with the source's default thresholds filled in, and the split that its files are.

    Raises:
        DataError: the files and the split don't go together.
        LfmpError: the settings are those of another kind of set.
    """
    own, given = source.settings_type, type(settings)
    if given not in (own, PrepareSettings):
        raise LfmpError(f"{source.name} is prepared by {own.__name__}, not by {given.__name__}")
    threshold = settings.threshold or source.threshold
    chosen: dict[str, Any] = {
        "threshold": threshold,
        "numeric_threshold": settings.numeric_threshold or threshold,
    }
    if source.options.get("val"):
        if settings.split not in ("random", "given"):
            remedy = "Leave --split out, or give one --file"
            raise DataError(f"{settings.split} splits of rows that are split already", remedy=remedy)
        chosen["split"] = "given"
    elif settings.split == "given":
        raise DataError("given splits need a file each", remedy="Give --train, --val and --test")
    return own.model_validate({**dict(settings), **chosen})


def prepare(
    source: Source,
    out: Path,
    settings: PrepareSettings | None = None,
    progress: bool = True,
    *,
    threads: int | None = None,
    block_bytes: int = BLOCK_BYTES,
    replace: bool = True,
) -> Dataset:
    """Turn a source's files into a dataset folder (see passes.py for how).

    Args:
        out: a new or an empty folder, or a prepared data set, which is replaced once the new one is whole.
        replace: whether an older data set may be.

    Raises:
        DataError: `out` is anything else; malformed input, too few rows, or a full disk. What was at `out`
            stays intact.
    """
    refuse_pairs(source)
    settings = resolve(source, settings or PrepareSettings())
    holds = source.named() or ([source.file()] if source.files else [])
    check_target(out, PREPARED, replace=replace, holds=holds)  # before anything is read
    reader = open_reader(source, settings)
    truth = _truth_beside(source) if source.format == "planted" else None
    own = source.format == "table"
    return prepare_reader(
        source.name,
        reader,
        Path(out),
        settings,
        truth=truth,
        reading=ReadingRules.of(source.options, reader.columns) if own else None,
        progress=progress,
        watched=own,
        threads=threads,
        block_bytes=block_bytes,
        replace=replace,
        holds=holds,
    )


def _truth_beside(source: Source) -> dict[str, Any] | None:
    path = source.file().with_name("truth.json")
    with reading(path):
        return json.loads(path.read_text()) if path.exists() else None


def prepare_named(
    name: str,
    settings: PrepareSettings | None = None,
    out: Path | None = None,
    *,
    planted: PlantedSettings | None = None,
    progress: bool = True,
) -> Dataset:
    """The named source prepared under these settings, at once where that has been done before.

    The folder is home()/data/<name>-<digest>, or `out`. A dataset found there is used again if its settings
    are the same and the source files have the sizes and times of change that they had.

    Args:
        planted: what to generate, for the source "planted".
    """
    return prepare_cached(get_source(name), settings, out, planted=planted, progress=progress)


def prepare_cached(
    source: Source,
    settings: PrepareSettings | None = None,
    out: Path | None = None,
    *,
    planted: PlantedSettings | None = None,
    progress: bool = True,
) -> Dataset:
    """`prepare_named` for any source, one's own table included."""
    settings = resolve(source, settings or PrepareSettings())
    generated = source.format == "planted" and source.path is None
    planted = (planted or PlantedSettings()) if generated else None
    key: dict[str, Any] = {"settings": settings, "options": source.options, "planted": planted}
    if not generated:
        key["file"] = str(source.file().absolute())
    own = home() / "data" / f"{source.name}-{digest(key)}"

    def state() -> dict[str, Any]:
        return {"key": digest(key, 64), "files": {} if generated else _state(source)}

    def make(out: Path, replace: bool) -> Dataset:
        if not generated:
            return prepare(source, out, settings, progress, replace=replace)
        # the text is only a stage on the way, kept out of the dataset's folder
        with scratch_folder(out.with_name(f"{out.name}.text")) as text:
            written = source.at(write_planted(text / "planted", planted, progress=progress))
            return prepare(written, out, settings, progress, replace=replace)

    return cached(own, out, PREPARED, state, Dataset.load, make)


def _state(source: Source) -> dict[str, list[int]]:
    """Size and time of change of each file that a source reads."""
    first = source.file()
    with reading(first):
        folder = first if first.is_dir() else first.parent
        paths = (
            {first} if source.format == "table" else {first, *(folder / Path(f).name for f in source.files)}
        )
        named = {p.name: p for p in sorted(paths)}
        named |= dict(zip(SPLITS[1:], source.named()[1:], strict=False))
        states = {name: p.stat() for name, p in named.items() if p.is_file()}
    return {name: [state.st_size, state.st_mtime_ns] for name, state in states.items()}
