"""Every page opens by itself, fits, has no barrier, and prints whole."""

import json

import pytest
from built_book import A4, LONG, LOOKED_AT, VIEWS, pages

pytestmark = LOOKED_AT


@pytest.mark.parametrize("name", pages())
def test_a_page_opens_by_itself_and_fits(look, name):
    """Nothing on the console, nothing from outside, no page wider than its window, and no flash of the other
    theme: the page is dark before its body is there."""
    for width, scheme in VIEWS:
        page = look(name, width, scheme)
        assert page.heard == [], (width, scheme)
        assert page.evaluate("document.documentElement.dataset.theme") == scheme
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        assert page.locator("meta[name=viewport]").count() == 1
        described = page.evaluate("document.querySelector('meta[name=description]')?.content ?? ''")
        assert len(described) > 20 or name == "search"
        icons = page.evaluate("[...document.querySelectorAll('[class*=fa-]')].map(i => i.offsetWidth)")
        assert len(icons) > 3


@pytest.mark.parametrize(("width", "scheme"), [(1440, "light"), (390, "dark")])
@pytest.mark.parametrize("name", pages())
def test_a_page_has_no_barrier(look, name, width, scheme):
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="without axe: make install")
    found = axe.Axe().run(look(name, width, scheme)).response["violations"]
    assert [(v["id"], v["impact"], v["nodes"][0]["html"][:200]) for v in found] == []


def test_the_first_file_leads_to_the_book(look):
    page = look("index")
    page.wait_for_url("**/book/intro.html")
    assert page.heard == [] and page.title() == "Light by design? What can be removed from a recommender"
    assert page.locator("h1:visible").count() == 1


@pytest.mark.parametrize("name", [LONG, "book/executed/claims", "book/executed/lightfmp_table2_overall"])
def test_paper_shows_tables_whole_and_no_code(look, name):
    page = look(name, A4)
    page.emulate_media(media="print")
    assert page.locator("div.cell_input:visible").count() == 0
    assert page.locator(".lfmp-tools:visible, .lfmp-take:visible").count() == 0
    right = page.evaluate(
        "[...document.querySelectorAll('table.lfmp')].map(t => t.getBoundingClientRect().right)"
    )
    assert max(right) <= A4 + 1, json.dumps(right)
