"""What is found by a name: backbones, recommenders, tables, methods, items."""

from collections.abc import Callable
from typing import Any, ClassVar, Protocol, TypeVar, cast

from .errors import LfmpError, check_name


class Named(Protocol):
    """A class that is entered under a name, with the class of its settings; `register` sets both."""

    kind: ClassVar[str]
    settings_type: ClassVar[type[Any]]


Thing = TypeVar("Thing")
Kind = TypeVar("Kind", bound=type[Named])


class Registry(dict[str, Thing]):
    """Things by name, each under a name of its own.

    `registry[name]` of a name that is not there raises UnknownName, which names the nearest.

    Args:
        what: what the things are called in an error.
    """

    def __init__(self, what: str):
        super().__init__()
        self.what = what

    def __missing__(self, name: str) -> Thing:
        return self[check_name(name, self, self.what)]

    def enter(self, name: str, thing: Thing) -> Thing:
        """Enter a thing, and return it.

        Raises:
            LfmpError: there is another one of that name.
        """
        if self.setdefault(name, thing) is not thing:
            raise LfmpError(f"{self.what} {name!r} is registered twice")
        return thing

    def register(self, name: str, settings_type: type[Any]) -> Callable[[Kind], Kind]:
        """A decorator that enters a class with the class of its settings; see `enter`."""

        def entered(kind: Kind) -> Kind:
            self.enter(name, cast(Thing, kind))
            kind.kind, kind.settings_type = name, settings_type
            return kind

        return entered
