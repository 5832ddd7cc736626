"""What is found by a name: backbones, tables, methods, items."""

from typing import TypeVar

from .errors import LfmpError, check_name

Thing = TypeVar("Thing")


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
