"""The book whole without a network: formulas from local files, and no page that asks another host.

MathJax comes from the package sphinx-mathjax-offline; only the part that these pages use is copied (2 MB of
its 24). When the build is finished every page is read: a script, style, image, font or frame from another
host fails the build. Ordinary links are left alone, they ask for nothing until they are clicked.
"""

import re
from importlib.metadata import files
from pathlib import Path

from sphinx.errors import SphinxError
from sphinx.util.fileutil import copy_asset

MATHJAX = "sphinx-mathjax-offline/static/mathjax"
USED = ("tex-chtml.js", "output/chtml/fonts/woff-v2", "input/tex/extensions")

# Tags whose address the browser fetches by itself; <a> and <link rel="canonical"> are no such requests.
_FETCHING = re.compile(
    r"<(?P<tag>script|link|img|iframe|source|video|audio|embed|object)\b(?P<rest>[^>]*?)"
    r"\b(?P<attribute>src|href|data|srcset)\s*=\s*[\"']?(?P<address>(?:https?:)?//[^\s\"'>]+)",
    re.IGNORECASE,
)
_HARMLESS_LINK = re.compile(r"rel=[\"']?(canonical|license|author|next|prev|index|search)", re.IGNORECASE)
_CSS_FETCH = re.compile(
    r"(?:@import\s+|url\()\s*(?:url\()?[\"']?(?P<address>(?:https?:)?//[^\s\"')]+)", re.IGNORECASE
)


def outside_requests(text: str, kind: str = "html") -> list[str]:
    """Addresses on other hosts that a browser would fetch on showing this page or style sheet."""
    found = []
    if kind == "html":
        for match in _FETCHING.finditer(text):
            if not (
                match["tag"].lower() == "link" and _HARMLESS_LINK.search(match[0] + text[match.end() :][:80])
            ):
                found.append(match["address"])
    found += [m["address"] for m in _CSS_FETCH.finditer(text)] if kind == "css" else []
    return found


def _use_local_mathjax(app, config):
    config.mathjax_path = "mathjax/tex-chtml.js"


def _mathjax_folder() -> Path:
    for file in files("sphinx-mathjax-offline") or []:
        if str(file).endswith(f"{MATHJAX}/tex-chtml.js"):
            return Path(str(file.locate())).parent
    raise SphinxError("MathJax is missing: install sphinx-mathjax-offline (the extra `book`)")


def _finish(app, exception):
    if exception is not None or app.builder.format != "html":
        return
    out = Path(app.outdir)
    source, target = _mathjax_folder(), out / "_static" / "mathjax"
    for part in USED:
        copy_asset(source / part, target / part if (source / part).is_dir() else (target / part).parent)
    asking = [
        f"{page.relative_to(out)}: {address}"
        for kind in ("html", "css")
        for page in sorted(out.rglob(f"*.{kind}"))
        for address in outside_requests(page.read_text(errors="replace"), kind)
    ]
    if asking:
        raise SphinxError("pages that need a network:\n  " + "\n  ".join(asking))


def setup(app):
    app.connect("config-inited", _use_local_mathjax, priority=900)
    app.connect("build-finished", _finish)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
