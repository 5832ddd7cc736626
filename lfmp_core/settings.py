"""Frozen settings, canonical JSON, and where things lie."""

import hashlib
import json
import os
from pathlib import Path
from typing import Any, ClassVar

from pydantic import (
    BaseModel,
    ConfigDict,
    SerializerFunctionWrapHandler,
    model_serializer,
    model_validator,
)

from .errors import DataError, check_name


class Settings(BaseModel):
    """Base of all settings: frozen, and an unknown key is an error that names the nearest valid one.

    Attributes:
        later: fields that a class gained after records were made. At their default they are left out of every
            dump, so that settings from before and after are the same JSON and have the same digest.
    """

    later: ClassVar[frozenset[str]] = frozenset()
    model_config = ConfigDict(frozen=True, extra="forbid")

    @model_serializer(mode="wrap")
    def _without_later_defaults(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        fields = type(self).model_fields
        silent = {name for name in self.later if getattr(self, name) == fields[name].default}
        return {key: value for key, value in handler(self).items() if key not in silent}

    @model_validator(mode="before")
    @classmethod
    def _refuse_unknown(cls, data: Any) -> Any:
        if isinstance(data, dict):
            for key in data:
                check_name(key, cls.model_fields, f"{cls.__name__} parameter")
        return data


def _plain(obj: Any) -> Any:
    if isinstance(obj, BaseModel):
        return obj.model_dump(mode="json")
    if isinstance(obj, Path):
        return str(obj)
    raise TypeError(f"{type(obj).__name__} has no canonical JSON form")


def canonical_json(obj: Any) -> str:
    """One text for one value: sorted keys, no spaces, no NaN."""
    return json.dumps(obj, default=_plain, sort_keys=True, separators=(",", ":"), allow_nan=False)


def digest(obj: Any, length: int = 16) -> str:
    """First `length` hex digits of the SHA-256 of the canonical JSON of `obj`."""
    return hashlib.sha256(canonical_json(obj).encode()).hexdigest()[:length]


def project_root() -> Path:
    """The folder that holds the book: the checkout of this package, else the current folder."""
    root = Path(__file__).resolve().parents[1]
    return root if (root / "_config.yml").exists() else Path.cwd()


def home() -> Path:
    """Folder of prepared data sets and quick records: `$LFMP_HOME`, else `.lfmp` at the project's root."""
    return Path(os.environ.get("LFMP_HOME") or project_root() / ".lfmp")


def data_root() -> Path:
    """Folder of the publishers' files, named by `$LFMP_DATA`.

    Raises:
        DataError: the variable is not set or names no folder.
    """
    value = os.environ.get("LFMP_DATA")
    remedy = "Set LFMP_DATA to the folder with criteo/, avazu/ ...; `lfmp data list` shows what belongs there"
    if not value:
        raise DataError("LFMP_DATA is not set, so there is no real data to read", remedy=remedy)
    if not Path(value).is_dir():
        raise DataError("LFMP_DATA names no folder", file=value, remedy=remedy)
    return Path(value)
