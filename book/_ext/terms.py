"""Words in a sense of their own lead, where a page first uses them, to what they mean, and say it on hover.

They are those of the glossary under *Words of the tables* on the page on how to read; which uses of them are
meant is in `USES`. Linked are prose, answers and the notes below tables; not headings, code and other links.
"""

import re
from html import escape

from docutils import nodes

HOME = "book/how-to-read"
SECTION = "words-of-the-tables"
_OURS = r'(?:(?<=Light-FMP, ){0}|(?<=[“"]){0}(?=[”"]))'  # as an arm's name, or in quotation marks
USES = {
    "arm": re.compile(r"\barms?\b"),
    "block": re.compile(r"(?<=\d )blocks\b"),
    "as printed": re.compile(_OURS.format("as printed")),
    "2,000 rows": re.compile(_OURS.format("2,000 rows")),
    "one pass": re.compile(_OURS.format("one pass")),
    "stream": re.compile(_OURS.format("stream")),
    "random draws": re.compile(r"\b(?:blind|random|fresh) draws\b"),
    "scaled": re.compile(r"(?<=× )scaled\b|(?<=imes are )scaled\b|(?<=time )scaled\b"),
    "rows at par": re.compile(r"\b[Rr]ows at par\b"),
    **{short: re.compile(rf"\b{short}\b(?!-)") for short in ("PT", "CT", "TT", "IT")},
}
_BLOCKS = re.compile(r'<div class="lfmp-answer">.*?</div>|<p class="lfmp-note">.*?</p>', re.DOTALL)
_NOT_IN = (
    nodes.title | nodes.reference | nodes.literal | nodes.literal_block | nodes.math | nodes.raw | nodes.term
)


def first_use(text: str, seen: set[str]) -> tuple[str, re.Match[str]] | None:
    """The first use in a text of a term that was not seen before."""
    found = [
        (m.start(), term, m) for term, use in USES.items() if term not in seen and (m := use.search(text))
    ]
    return min(found)[1:] if found else None


def linked(html: str, seen: set[str], link) -> str:
    """Answers and notes of some HTML with first uses linked; what was linked is added to `seen`.

    Args:
        link: (term, its words) → the link as HTML.
    """

    def block(match: re.Match[str]) -> str:
        pieces = re.split(r"(<[^>]+>)", match[0])
        for n, piece in enumerate(pieces):
            done = ""
            while not piece.startswith("<") and (use := first_use(piece, seen)):
                term, where = use
                seen.add(term)
                done += piece[: where.start()] + link(term, where[0])
                piece = piece[where.end() :]
            pieces[n] = done + piece
        return "".join(pieces)

    return _BLOCKS.sub(block, html)


def definitions(env) -> dict[str, tuple[str, str]]:
    """Term → its anchor and what it means."""
    [section] = [s for s in env.get_doctree(HOME).findall(nodes.section) if SECTION in s["ids"]]
    found = {}
    for item in section.findall(nodes.definition_list_item):
        for term in item.findall(nodes.term):
            [meaning] = item.findall(nodes.definition)
            found[term.astext()] = (term["ids"][0], " ".join(meaning.astext().split()))
    return found


def _link(app, doctree, docname):
    if app.builder.format != "html" or docname == HOME or docname.startswith("book/api"):
        return
    if not hasattr(app.env, "lfmp_terms"):
        app.env.lfmp_terms = definitions(app.env) if HOME in app.env.found_docs else {}
    known, seen = app.env.lfmp_terms, set(USES) - set(app.env.lfmp_terms)
    home = app.builder.get_relative_uri(docname, HOME) if known else ""

    def as_html(term: str, words: str) -> str:
        anchor, meaning = known[term]
        return f'<a class="lfmp-term" href="{home}#{anchor}" title="{escape(meaning)}">{words}</a>'

    for node in list(doctree.findall(lambda n: isinstance(n, nodes.Text | nodes.raw))):
        if isinstance(node, nodes.raw):
            if "html" in node.get("format", "").split() and _BLOCKS.search(node.astext()):
                node.children = [nodes.Text(linked(node.astext(), seen, as_html))]
        elif node.parent is not None and not any(isinstance(p, _NOT_IN) for p in _parents(node)):
            text, parts = node.astext(), []
            while use := first_use(text, seen):
                term, where = use
                seen.add(term)
                anchor, meaning = known[term]
                uri = f"{home}#{anchor}"
                words = nodes.reference("", where[0], internal=True, refuri=uri, reftitle=meaning)
                words["classes"].append("lfmp-term")
                parts += [nodes.Text(text[: where.start()]), words]
                text = text[where.end() :]
            if parts:
                node.parent.replace(node, [*parts, nodes.Text(text)])


def _parents(node):
    while node := node.parent:
        yield node


def _forget(app, env):
    if hasattr(env, "lfmp_terms"):
        del env.lfmp_terms


def setup(app):
    app.connect("env-updated", _forget)
    app.connect("doctree-resolved", _link, priority=900)  # after tables are rewritten
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
