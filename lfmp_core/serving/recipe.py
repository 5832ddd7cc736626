"""What is to be trained: backbone, method, table, bits and protocol, from flags and a settings file."""

import json
import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from ..budget import NOTHING, Budget
from ..embeddings import TABLES
from ..errors import DataError, LfmpError, WrongValue, check_name
from ..experiments import own_sizes
from ..methods import METHODS, Method, get_method
from ..models import BackboneSettings
from ..settings import Settings
from ..tasks import Clicks
from ..training import TrainingSettings

WHOLE, _TABLE, _ROUNDED = "no_selection", "table", "quantise"


class TrainingPlan(NamedTuple):
    """A recipe, checked: what `Method.run` takes."""

    backbone: BackboneSettings
    training: TrainingSettings
    method: str
    method_settings: dict[str, Any]
    budget: Budget
    seed: int
    title: str


class Recipe(Settings):
    """What is to be trained; every part may be left out.

    Attributes:
        backbone: `name` ("deepfm" by default) and its settings; its hidden layers follow the rows by default.
        method: `name` ("no_selection" by default, which removes nothing) and its own settings.
        budget: the `share` that is to go, and `of` what: "fields", "numbers" or "bytes"; by default of what
            the method removes.
        table: `name` of another form of table and its own settings; the budget is of its numbers.
        quantise: `bits` of a number after training, and `per`: what has a scale.
        training: of `TrainingSettings`. By default the batches follow the rows, and patience is 2.
        seed: of everything random.

    Example:
        >>> from lfmp_core.serving.recipe import Recipe
        >>> recipe = Recipe(method={"name": "light_fmp"}, budget={"share": 0.5}, quantise={"bits": 4})
        >>> recipe.planned(rows=100_000).title
        'deepfm, light_fmp, 50% of the fields removed, 4 bits a number'
        >>> Recipe(method={"name": "lightfmp"}).planned(rows=100)
        Traceback (most recent call last):
        lfmp_core.errors.UnknownName: unknown method 'lightfmp'; did you mean 'light_fmp' ...
    """

    backbone: dict[str, Any] = {}
    method: dict[str, Any] = {}
    budget: dict[str, Any] = {}
    table: dict[str, Any] = {}
    quantise: dict[str, Any] = {}
    training: dict[str, Any] = {}
    seed: int = 0

    def planned(self, rows: int) -> TrainingPlan:
        """All of it held against the registries, before anything is trained.

        Args:
            rows: of the training split, which decide the defaults of batch size and hidden layers.

        Raises:
            UnknownName: of a backbone, a table, a method or a setting.
            LfmpError: the parts don't go together.
        """
        backbone = BackboneSettings(**{"name": "deepfm", **self.backbone})
        if "hidden" not in self.backbone:
            backbone = own_sizes.backbone(backbone, rows)
        own = dict(self.method)
        name = own.pop("name", WHOLE)
        if not isinstance(name, str) or name == _ROUNDED:
            raise LfmpError(f"the method can't be {name!r}: few bits are asked for by quantise, beside it")
        method, parts = get_method(name), [] if name == WHOLE else [name]
        if self.table:
            own = _table_settings(name, own, self.table)
            method, parts = get_method(_TABLE), [f"table {own['table']}"]
        budget = _budget(method, self.budget)
        own = method.settings_type.model_validate(own).model_dump(mode="json")
        if budget.share:
            parts += [f"{budget} removed"]
        if self.quantise:
            method, inner = get_method(_ROUNDED), method.name
            own = {**self.quantise, "method": inner, "method_settings": own}
            own = method.settings_type.model_validate(own).model_dump(mode="json")
            parts += [f"{own['bits']} bits a number"]
        training = TrainingSettings(
            **{"batch_size": own_sizes.batch_size(rows), "patience": 2, **self.training}
        )
        title = ", ".join([backbone.name, *parts])
        return TrainingPlan(backbone, training, method.name, own, budget, self.seed, title)


def _table_settings(method: str, own: dict[str, Any], table: Mapping[str, Any]) -> dict[str, Any]:
    """Of the method `table`."""
    if method not in (WHOLE, _TABLE):
        raise LfmpError(
            f"method {method!r} trains a plain table: leave the table out, or the method. "
            "Few bits a number (quantise) go with either"
        )
    if "name" not in table:
        raise LfmpError(f"a table needs its name, one of {', '.join(sorted(TABLES))}")
    name = str(table["name"])
    rest = {key: value for key, value in table.items() if key not in ("name", "tolerance")}
    known = {*TABLES[name].settings_type.model_fields, "tolerance"}
    for key in rest:
        check_name(key, known, f"setting of the table {name!r}")
    tolerance = {"tolerance": table["tolerance"]} if "tolerance" in table else {}
    return {**own, "table": name, "table_settings": rest, **tolerance}


def _budget(method: Method, asked: Mapping[str, Any]) -> Budget:
    """What is to go, which the method must be able to remove."""
    for key in asked:
        check_name(key, ("share", "of"), "part of a budget")
    units = " or ".join(method.removes)
    if not asked:
        if method.removes:
            raise LfmpError(
                f"method {method.name!r} removes a share of {units}: say how much, by --prune-ratio "
                "(fields), --sparsity (numbers) or the budget of a settings file"
            )
        return NOTHING
    share = asked.get("share", 0.0)
    if isinstance(share, bool) or not isinstance(share, int | float):
        raise WrongValue(f"share is {share!r}: it must be a number")
    budget = Budget(share, str(asked.get("of", (method.removes or ("fields",))[0])))  # type: ignore[arg-type]
    if share and budget.of not in method.removes:
        one = f"take by --method one of {', '.join(_able(budget.of))}"
        remedy = f"ask for a share of {units}, or {one}" if units else one
        raise LfmpError(f"method {method.name!r} removes no share of {budget.of}: {remedy}")
    return budget


def _able(of: str) -> list[str]:
    """Methods for clicks that remove a share of that and are named by themselves."""
    beside = (_ROUNDED, _TABLE)  # which are asked for by other parts of a recipe
    found = (name for name in METHODS if of in METHODS[name].removes and name not in beside)
    return sorted(name for name in found if issubclass(Clicks, METHODS[name].task))


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
