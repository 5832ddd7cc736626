"""What is to be trained: backbone, method, table, bits and protocol, from flags and a settings file."""

import json
import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from ..bounds import check_number
from ..embeddings import TABLES
from ..errors import DataError, LfmpError, WrongValue, check_name
from ..methods import METHODS, get_method
from ..methods.compression import CompressionSettings
from ..models import BackboneSettings
from ..settings import Settings
from ..training import TrainingSettings

_WHOLE, _TABLE, _ROUNDED = "no_selection", "table", "quantise"
_LEAST_BATCH, _MOST_BATCH, _STEPS = 64, 2048, 100


class Planned(NamedTuple):
    """A recipe, checked: what `Method.run` takes."""

    backbone: BackboneSettings
    training: TrainingSettings
    method: str
    method_settings: dict[str, Any]
    prune_ratio: float
    seed: int
    title: str


class Recipe(Settings):
    """What is to be trained; every part may be left out.

    Attributes:
        backbone: `name` ("deepfm" by default) and its settings.
        method: `name` ("no_selection" by default, which removes nothing), `prune_ratio` of one that removes
            fields, and the method's own settings, `sparsity` of one that removes numbers among them.
        table: `name` of another form of table, `sparsity`, and the table's own settings.
        quantise: `bits` of a number after training, and `per`: what has a scale.
        training: of `TrainingSettings`. By default the batches follow the rows, and patience is 2.
        seed: of everything random.

    Example:
        >>> from lfmp_core.serving.recipe import Recipe
        >>> recipe = Recipe(method={"name": "light_fmp", "prune_ratio": 0.5}, quantise={"bits": 4})
        >>> recipe.planned(rows=100_000).method, recipe.planned(rows=100_000).training.batch_size
        ('quantise', 1024)
        >>> Recipe(method={"name": "lightfmp"}).planned(rows=100)
        Traceback (most recent call last):
        lfmp_core.errors.UnknownName: unknown method 'lightfmp'; did you mean 'light_fmp' ...
    """

    backbone: dict[str, Any] = {}
    method: dict[str, Any] = {}
    table: dict[str, Any] = {}
    quantise: dict[str, Any] = {}
    training: dict[str, Any] = {}
    seed: int = 0

    def planned(self, rows: int) -> Planned:
        """All of it held against the registries, before anything is trained.

        Args:
            rows: of the training split, which decide the default of the batch size.

        Raises:
            UnknownName: of a backbone, a table, a method or a setting.
            LfmpError: the parts don't go together.
        """
        backbone = BackboneSettings(**{"name": "deepfm", **self.backbone})
        own = dict(self.method)
        name, ratio = own.pop("name", _WHOLE), check_number("prune_ratio", own.pop("prune_ratio", 0.0))
        if isinstance(ratio, bool) or not isinstance(ratio, int | float):
            raise WrongValue(f"prune_ratio is {ratio!r}: it must be a number")
        if not isinstance(name, str) or name == _ROUNDED:
            raise LfmpError(
                f"the method can't be {name!r}: few bits are asked for by quantise, beside a method"
            )
        parts = [get_method(name).name] if name != _WHOLE else []
        if self.table:
            name, own = _table(name, own, self.table)
            parts = [f"table {own['table']}"]
        own = _checked(name, own, ratio)
        if ratio:
            parts += [f"{ratio:g} of its fields removed"]
        if "sparsity" in own:
            parts += [f"{own['sparsity']:g} of its embedding numbers removed"]
        if self.quantise:
            own = {**self.quantise, "method": name, "method_settings": own}
            name, own = _ROUNDED, _checked(_ROUNDED, own, 0.0)
            parts += [f"{own['bits']} bits a number"]
        training = TrainingSettings(**{"batch_size": batch_size(rows), "patience": 2, **self.training})
        title = ", ".join([backbone.name, *parts])
        return Planned(backbone, training, name, own, ratio, self.seed, title)


def batch_size(rows: int) -> int:
    """B: a power of two near a hundredth of the rows, from 64 to 2048."""
    near = 1 << max(0, round(rows / _STEPS) - 1).bit_length()
    return min(_MOST_BATCH, max(_LEAST_BATCH, near))


def _table(method: str, own: dict[str, Any], table: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    """The method `table` and its settings."""
    if method not in (_WHOLE, _TABLE):
        raise LfmpError(
            f"method {method!r} trains a plain table: leave the table out, or the method. "
            "Few bits a number (quantise) go with either"
        )
    if "name" not in table:
        raise LfmpError(f"a table needs its name, one of {', '.join(sorted(TABLES))}")
    rest = {key: value for key, value in table.items() if key not in ("name", "sparsity", "tolerance")}
    asked = {key: table[key] for key in ("sparsity", "tolerance") if key in table}
    kind = TABLES[str(table["name"])].settings_type
    for key in rest:
        check_name(
            key, {*kind.model_fields, "sparsity", "tolerance"}, f"setting of the table {table['name']!r}"
        )
    return _TABLE, {**own, "table": table["name"], "table_settings": rest, **asked}


def _checked(method: str, settings: Mapping[str, Any], ratio: float) -> dict[str, Any]:
    """The method's settings whole, held against its class."""
    kind = get_method(method).settings_type
    compressing = issubclass(kind, CompressionSettings)
    if ratio and (compressing or method == _WHOLE):
        told = (
            "numbers, not fields: give its sparsity" if compressing else "nothing: name a method that removes"
        )
        raise LfmpError(f"method {method!r} removes {told}, and no prune_ratio")
    if not compressing and "sparsity" in settings and "sparsity" not in kind.model_fields:
        near = sorted(n for n, m in METHODS.items() if issubclass(m.settings_type, CompressionSettings))
        raise LfmpError(f"method {method!r} takes no sparsity; these do, and tables: {', '.join(near)}")
    made = kind.model_validate(dict(settings))
    return made.model_dump(mode="json")


def read_settings(path: Path) -> dict[str, Any]:
    """A settings file, TOML or JSON.

    Raises:
        DataError: it is absent, or neither.
    """
    remedy = 'Write TOML, as in [backbone] name = "deepfm", or JSON, and name the file so'
    try:
        data = path.read_bytes()
        found = json.loads(data) if path.suffix.lower() == ".json" else tomllib.loads(data.decode("utf-8"))
    except OSError as error:
        raise DataError(f"the settings can't be read ({error.strerror})", file=path) from None
    except (ValueError, RecursionError) as error:
        problem = f"no settings ({str(error).splitlines()[0]})"
        raise DataError(problem, file=path, remedy=remedy) from None
    if not isinstance(found, dict):
        raise DataError("no settings (no object)", file=path, remedy=remedy)
    return found


def merged(*parts: Mapping[str, Any]) -> Recipe:
    """One recipe of several, of which later ones count.

    Raises:
        UnknownName: a part, or something in it, is none of a recipe.
    """
    whole: dict[str, Any] = {}
    for part in parts:
        for key, value in part.items():
            check_name(key, Recipe.model_fields, "part of a recipe")
            before = whole.get(key)
            both = isinstance(before, dict) and isinstance(value, Mapping)
            whole[key] = {**before, **value} if both and before is not None else value
    return Recipe.model_validate(whole)


def assigned(texts: Iterable[str]) -> dict[str, Any]:
    """Parts of a recipe from texts like method.pretrain_rows=500; a value is read as JSON where it is some.

    Raises:
        LfmpError: one is not like that.
    """
    found: dict[str, Any] = {}
    for text in texts:
        place, equals, value = text.partition("=")
        part, dot, key = place.partition(".")
        if not equals or (part != "seed" and not (dot and key)):
            raise LfmpError(f"--set {text!r} is not like backbone.embedding_dim=16")
        check_name(part, Recipe.model_fields, "part of a recipe")
        try:
            read = json.loads(value)
        except ValueError:
            read = value
        if dot:
            found.setdefault(part, {})[key] = read
        else:
            found[part] = read
    return found
