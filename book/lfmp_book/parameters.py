"""A notebook's parameters: declared once, and any other name or type is refused.

Papermill writes the given values into a cell right after the cell tagged `parameters` and only logs a
warning about names that cell does not have: a misspelt parameter runs the notebook with its default. Two
lines in the notebook turn that into an error, however it is run. The parameters cell ends with

    declare(globals())

and the next cell starts with

    check(globals())

What came in between is what was injected: it must bear declared names and the declared types, and numbers
lie in the bounds that their names have on every page.
"""

import ast
import json
import shlex
import time
from collections.abc import Mapping, MutableMapping, Sequence
from contextlib import suppress
from types import ModuleType
from typing import Any

from lfmp_core.bounds import check_number
from lfmp_core.errors import LfmpError, check_name
from lfmp_core.memory import keep_memory

_RECORD, _GIVEN, _CELLS = "_lfmp_declared", "_lfmp_given", "_lfmp_cells"
_BEGAN = "_lfmp_began"
_IPYTHON = {"In", "Out", "exit", "quit", "get_ipython", "open"}


class WrongType(LfmpError):
    """A parameter whose value is of another type than its default."""


def _values(namespace: Mapping[str, Any]) -> dict[str, Any]:
    """What a cell assigned: no private names, no modules, classes or functions, nothing of IPython's."""
    return {
        name: value
        for name, value in namespace.items()
        if not (name.startswith("_") or name in _IPYTHON or isinstance(value, ModuleType) or callable(value))
    }


def declare(namespace: MutableMapping[str, Any]) -> None:
    """Take the values assigned so far as this notebook's parameters; the parameters cell's last line."""
    namespace[_RECORD] = _values(namespace)
    namespace[_CELLS] = len(namespace.get("In", ()))
    namespace[_BEGAN] = time.monotonic()


def check(namespace: MutableMapping[str, Any]) -> None:
    """Refuse what was injected since `declare`; first line of the next cell. A second call does nothing.

    The page's process keeps the memory that training steps free (see `memory`).

    Raises:
        UnknownName: a name that was not declared; the message gives the nearest.
        WrongType: a value of another type than the default. WrongValue: a number outside its bounds.
        LfmpError: `declare` was never called.
    """
    if _RECORD not in namespace:
        raise LfmpError("no parameters are declared. End the parameters cell with declare(globals())")
    declared = namespace[_RECORD]
    if declared is None:
        return
    values = _values(namespace)
    for name, value in values.items():
        check_name(name, declared, "parameter")
        check_type(name, declared[name], value)
        check_number(name, value)
    keep_memory()
    named = _assigned(namespace.get("In", ())[namespace[_CELLS] : -1])
    namespace[_GIVEN] = {k: v for k, v in values.items() if v != declared[k] or k in named}
    # A checked notebook stays checked: names of later cells are none of our business when a cell is rerun.
    namespace[_RECORD] = None


def _assigned(cells: Sequence[str]) -> set[str]:
    """Names that some cells assign, such as the one that papermill writes: also those given their default."""
    lines = [line for cell in cells for line in ast.parse(cell).body]
    return {
        t.id
        for line in lines
        if isinstance(line, ast.Assign)
        for t in line.targets
        if isinstance(t, ast.Name)
    }


def given(namespace: Mapping[str, Any]) -> dict[str, Any]:
    """The parameters that were given, or have other values than the declared ones, as `check` found them."""
    return dict(namespace.get(_GIVEN, {}))


def began(namespace: Mapping[str, Any]) -> float:
    """The time of `time.monotonic` at which the page began."""
    return namespace[_BEGAN]


def notebook_options(values: Mapping[str, Any]) -> str:
    """Parameters as `lfmp notebook` takes them, each with a blank before it."""
    return "".join(f" -p {name} {shlex.quote(str(value))}" for name, value in values.items())


def options(values: Mapping[str, Any]) -> str:
    """Parameters as papermill takes them at a command line, each with a blank before it.

    Text that would be read as a number or a truth value is given raw, and what is neither as YAML.
    """
    text = ""
    for name, value in values.items():
        if isinstance(value, str):
            text += f" {'-r' if _reads_otherwise(value) else '-p'} {name} {shlex.quote(value)}"
        elif isinstance(value, bool | int | float):
            text += f" -p {name} {value}"
        else:
            text += f" -y {shlex.quote(json.dumps({name: value}))}"
    return text


def _reads_otherwise(text: str) -> bool:
    with suppress(ValueError):
        float(text)
        return True
    return text in ("True", "False", "None")


def same_type(default: Any, value: Any) -> bool:
    """Whether `value` may stand for `default`: same type, an integer for a float, a list for a tuple.

    A default of None says nothing about the type, so anything passes; a bool is not a number.
    """
    if default is None:
        return True
    if isinstance(default, bool) or isinstance(value, bool):
        return type(default) is type(value)
    if isinstance(default, float):
        return isinstance(value, int | float)
    if isinstance(default, list | tuple):
        if not isinstance(value, list | tuple):
            return False
        return not default or all(any(same_type(d, v) for d in default) for v in value)
    return isinstance(value, type(default))


def check_type(name: str, default: Any, value: Any) -> None:
    """Raise WrongType unless `same_type(default, value)`, and say how such a value is given."""
    if same_type(default, value):
        return
    remedy = "Give a value of that type"
    if isinstance(default, str):
        remedy = f"Give text with papermill's -r: -r {name} {value}"
    elif isinstance(default, list | tuple | dict):
        remedy = f"Give it with papermill's -y: -y '{name}: {default!r}'"
    raise WrongType(
        f"parameter {name!r} is {type(value).__name__} {value!r}, "
        f"but its default {default!r} is {type(default).__name__}. {remedy}"
    )


def parse(text: str, default: Any) -> Any:
    """The value that `text`, typed at a command line, stands for where `default` is the parameter's own.

    Text for a text parameter is taken as it is (`5` stays "5"); anything else is read as a Python literal.
    """
    if isinstance(default, str):
        return text
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError):
        return text
