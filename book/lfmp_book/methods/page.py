"""The pages of the methods as Markdown: from one template, the registries, docstrings and records."""

import inspect
import re
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import lfmp_core
from lfmp_core.embeddings.registry import TABLES
from lfmp_core.errors import check_name
from lfmp_core.methods import METHODS
from lfmp_core.settings import Settings

from ..guide import page as guide
from ..guide.effects import Action, Effect, cases_of
from ..guide.known import known
from ..guide.words import loss, place_of, taken
from ..show.drawing import Drawing
from . import fields, forms
from .entries import ENTRIES
from .entry import KINDS, Entry

DRAWINGS: dict[str, Callable[[], Drawing]] = {
    **{name: entry.drawing for name, entry in ENTRIES.items()},
    **forms.FORMS,
    "the_way": fields.the_way,
}
_LEFT_OUT = re.compile(r"^(Raises|Args|Attributes|Returns|Example|Examples):$")


def drawing(name: str) -> str:
    """A drawing by name, as HTML on one line.

    Raises:
        UnknownName: there is none of that name.
    """
    return DRAWINGS[check_name(name, DRAWINGS, "drawing")]()._repr_html_()


def things(entry: Entry) -> list[tuple[str, Callable[..., Any], type[Settings]]]:
    """Name, code and settings of what an entry is made of; of a form of table, the table."""
    found: list[tuple[str, Callable[..., Any], type[Settings]]] = []
    for name in entry.tables:
        found.append((name, TABLES[name], TABLES[name].settings_type))
    for name in entry.methods if not entry.tables else ():
        method = METHODS[name]
        found.append((name, inspect.unwrap(method.procedure), method.settings_type))
    return found


def idea(entry: Entry) -> str:
    """The first line of what it is made of; of a form of table that of its file, for its own is a formula."""
    _, thing, _ = things(entry)[0]
    if not entry.tables:
        return first_line(thing)
    said = (inspect.getdoc(inspect.getmodule(thing)) or "").split("\n")[0].split(": ", 1)[-1]
    return said[:1].upper() + said[1:]


def first_line(thing: Callable[..., Any]) -> str:
    """The idea in a line, from its docstring."""
    return (inspect.getdoc(thing) or "").split("\n")[0]


def escaped(line: str) -> str:
    """A line of a docstring as Markdown: what stands between backticks stays, other marks are letters."""
    parts = re.split(r"(`[^`]+`)", line)
    return "".join(p if i % 2 else re.sub(r"([*_<>\[\]|\\$~#])", r"\\\1", p) for i, p in enumerate(parts))


def remarks(thing: Callable[..., Any]) -> list[str]:
    """The paragraphs of a docstring below its first line, without its sections of arguments and errors."""
    kept: list[str] = []
    for block in (inspect.getdoc(thing) or "").split("\n\n")[1:]:
        lines = block.split("\n")
        if not _LEFT_OUT.match(lines[0]):
            kept.append(escaped(" ".join(line.strip() for line in lines)))
    return kept


def settings_in_words(settings: type[Settings]) -> str:
    """Its settings with their defaults."""
    own = [f"`{name}={field.default!r}`" for name, field in settings.model_fields.items() if _plain(field)]
    return ", ".join(own) or "none"


def _plain(field: Any) -> bool:
    return not field.is_required() and isinstance(field.default, int | float | str | bool | type(None))


def code_of(thing: Callable[..., Any]) -> str:
    """Its code in a fold, and the page of its module."""
    path = Path(inspect.getsourcefile(thing) or "").relative_to(Path(lfmp_core.__file__).parent.parent)
    module = path.with_suffix("").as_posix().replace("/", ".").removeprefix("lfmp_core.")
    return (
        f":::{{dropdown}} `{thing.__name__}`, {path.as_posix()}\n```{{literalinclude}} /{path.as_posix()}\n"
        f":pyobject: {thing.__name__}\n:language: python\n```\n:::\n\n{{doc}}`More of it <../api/{module}>`."
    )


def usage(entry: Entry) -> str:
    """How it is called."""
    lines = ["from lfmp_core.budget import Budget", "from lfmp_core.methods import get_method", ""]
    for name in entry.methods:
        units = METHODS[name].removes
        budget = f'Budget({0.5 if units[0] == "fields" else 0.8}, "{units[0]}")' if units else "Budget()"
        given = f', settings={{"table": "{entry.tables[0]}"}}' if entry.tables and name == "table" else ""
        lines.append(f'outcome = get_method("{name}").run(task, {budget}, seed=0{given})')
    return "\n".join(["```python", *lines, "```"])


@cache
def by_arm() -> dict[str, tuple[Action, ...]]:
    """What the records say, by arm."""
    found: dict[str, list[Action]] = {}
    for action in known():
        found.setdefault(action.arm, []).append(action)
    return {arm: tuple(own) for arm, own in found.items()}


def numbers_of(entry: Entry) -> str:
    """Its cases in words and in a table."""
    own = [action for arm in entry.arms for action in by_arm().get(arm, ())]
    if not own:
        return (
            "No item of the guide has records of it; the pages named below show what there is."
            if entry.kind != "control"
            else "Every other method is held against it; see {doc}`Decide <../executed/decide>`."
        )
    best, worst = (pick(_placed(own), key=lambda pair: pair[1].difference) for pick in (max, min))
    caption = f"{entry.title}: what the records say"
    shown = guide.decision_table(own, of=known(), caption=caption, folder="../executed/")._repr_html_()
    return (
        f"Against the whole model it does best as {_named(best)}, and worst as {_named(worst)}, of "
        f"{len(cases_of(own))} cases.\n\n```{{raw}} html\n{_one_block(shown)}\n```"
    )


def _placed(own: Sequence[Action]) -> list[tuple[Action, Effect]]:
    return [(action, case) for action in own for case in action.cases]


def _named(pair: tuple[Action, Effect]) -> str:
    action, case = pair
    return f"{action.arm} without {taken(action)} on {place_of(case)} ({loss(case)}, {case.outcome})"


def _one_block(html: str) -> str:
    return "\n".join(line for line in html.split("\n") if line.strip())


def page(name: str) -> str:
    """The page of an entry."""
    entry = ENTRIES[check_name(name, ENTRIES, "page of a method")]
    own = things(entry)
    parts = [f"# {entry.title}", escaped(idea(entry)), f"<!-- drawing {name} -->"]
    parts += ["## Formula", f"$$\n{entry.formula}\n$$", *remarks(own[0][1])]
    for other, thing, _ in own[1:]:
        parts += [f"### {escaped(other)}", escaped(first_line(thing)), *remarks(thing)]
    parts += [
        "## Where it suits",
        entry.good,
        "## Our numbers",
        numbers_of(entry),
        "## In code",
        usage(entry),
    ]
    for other, thing, settings in own:
        parts += [f"Settings of `{other}`: {settings_in_words(settings)}.", code_of(thing)]
    if entry.cites:
        parts += ["## Source", f"{{cite:t}}`{','.join(entry.cites)}`."]
    more = ", ".join(f"[](../executed/{page}.ipynb)" for page in entry.pages)
    parts.append(f"Pages that show it: {more}.")
    return "\n\n".join(parts) + "\n"


def listing() -> str:
    """Every page with its first line, kind by kind."""
    lines = []
    for kind, title in KINDS.items():
        lines += ["", f"## {title}", ""]
        lines += [
            f"- [{e.title}](methods/{n}.md): {escaped(idea(e))}" for n, e in ENTRIES.items() if e.kind == kind
        ]
    return "\n".join(lines)
