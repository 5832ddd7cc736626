"""Prepare a source of interactions, and open a named one, prepared once below home()."""

from pathlib import Path
from typing import Any

from ...errors import DataError
from ...folders import fresh_folder
from ...ownership import check_target
from ...settings import digest, home
from ..cache import cached
from ..faults import reading, writing
from ..sources import Source, get_source
from .dataset import PREPARED_INTERACTIONS, InteractionData
from .gathered import Gathered
from .lightgcn import gather_lightgcn, paths_of
from .own_pairs import gather_own, own_paths
from .planted import PlantedInteractionSettings, plant_interactions
from .schema import InteractionSettings


def prepare_interactions(
    source: Source,
    out: Path | str,
    settings: InteractionSettings | None = None,
    *,
    planted: PlantedInteractionSettings | None = None,
    replace: bool = True,
) -> InteractionData:
    """Turn a source's pairs into a folder of interactions; all are held in memory, some 150 bytes each.

    Args:
        out: a new or an empty folder, or prepared interactions, which are replaced once the new are whole.
        planted: what to generate, for the source "planted_interactions".
        replace: whether older interactions may be.

    Raises:
        DataError: `out` is anything else; malformed input, pairs that can't be split so, or a full disk. What
            was at `out` stays intact.
    """
    holds = list(_paths(source).values())
    check_target(out, PREPARED_INTERACTIONS, replace=replace, holds=holds)  # before anything is read
    data = InteractionData.of(source.name, _gathered(source, planted), settings or InteractionSettings())
    with writing(Path(out)), fresh_folder(out, PREPARED_INTERACTIONS, replace=replace, holds=holds) as folder:
        data.save(folder)
    return InteractionData.load(out)


def open_interactions(
    source: str | Source,
    settings: InteractionSettings | None = None,
    out: Path | None = None,
    *,
    planted: PlantedInteractionSettings | None = None,
) -> InteractionData:
    """A source prepared under these settings, at once where that has been done before.

    The folder is home()/interactions/<name>-<digest>, or `out`. What is found there is used again if its
    settings are the same and the source files have the sizes and times of change that they had.

    Args:
        source: or its name.
        planted: what to generate, for the source "planted_interactions".
    """
    source = get_source(source) if isinstance(source, str) else source
    settings = settings or InteractionSettings()
    paths = _paths(source)
    key: dict[str, Any] = {"settings": settings, "options": source.options, "planted": planted}
    if source.format == "planted_interactions":
        key["planted"] = planted = planted or PlantedInteractionSettings()
    else:
        key["file"] = str(source.file().absolute())
    own = home() / "interactions" / f"{source.name}-{digest(key)}"

    def state() -> dict[str, Any]:
        return {"key": digest(key, 64), "files": {name: _state(path) for name, path in paths.items()}}

    def make(out: Path, replace: bool) -> InteractionData:
        return prepare_interactions(source, out, settings, planted=planted, replace=replace)

    return cached(own, out, PREPARED_INTERACTIONS, state, InteractionData.load, make)


def _gathered(source: Source, planted: PlantedInteractionSettings | None) -> Gathered:
    if source.format == "planted_interactions":
        return plant_interactions(planted or PlantedInteractionSettings())
    return gather_lightgcn(source) if source.format == "lightgcn" else gather_own(source)


def _paths(source: Source) -> dict[str, Path]:
    """The files that a source reads, by split."""
    if source.holds != "interactions":
        raise DataError(
            f"{source.name} holds clicks, no interactions", remedy="Use prepare, or prepare_named"
        )
    if source.format == "planted_interactions":
        return {}
    return paths_of(source) if source.format == "lightgcn" else own_paths(source)


def _state(path: Path) -> list[int]:
    with reading(path):
        state = path.stat()
    return [state.st_size, state.st_mtime_ns]
