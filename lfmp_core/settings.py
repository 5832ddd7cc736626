"""Frozen settings, canonical JSON, and where things lie."""

import hashlib
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar, Literal, get_args, get_origin

from pydantic import (
    BaseModel,
    ConfigDict,
    GetCoreSchemaHandler,
    SerializerFunctionWrapHandler,
    ValidationError,
    ValidatorFunctionWrapHandler,
    model_serializer,
    model_validator,
)
from pydantic_core.core_schema import CoreSchema, no_info_wrap_validator_function

from .bounds import MOST, must_be
from .errors import DataError, LfmpError, WrongValue, check_name


class Settings(BaseModel):
    """Base of all settings: frozen, and an unknown key is an error that names the nearest valid one.

    Numbers are finite, and whole ones fit into 64 bits. A value that is refused is one line that names it.

    Attributes:
        later: fields that a class gained after records were made. At their default they are left out of every
            dump, so that settings from before and after are the same JSON and have the same digest.
        former: fields that a class lost after records were made, by the value that says what it still does.
            They are in every dump, for the same reason, and may be given, with that value alone.
        recorded: fields that were renamed after records were made, and the name of each in every dump, for
            the same reason. Either name may be given.
    """

    later: ClassVar[frozenset[str]] = frozenset()
    former: ClassVar[Mapping[str, Any]] = {}
    recorded: ClassVar[Mapping[str, str]] = {}
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    def parts(self) -> dict[str, Any]:
        """The values by recorded name, those of `later` left out at their default, and those of `former`
        besides; without pydantic's serialiser, in which a Ctrl-C is lost.
        """
        return self._recorded(dict(self))

    def _recorded(self, values: Mapping[str, Any]) -> dict[str, Any]:
        fields = type(self).model_fields
        silent = {name for name in self.later if getattr(self, name) == fields[name].default}
        kept = {name: value for name, value in values.items() if name not in silent}
        return {self.recorded.get(name, name): value for name, value in kept.items()} | dict(self.former)

    @model_serializer(mode="wrap")
    def _as_recorded(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        return self._recorded(handler(self))

    @model_validator(mode="before")
    @classmethod
    def _refuse_unknown(cls, data: Any) -> Any:
        if isinstance(data, dict):
            data = {key: value for key, value in data.items() if not cls._says_former(key, value)}
            for name, known_as in cls.recorded.items():
                if known_as in data and name in data:
                    raise WrongValue(f"{known_as} is the former name of {name}: give one of them")
                if known_as in data:
                    data[name] = data.pop(known_as)
            for key in data:
                check_name(key, cls.model_fields, f"{cls.__name__} parameter")
            for key, value in data.items():
                for number in value if isinstance(value, list | tuple) else (value,):
                    if isinstance(number, int) and abs(number) > MOST:
                        raise WrongValue(f"{key} is {number}: it must fit into 64 bits")
        return data

    @classmethod
    def _says_former(cls, key: str, value: Any) -> bool:
        """Whether a field is `former` and has its value, of which JSON makes a list where it is a tuple."""
        return key in cls.former and cls.former[key] == (tuple(value) if isinstance(value, list) else value)

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        def in_one_line(data: Any, validate: ValidatorFunctionWrapHandler) -> Any:
            try:
                return validate(data)
            except ValidationError as error:
                raise _refused(cls, error) from None

        # around all of the class's own validators, those of classes below it too
        return no_info_wrap_validator_function(in_one_line, handler(source))


def _refused(settings: type[BaseModel], error: ValidationError) -> LfmpError:
    """One of pydantic's errors, a wrong value before a missing one, as a line that names the field, its value
    and what it must be."""
    first = min(error.errors(), key=lambda one: one["type"] == "missing")
    place, kind, context = first["loc"], first["type"], first.get("ctx", {})
    inner = context.get("error")
    name = ".".join(map(str, place)) or settings.__name__
    if inner is not None:
        return WrongValue(f"{settings.__name__}: {inner}")
    if kind == "model_type" and not place:
        return WrongValue(f"{name} can't be made of {type(first['input']).__name__}")
    if kind == "too_short":
        return WrongValue(f"{name} is {first['input']!r}: it must hold at least {context['min_length']}")
    if kind == "missing":
        return WrongValue(f"{settings.__name__} needs {name}")
    field = settings.model_fields.get(str(place[0])) if len(place) == 1 else None
    given = first["input"]
    words = get_args(field.annotation) if field and get_origin(field.annotation) is Literal else ()
    if kind == "literal_error" and words and all(isinstance(word, str) for word in (given, *words)):
        try:
            check_name(given, words, name)
        except LfmpError as unknown:
            return unknown
    ends = ("ge", "gt", "le", "lt")
    limits = {end: value for end in ends if (value := context.get(end)) is not None}
    if limits and field is not None:  # both ends, where pydantic names the one that was passed
        limits = {end: getattr(m, end) for m in field.metadata for end in ends if hasattr(m, end)}
    must = must_be(**limits) if limits else first["msg"].removeprefix("Input should be ")
    shown = repr(given)
    return WrongValue(f"{name} is {shown if len(shown) < 60 else type(given).__name__}: it must be {must}")


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
