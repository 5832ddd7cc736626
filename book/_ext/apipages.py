"""The API page from the package itself: every public module, in the order of the rooms, from its docstrings.

A new module appears on the page without an entry anywhere. Docstrings are written to be read in an editor
(single backticks, |x|, ẑ_f, indented formulas), so what reStructuredText would take for its own marks is
escaped, and an indented block outside a Google section is shown as it stands.
"""

import importlib
import inspect
import pkgutil
import re

MARK = "<!-- modules -->"
ROOMS = (  # top to bottom, as the data goes; other modules follow by name
    "errors",
    "settings",
    "seeds",
    "axes",
    "data",
    "embeddings",
    "models",
    "masking",
    "surgery",
    "training",
    "methods",
    "experiments",
    "efficiency",
)
_SECTION = re.compile(
    r"^(Args|Arguments|Attributes|Raises|Returns|Yields|Examples?|Notes?|Shapes?|References?|Source|Sources|Warnings?)"
    r":\s*$"
)


def _modules():
    package = importlib.import_module("lfmp_core")
    names = [m.name for m in pkgutil.walk_packages(package.__path__, "lfmp_core.")]
    rank = {room: number for number, room in enumerate(ROOMS)}
    public = [
        n for n in names if not any(p.startswith("_") for p in n.split(".")) and "cli" not in n.split(".")
    ]
    return sorted(public, key=lambda n: (rank.get(n.split(".")[1], len(ROOMS)), n.split(".")[1:]))


def _has_content(module) -> bool:
    """Whether autodoc has something to show: a docstring, or a public class or function of its own."""
    own = [
        name
        for name, thing in vars(module).items()
        if not name.startswith("_")
        and (inspect.isclass(thing) or inspect.isfunction(thing))
        and thing.__module__ == module.__name__
    ]
    return bool(own or (module.__doc__ or "").strip())


def modules_markdown() -> str:
    """Headings and automodule directives, one for each public module."""
    lines, room = [], None
    for name in _modules():
        module = importlib.import_module(name)
        if not _has_content(module):
            continue
        first = name.split(".")[1]
        if first != room:
            room = first
            lines += [f"## {room}", ""]
        if name.count(".") > 1:
            lines += [f"### {name.removeprefix('lfmp_core.')}", ""]
        # a package's __all__ names what its modules define: shown there, once
        options = ["   :members:", "   :ignore-module-all:"]
        lines += ["```{eval-rst}", f".. automodule:: {name}", *options, "```", ""]
    return "\n".join(lines)


def _escape(line: str) -> str:
    """One line of prose for reStructuredText: `x` becomes ``x``, its other marks stand for themselves."""
    parts = re.split(r"(``.+?``|`[^`\n]+`)", line)
    for i, part in enumerate(parts):
        if i % 2:
            parts[i] = part if part.startswith("``") else f"`{part}`"
            # an inline literal must stand free: a letter right after it needs a zero-width escape
            if i + 1 < len(parts) and parts[i + 1][:1].isalnum():
                parts[i + 1] = "\\ " + parts[i + 1]
        else:
            parts[i] = re.sub(r"([*|\\`])", r"\\\1", part)
            parts[i] = re.sub(r"(?<=\w)_(?=\W|$)", r"\\_", parts[i])
    return "".join(parts)


def restructure(lines: list[str]) -> list[str]:
    """A docstring's lines as valid reStructuredText with Google sections left for napoleon."""
    out: list[str] = []
    section = literal = False
    for raw in lines:
        line = raw.rstrip()
        indented = line.startswith((" ", "\t"))
        if not line:
            out.append("")
        elif _SECTION.match(line):
            section, literal = True, False
            if out and out[-1]:
                out.append("")
            out.append(re.sub(r"^(Shapes?|Sources?):", "Note:", line))
        elif section and indented:
            out.append(_escape(line))
        elif indented and not line.lstrip().startswith(">>>"):
            if not literal:
                while out and not out[-1]:
                    out.pop()
                out += ["", "::", ""]
                literal = True
            out.append(line)
        else:
            if (literal or section) and out and out[-1]:
                out.append("")
            section = literal = False
            out.append(line if line.lstrip().startswith(">>>") else _escape(line))
    return out


def _process(app, what, name, obj, options, lines):
    lines[:] = restructure(lines)


def _skip(app, what, name, obj, skip, options):
    """A named tuple's columns are in its signature; their made-up docstrings say nothing."""
    return True if (getattr(obj, "__doc__", None) or "").startswith("Alias for field number") else None


def _fill(app, docname, source):
    if MARK in source[0]:
        source[0] = source[0].replace(MARK, modules_markdown())


def _outdated(app, env, added, changed, removed):
    return [name for name in env.found_docs if name.endswith("book/api")]  # the package may have changed


def setup(app):
    app.connect("autodoc-process-docstring", _process, priority=100)  # before napoleon
    app.connect("autodoc-skip-member", _skip)
    app.connect("source-read", _fill)
    app.connect("env-get-outdated", _outdated)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
