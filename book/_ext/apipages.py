"""The API pages from the package itself: one for each public module, from its docstrings, and a list of them.

A new module has its page without an entry anywhere: the pages are written to `book/api/` before Sphinx looks
for its sources, and the contents take what is there. In a search they stand behind the book's own pages
(`scorer.js`). Docstrings are written to be read in an editor
(single backticks, |x|, ẑ_f, indented formulas), so what reStructuredText would take for its own marks is
escaped, and an indented block outside a Google section is shown as it stands.
"""

import importlib
import inspect
import pkgutil
import re
from pathlib import Path

PAGES = "book/api"
DOOR = "lfmp_core"
MARK = "<!-- modules -->"
ROOMS = (  # top to bottom: what one's own code imports, then as the data goes; other modules follow by name
    "face",
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
    "serving",
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


def _directive(kind: str, name: str) -> str:
    # a package's __all__ names what its modules define: shown there, once
    options = {"module": ["   :members:", "   :ignore-module-all:"], "class": ["   :members:"]}.get(kind, [])
    return "\n".join(["```{eval-rst}", f".. auto{kind}:: {name}", *options, "```", ""])


def pages() -> dict[str, str]:
    """Name → Markdown of every page: the front door, then one for each module."""
    door = importlib.import_module(DOOR)
    named = {name: getattr(door, name) for name in door.__all__}
    made = {name: thing for name, thing in named.items() if thing.__module__ == DOOR}
    rest = [f"{{py:obj}}`{n} <{t.__module__}.{n}>`" for n, t in named.items() if n not in made]
    lines = [f"# {DOOR}", "", "What `from lfmp_core import …` finds: " + ", ".join(rest) + ", and these.", ""]
    for name, thing in made.items():
        lines.append(_directive("class" if inspect.isclass(thing) else "function", f"{DOOR}.{name}"))
    found = {DOOR: "\n".join(lines)}
    for name in _modules():
        if _has_content(importlib.import_module(name)):
            short = name.removeprefix(f"{DOOR}.")
            found[short] = f"# {short}\n\n{_directive('module', name)}"
    return found


def write_pages(folder: Path) -> None:
    """Write the pages; see `write_folder`."""
    write_folder(folder, pages())


def write_folder(folder: Path, found: dict[str, str]) -> None:
    """Write pages by name: one that is as it was is left alone, one that is no longer there goes."""
    wanted = {f"{name}.md": text for name, text in found.items()}
    folder.mkdir(exist_ok=True)
    for path in folder.glob("*.md"):
        if path.name not in wanted:
            path.unlink()
    for name, text in wanted.items():
        path = folder / name
        if not path.exists() or path.read_text() != text:
            path.write_text(text)


def listing() -> str:
    """Every page with its first line, room by room."""
    lines, room = [], None
    for name in pages():
        module = importlib.import_module(DOOR if name == DOOR else f"{DOOR}.{name}")
        if name.split(".")[0] != room:
            room = name.split(".")[0]
            lines += ["", f"## {room}", ""]
        idea = (module.__doc__ or "").strip().split("\n")[0]
        idea = "".join(
            part if i % 2 else re.sub(r"([*_<\[\]|\\$])", r"\\\1", part)
            for i, part in enumerate(re.split(r"(`[^`]+`)", idea))
        )
        lines.append(f"- [{name}](api/{name}.md): {idea}" if idea else f"- [{name}](api/{name}.md)")
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
    section = literal = example = False
    for raw in lines:
        line = raw.rstrip()
        indented = line.startswith((" ", "\t"))
        if not line:
            out.append("")
        elif _SECTION.match(line):
            section, literal, example = True, False, line.startswith("Example")
            if out and out[-1]:
                out.append("")
            out.append(re.sub(r"^(Shapes?|Sources?):", "Note:", line))
        elif section and indented:
            out.append(line if example else _escape(line))
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
        source[0] = source[0].replace(MARK, listing())


def _outdated(app, env, added, changed, removed):
    return [name for name in env.found_docs if name == PAGES]  # the package may have changed


def _prepare(app, config):
    write_pages(Path(app.srcdir) / PAGES)
    config.html_search_scorer = str(Path(__file__).with_name("scorer.js"))


def setup(app):
    app.connect("config-inited", _prepare)  # before the contents are read, whose priority is 900
    app.connect("autodoc-process-docstring", _process, priority=100)  # before napoleon
    app.connect("autodoc-skip-member", _skip)
    app.connect("source-read", _fill)
    app.connect("env-get-outdated", _outdated)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
