"""What each page says of itself and what it loads: title, description, scripts it needs, the front door.

The description is the page's first paragraph. Jupyter Book loads a client for running cells on somebody's
server (twice, so that the second copy fails) and formulas on pages without any: neither is loaded here.
"""

import re
from html import escape, unescape
from pathlib import Path

from docutils import nodes
from sphinx.writers.html5 import HTML5Translator

LONGEST = 200  # letters of a description; search pages cut there
_VIEWPORT = re.compile(r'<meta[^>]*name="viewport"[^>]*>')
_THEBE = re.compile("thebe", re.IGNORECASE)
_FORMULAS = re.compile("mathjax", re.IGNORECASE)
# scripts of what can be touched (show/touch.py), and by which mark a page has need of one
_KNOB = re.compile(r"\bknob-(\w+)\.js")
_HELD = re.compile(r'class="lfmp-touch" data-knob="(\w+)"')
_ALSO = {"equation": {"gate"}, "large": {"bytes"}}  # what a knob's script needs besides its own

INDEX = """<!DOCTYPE html>
<html lang="{language}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<meta name="description" content="{description}">
<meta http-equiv="refresh" content="0; url={first}">
<link rel="icon" href="{icon}">
</head>
<body><main><h1>{title}</h1><p>{description}</p><p><a href="{first}">Open the book</a></p></main></body>
</html>
"""


def shortened(text: str, longest: int = LONGEST) -> str:
    """The text on one line; one that is too long ends with its last whole sentence, or word and …"""
    text = " ".join(text.split())
    if len(text) <= longest:
        return text
    head = text[: longest - 1]
    end = max(head.rfind(mark) for mark in (". ", "? ", "! "))
    return head[: end + 1] if end > longest // 2 else head[: head.rfind(" ")].rstrip(",;:") + "…"


def description(doctree) -> str:
    """The first paragraph of a page's own prose; empty when there is none."""
    for paragraph in doctree.findall(nodes.paragraph) if doctree else ():
        # a note, a cell or a table is no prose of the page
        if not any(isinstance(p, nodes.Admonition | nodes.table) for p in _parents(paragraph)):
            return shortened(paragraph.astext())
    return ""


def _parents(node):
    while node := node.parent:
        yield node


def wanted(files, unwanted: re.Pattern):
    """Scripts or style sheets without the unwanted ones; what is there twice comes once."""
    seen = set()
    for file in files:
        said = (str(file.filename or ""), file.attributes.get("body", ""))
        if said not in seen and not any(unwanted.search(word) for word in said):
            seen.add(said)
            yield file


def knobs(body: str) -> set[str]:
    """The kinds of what can be touched on a page, with those that their scripts need."""
    found = set(_HELD.findall(body))
    return found.union(*(_ALSO.get(kind, set()) for kind in found))


def untouched(files, kinds: set[str]):
    """Scripts without those of knobs that a page has not; without any it needs none of what they share."""
    for file in files:
        name = str(file.filename or "")
        knob = _KNOB.search(name)
        if (knob[1] in kinds) if knob else (kinds or not name.endswith("touch.js")):
            yield file


def _head(app, pagename, templatename, context, doctree):
    front = pagename == app.config.root_doc
    title = unescape(re.sub("<[^>]+>", "", context.get("title") or ""))
    context["full_title"] = app.config.html_title if front else f"{title} · {app.config.html_short_title}"
    context["description"] = description(doctree) or app.config.html_title
    context["metatags"] = _VIEWPORT.sub("", context.get("metatags") or "")  # the theme's layout has one
    formulas = doctree is not None and any(
        doctree.findall(lambda n: isinstance(n, nodes.math | nodes.math_block))
    )
    unwanted = _THEBE if formulas else re.compile(f"{_THEBE.pattern}|{_FORMULAS.pattern}", re.IGNORECASE)
    for kind in ("script_files", "css_files"):
        context[kind] = list(wanted(context[kind], unwanted))
    context["script_files"] = list(untouched(context["script_files"], knobs(context.get("body", ""))))


def _visit_citation(self, node):
    """docutils gives each entry a role that lists may not hold, and that browsers have given up."""
    HTML5Translator.visit_citation(self, node)
    self.body[-1] = self.body[-1].replace("doc-biblioentry", "listitem")


def _index(app, exception):
    """The folder's index leads to the first page; Jupyter Book's own has neither language nor title."""
    if exception is None and app.builder.format == "html" and app.config.root_doc != "index":
        text = INDEX.format(
            language=app.config.language,
            title=escape(app.config.html_title),
            description=escape(description(app.env.get_doctree(app.config.root_doc))),
            first=app.builder.get_target_uri(app.config.root_doc),
            icon=f"_static/{Path(app.config.html_favicon).name}",
        )
        (Path(app.outdir) / "index.html").write_text(text)


def setup(app):
    app.add_node(nodes.citation, override=True, html=(_visit_citation, HTML5Translator.depart_citation))
    app.connect("html-page-context", _head, priority=900)
    app.connect("build-finished", _index, priority=900)  # after the one who writes a bare page there
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
