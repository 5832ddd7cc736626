"""The built book, looked at in a real browser from its files and without a network.

It is `_build/html` as `make book` leaves it (`make browse`): on a phone and on a desk, light and dark.
Without a built book, without Chromium or without playwright there is nothing to see: the tests say so.
"""

import shutil
from importlib.util import find_spec
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]
SITE = ROOT / "_build" / "html"
STATIC = ROOT / "_static"
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
VIEWS = [(1440, "light"), (1440, "dark"), (390, "light"), (390, "dark")]
LONG = "book/executed/lers_table5_ctr"  # the page with the most tables, and the widest
A4 = 703  # CSS pixels between the margins of a page


def unseen() -> str | None:
    """Why there is nothing to look at; None where there is."""
    if not find_spec("playwright"):
        return "without playwright no browser: make install"
    if not CHROMIUM:
        return "no Chromium on this machine: apt-get install chromium"
    if not (SITE / "index.html").exists():
        return "no built book: make book"
    if any((SITE / "_static" / p.name).read_bytes() != p.read_bytes() for p in STATIC.iterdir()):
        return "the built book is older than _static: make html"
    return None


LOOKED_AT = [pytest.mark.skipif(bool(unseen()), reason=unseen() or ""), pytest.mark.slow]


def pages() -> list[str]:
    """Every page of the contents; of the package's pages the list and one."""
    contents = yaml.safe_load((ROOT / "_toc.yml").read_text())
    files = [chapter["file"] for part in contents["parts"] for chapter in part["chapters"]]
    return [
        contents["root"],
        *files,
        "book/api/surgery",
        "book/methods/qr",
        "book/methods/light_fmp",
        "search",
        "genindex",
    ]


def shown(box) -> list[list[str]]:
    """The rows that are shown, in their order, with the cells that are shown."""
    script = """table => [...table.tBodies[0].rows].filter(r => !r.hidden).map(
        r => [...r.cells].filter(c => !c.hidden).map(c => c.innerText.trim()))"""
    return box.locator("table").evaluate(script)
