"""How a command ends: with its result, or with one line on stderr and an exit code; never with a traceback.

Codes: 0 done, 1 done and something failed, 2 refused, 130 interrupted. What ends in a traceback is a fault of
this program.
"""

import errno
import sys
from collections.abc import Callable
from functools import partial
from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup
from typer.exceptions import TyperException

from .errors import LfmpError, visible

# A room with commands of its own gets everything behind its name, `--help` included.
FORWARD = {"allow_extra_args": True, "ignore_unknown_options": True, "help_option_names": []}


class Commands(TyperGroup):
    """Several commands under one name."""

    def main(self, *args: Any, standalone_mode: bool = True, **more: Any) -> Any:
        run = partial(super().main, *args, **{**more, "standalone_mode": False})
        return sys.exit(_ended(run)) if standalone_mode else run()

    def invoke(self, ctx: Any) -> Any:
        return _interruptible(partial(super().invoke, ctx))


class Command(TyperCommand):
    """One command."""

    def main(self, *args: Any, standalone_mode: bool = True, **more: Any) -> Any:
        run = partial(super().main, *args, **{**more, "standalone_mode": False})
        return sys.exit(_ended(run)) if standalone_mode else run()

    def invoke(self, ctx: Any) -> Any:
        return _interruptible(partial(super().invoke, ctx))


def _interruptible(run: Callable[[], Any]) -> Any:
    try:
        return run()
    except KeyboardInterrupt:
        raise typer.Exit(say("interrupted; nothing half-written was kept", 130)) from None


def _ended(run: Callable[[], Any]) -> int:
    """The exit code of a command."""
    try:
        code = run()
        return code if isinstance(code, int) else 0
    except LfmpError as error:
        return say(str(error))
    except TyperException as error:  # an unknown option, a word where a number belongs, help asked for
        text = error.format_message()
        if "\n" in text:
            typer.echo(text, err=True)
            return error.exit_code
        return say(text, error.exit_code)
    except MemoryError:
        return say("out of memory; nothing half-written was kept")
    except OSError as error:
        if error.errno == errno.EPIPE:  # whoever read the output has gone
            sys.stdout = None  # else Python complains of it when it ends
            return 1
        where = error.filename if error.filename is not None else "disk"
        return say(f"{visible(str(where))}: {error.strerror or error}; nothing half-written was kept")


def say(text: str, code: int = 2) -> int:
    """Print why a command ends and return its exit code."""
    typer.echo(f"lfmp: {text}", err=True)
    return code
