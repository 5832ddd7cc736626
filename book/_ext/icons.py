"""Icons as they are used: of the theme's 1.5 MB script and its three fonts, a few kilobytes are left.

The theme's style sheet can show every icon as a letter of a font. So its script, which draws the same icons
again, is not loaded (`_templates/layout.html`), and when the build is finished the fonts and the rules of the
style sheet are cut to the icons that some page or some rule of it shows.
"""

import re
from io import BytesIO
from pathlib import Path

from fontTools.subset import Options, Subsetter
from fontTools.ttLib import TTFont

SHEET = "styles/pydata-sphinx-theme.css"
FONTS = "vendor/fontawesome/webfonts"
SCRIPT = "scripts/fontawesome.js"
_RULE = re.compile(r'((?:\.fa-[a-z0-9-]+:before,?)+)\{content:"\\([0-9a-f]+)"\}')
_SOURCES = re.compile(r'src:url\(([^)]*?/)(fa-[a-z0-9-]+)\.woff2\) format\("woff2"\),url\([^)]*\.ttf\) [^}]*')
_LETTER = re.compile(r"\\([ef][0-9a-f]{3})(?![0-9a-f])|([\ue000-\uf8ff])")  # as an escape, or as it is


def named(page: str) -> set[str]:
    """Names of the icons that a page shows: its classes that begin with fa-."""
    return set(re.findall(r"\bfa-[a-z0-9-]+", page))


def cut_sheet(sheet: str, names: set[str]) -> str:
    """The style sheet with the rules of these icons only, and with one source for each font."""
    sheet = _RULE.sub(lambda m: m[0] if names & set(re.findall(r"fa-[a-z0-9-]+", m[1])) else "", sheet)
    return _SOURCES.sub(r'src:url(\1\2.woff) format("woff")', sheet)


def letters(sheet: str) -> set[int]:
    """Code points of the icons that a style sheet shows."""
    return {int(code, 16) if code else ord(letter) for code, letter in _LETTER.findall(sheet)}


def cut_font(font: bytes, points: set[int]) -> bytes:
    """The font with these code points only, as WOFF."""
    options = Options(flavor="woff", notdef_outline=True, hinting=False, layout_features=[])
    parsed = TTFont(BytesIO(font))
    subsetter = Subsetter(options)
    subsetter.populate(unicodes=points)
    subsetter.subset(parsed)
    parsed.flavor = "woff"
    out = BytesIO()
    parsed.save(out)
    return out.getvalue()


def _finish(app, exception):
    if exception is not None or app.builder.format != "html":
        return
    out = Path(app.outdir)
    static = out / "_static"
    if not (static / SHEET).exists():
        return
    names = set().union(*(named(p.read_text(errors="replace")) for p in out.rglob("*.html")))
    sheet = cut_sheet((static / SHEET).read_text(), names)
    (static / SHEET).write_text(sheet)
    others = "".join(p.read_text(errors="replace") for p in static.rglob("*.css"))
    for font in (static / FONTS).glob("*.ttf"):
        font.with_suffix(".woff").write_bytes(cut_font(font.read_bytes(), letters(others)))
    for unused in {
        *(static / FONTS).glob("*.ttf"),
        *(static / FONTS).glob("*.woff2"),
        *(static / SCRIPT).parent.glob("*.map"),
        *(static / SHEET).parent.glob("*.map"),
        *static.glob(SCRIPT),
        *static.glob(f"{SCRIPT}.LICENSE.txt"),
    }:
        unused.unlink()


def setup(app):
    app.connect("build-finished", _finish)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
