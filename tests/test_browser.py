"""The built book in a real browser, from its files and without a network.

It looks at `_build/html` as `make book` leaves it (`make browse`): on a phone and on a desk, light and
dark. Without a built book, without Chromium or without playwright there is nothing to see: it says so.
"""

import csv
import io
import json
import math
import re
import shutil
from pathlib import Path
from urllib.parse import unquote, urlparse

import pytest
import yaml

from lfmp_book.guide import size_knob, sure_knobs
from lfmp_book.lightfmp import gate_law

playwright = pytest.importorskip("playwright.sync_api", reason="without playwright no browser: make install")

ROOT = Path(__file__).parents[1]
SITE = ROOT / "_build" / "html"
STATIC = ROOT / "_static"
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
VIEWS = [(1440, "light"), (1440, "dark"), (390, "light"), (390, "dark")]
LONG = "book/executed/lers_table5_ctr"  # the page with the most tables, and the widest
A4 = 703  # CSS pixels between the margins of a page


def _unseen() -> str | None:
    if not CHROMIUM:
        return "no Chromium on this machine: apt-get install chromium"
    if not (SITE / "index.html").exists():
        return "no built book: make book"
    if any((SITE / "_static" / p.name).read_bytes() != p.read_bytes() for p in STATIC.iterdir()):
        return "the built book is older than _static: make html"
    return None


pytestmark = [pytest.mark.skipif(bool(_unseen()), reason=_unseen() or ""), pytest.mark.slow]


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


@pytest.fixture(scope="module")
def browser():
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def look(browser):
    """Open a page; what its console said and what it asked for is in its `heard`."""
    contexts = []

    def look(name, width=1440, scheme="light", **more):
        context = browser.new_context(
            viewport={"width": width, "height": 900}, color_scheme=scheme, offline=True, **more
        )
        contexts.append(context)
        context.grant_permissions(["clipboard-read", "clipboard-write"])
        page = context.new_page()
        page.heard = []
        page.on("pageerror", lambda error: page.heard.append(f"error: {error}"))
        # a request that the way to another page cut off has not failed
        page.on(
            "requestfailed",
            lambda r: r.failure == "net::ERR_ABORTED" or page.heard.append(f"failed: {r.url}"),
        )
        page.on(
            "request", lambda r: r.url.startswith(("file:", "data:", "blob:")) or page.heard.append(r.url)
        )
        page.on("console", lambda m: m.type in ("error", "warning") and page.heard.append(m.text))
        page.goto((SITE / f"{name}.html").as_uri())
        page.wait_for_load_state("load")
        return page

    yield look
    for context in contexts:
        context.close()


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


@pytest.mark.parametrize("name", [p for p in pages() if "executed" in p])
def test_what_is_copied_is_the_file(look, name):
    """Each table's button and the build write the same CSV, and a table's caption is its own."""
    page = look(name)
    for box in page.locator(".lfmp-table").all():
        address = box.locator("a.lfmp-csv").evaluate("link => link.href")
        file = Path(unquote(urlparse(address).path))
        if not box.locator("tbody tr").count():
            continue
        if (whole := box.locator(".lfmp-tabs button", has_text="all")).count():
            whole.evaluate("button => button.click()")
        box.locator(".lfmp-copy").evaluate("button => button.click()")
        box.locator(".lfmp-take .lfmp-said", has_text="Copied").wait_for(state="attached")
        assert page.evaluate("navigator.clipboard.readText()") == file.read_text(), file.name
        rows = list(csv.reader(io.StringIO(file.read_text())))
        assert len(rows) == 1 + box.locator("tbody tr").count() and len({len(r) for r in rows}) == 1
        assert box.locator("table > caption").count() <= 1 and box.locator("p.lfmp-caption").count() == 0


def shown(box) -> list[list[str]]:
    """The rows that are shown, in their order, with the cells that are shown."""
    script = """table => [...table.tBodies[0].rows].filter(r => !r.hidden).map(
        r => [...r.cells].filter(c => !c.hidden).map(c => c.innerText.trim()))"""
    return box.locator("table").evaluate(script)


@pytest.mark.parametrize(("width", "scheme"), VIEWS)
def test_a_table_is_sorted_by_its_figures_with_the_keyboard(look, width, scheme):
    page = look(LONG, width, scheme)
    box = page.locator("#lfmp-table-1")
    before = shown(box)
    head = box.locator("thead tr:last-child > *").nth(4)
    head.locator("button").focus()

    def mean(row):
        return float(row[4].split()[0])

    for state, order in (("ascending", sorted), ("descending", lambda v: sorted(v, reverse=True))):
        page.keyboard.press("Enter")
        assert head.get_attribute("aria-sort") == state
        means = [mean(row) for row in shown(box)]
        assert means == order(means) and len(means) == len(before)
    page.keyboard.press("Enter")
    assert head.get_attribute("aria-sort") is None and shown(box) == before
    box.locator("thead tr:last-child button").nth(6).click()  # what has no figure comes last
    assert [row[6] for row in shown(box)].index("–") >= len([r for r in before if r[6] != "–"])


@pytest.mark.parametrize(("width", "scheme"), VIEWS)
def test_a_long_table_is_filtered_and_copied_as_shown(look, width, scheme):
    page = look(LONG, width, scheme)
    box = page.locator("#lfmp-table-1")
    part = shown(box)
    box.locator(".lfmp-filter").fill("TT-rec 80%")  # what is asked for is sought in all parts
    found = shown(box)
    box.locator(".lfmp-filter").fill("")
    assert shown(box) == part
    box.locator(".lfmp-tabs").get_by_role("button", name="all").click()
    everything = shown(box)
    box.locator(".lfmp-filter").fill("TT-rec 80%")
    assert found == shown(box)
    rows = shown(box)
    assert rows == [r for r in everything if "TT-Rec" in " ".join(r) and "80%" in " ".join(r)] and rows
    assert box.locator(".lfmp-tools [role=status]").inner_text() == f"{len(rows)} of {len(everything)}"
    box.locator(".lfmp-copy").click()
    copied = list(csv.reader(io.StringIO(page.evaluate("navigator.clipboard.readText()"))))
    assert [r[1] for r in copied[1:]] == [r[1] for r in rows]
    box.locator(".lfmp-filter").fill("")
    assert shown(box) == everything


@pytest.mark.parametrize(("width", "scheme"), [(1440, "light"), (390, "dark")])
def test_a_table_of_many_rows_is_shown_part_by_part(look, width, scheme):
    """Each part with the rows that all parts are held against; on paper all rows stand."""
    page = look(LONG, width, scheme)
    box = page.locator("#lfmp-table-1")
    tabs = box.locator(".lfmp-tabs button")
    assert tabs.all_inner_texts() == ["t 50%", "t 80%", "t 95%", "all"]
    tabs.last.focus()
    page.keyboard.press("Enter")
    everything = shown(box)
    for tab, t in zip(tabs.all()[:3], ("50%", "80%", "95%"), strict=True):
        tab.click()
        assert tab.get_attribute("aria-pressed") == "true"
        rows = shown(box)
        assert rows == [r for r in everything if r[0] in (t, "0%", "own")] and "Original" in rows[0][1]
    page.emulate_media(media="print")
    assert box.locator("tbody tr:visible").count() == len(everything)


@pytest.mark.parametrize(("width", "scheme"), [(1440, "light"), (390, "dark")])
def test_a_mean_leads_to_its_records(look, width, scheme):
    """With a tap or the keyboard: as many runs as the cell is of, each with its id and commit."""
    page = look(LONG, width, scheme)
    box = page.locator("#lfmp-table-1")
    box.locator(".lfmp-records").focus()
    page.keyboard.press("Enter")
    card = box.locator(".lfmp-runs")
    card.wait_for()
    cell = box.locator("td.lfmp-asked")
    mean, spread = (float(x) for x in cell.inner_text().split("±"))
    seen = page.evaluate("document.activeElement.dataset.runs")
    lines = card.locator("li").all_inner_texts()
    assert len(lines) == len(seen.split()) > 1
    records = {p.stem for p in (ROOT / "book" / "records").glob("*/*.json")}
    assert all(line.split()[0] in records and "commit" in line for line in lines)
    values = [float(re.search(r"AUC ([\d.]+)", line)[1]) for line in lines]
    assert abs(sum(values) / len(values) - mean) < 1e-4 and spread < 0.1
    assert "lfmp run" in card.inner_text()
    link = card.locator("a")
    rows = csv.DictReader(io.StringIO(Path(unquote(urlparse(link.evaluate("a => a.href")).path)).read_text()))
    assert {line.split()[0] for line in lines} <= {row["id"] for row in rows}
    page.keyboard.press("ArrowDown")
    below = box.locator("td.lfmp-asked")
    assert below.evaluate("c => c === document.activeElement") and below.get_attribute("data-runs") != seen
    page.keyboard.press("Escape")
    card.wait_for(state="hidden")
    box.locator("td:focus").click()
    card.wait_for()
    assert page.heard == []


@pytest.mark.parametrize(("width", "scheme"), VIEWS)
def test_sentences_are_chosen_and_unfold_over_the_whole_width(look, width, scheme):
    page = look("book/executed/claims", width, scheme)
    box = page.locator("#lfmp-table-1")
    everything = shown(box)
    verdict, paper = (box.get_by_label(f"{name}, rows of") for name in ("verdict", "paper"))
    verdict.select_option("does not hold")
    paper.select_option("Light-FMP")
    rows = shown(box)
    assert rows == [r for r in everything if r[1] == "does not hold" and r[-2] == "Light-FMP"] and rows
    assert box.locator(".lfmp-tools [role=status]").inner_text() == f"{len(rows)} of {len(everything)}"
    fold = box.locator("tbody tr:not([hidden]) .lfmp-fold summary").first
    fold.focus()
    page.keyboard.press("Enter")
    more = box.locator("tr.lfmp-more")
    more.wait_for()
    assert more.locator("td").evaluate("cell => cell.colSpan") == len(rows[0])
    assert more.locator("a").count() or more.inner_text().strip()
    fold.focus()
    page.keyboard.press("Enter")
    more.wait_for(state="detached")
    for menu in (verdict, paper):
        menu.select_option("")
    assert shown(box) == everything


@pytest.mark.parametrize(("width", "scheme"), VIEWS)
def test_columns_are_chosen_one_by_one_or_by_their_group(look, width, scheme):
    page = look(LONG, width, scheme)
    box = page.locator("#lfmp-table-1")
    columns = len(shown(box)[0])
    summary = box.locator(".lfmp-columns summary")
    summary.focus()
    page.keyboard.press("Enter")
    group = box.get_by_role("checkbox", name="paper")
    group.uncheck()
    assert len(shown(box)[0]) == columns - 2
    assert box.locator("thead tr:first-child > :visible", has_text="paper").count() == 0
    box.get_by_role("checkbox", name="log-loss").nth(1).uncheck()
    assert len(shown(box)[0]) == columns - 3
    over = box.locator("thead tr:first-child > th", has_text="reference")
    assert over.evaluate("cell => cell.colSpan") == 3
    page.keyboard.press("Escape")
    assert not box.locator(".lfmp-columns").evaluate("menu => menu.open")
    assert summary.evaluate("s => s === document.activeElement")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_method_stays_in_sight_on_a_phone(look, scheme):
    page = look(LONG, 390, scheme)
    frame = page.locator("#lfmp-table-1 .lfmp-scroll")
    frame.evaluate("f => f.scrollLeft = 400")
    left = frame.bounding_box()["x"]
    cell = page.locator("#lfmp-table-1 tbody tr").nth(3).locator("td").nth(1)
    assert cell.inner_text() == "TT-Rec" and abs(cell.bounding_box()["x"] - left) < 2
    caption = page.locator("#lfmp-table-1 caption span").bounding_box()
    assert abs(caption["x"] - left) < 2 and caption["width"] <= 390


def test_a_wide_table_fills_the_screen_and_comes_back(look):
    page = look(LONG)
    box = page.locator("#lfmp-table-1")
    button = box.locator(".lfmp-whole")
    button.click()
    page.wait_for_function("document.fullscreenElement !== null")
    assert button.inner_text() == "Back to the page"
    button.click()
    page.wait_for_function("document.fullscreenElement === null")
    assert button.inner_text() == "Full screen"


def test_without_scripts_tables_are_whole(look):
    page = look(LONG, java_script_enabled=False)
    box = page.locator("#lfmp-table-1")
    assert box.locator("caption").inner_text() == "Criteo, DeepFM: test AUC and log-loss"
    assert box.locator("a.lfmp-csv").is_visible() and box.locator("button").count() == 0


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


# ---- knobs and figures that can be touched


def turned(page, kind, **to):
    """A knob of a page set to values by the names of its controls, and its figures by their names."""
    box = page.locator(f'[data-knob="{kind}"]').first
    for name, value in to.items():
        control = box.locator(f'[name="{name}"]')
        if control.evaluate("c => c.tagName") == "SELECT":
            control.select_option(str(value))
        else:
            control.evaluate("(c, v) => { c.value = v; c.dispatchEvent(new Event('input')); }", str(value))
    script = "all => Object.fromEntries(all.map(e => [e.dataset.name, Number(e.dataset.value)]))"
    return box.locator("[data-name]").evaluate_all(script)


WALK, DECIDE = "book/executed/lightfmp_walkthrough", "book/executed/decide"
SIZES = "book/executed/lightfmp_fig2d_pretrain_size"


@pytest.mark.parametrize(("width", "scheme"), [(1440, "light"), (390, "dark")])
def test_knobs_agree_with_python(look, width, scheme):
    """As a reader turns them; the formulas by themselves are in `test_knobs`."""
    page = look(WALK, width, scheme)
    found = turned(page, "gate", log_alpha=1.5, beta=0.4, gamma=-0.2, zeta=1.3)
    law = gate_law.GateLaw(1.5, 0.4, -0.2, 1.3)
    assert all(abs(found[k] - getattr(law, k)) < 1e-9 for k in ("closed", "open", "mean", "still"))
    found = turned(page, "equation", tau=0.25)
    printed, repaired = (gate_law.settles(reading, 0.25) for reading in ("as_printed", "expected"))
    assert abs(found["printed_closed"] - printed.closed) < 1e-9
    assert abs(found["repaired_closed"] - repaired.closed) < 1e-9
    assert page.heard == []

    page = look(DECIDE, width, scheme)
    found = turned(page, "bytes", sizes="3, 40\n500 1,200", dim=16, sparsity=0.8, bits=4, hashes=16)
    made = {f: size_knob.made(f, (3, 40, 500, 1200), 16, 0.8, 4, 16).num_bytes() for f in size_knob.FORMS}
    assert {form: found[form] for form in made} == made and found["ids"] == 1743
    found = turned(page, "interval", rows=50_000, rate=0.2, auc=0.8, together=0.9)
    one, pair = sure_knobs.half_interval(0.8, 50_000, 0.2, 0.9)
    assert abs(found["one"] - one) < 1e-12 and abs(found["pair"] - pair) < 1e-12
    assert found["needed"] == sure_knobs.rows_needed(0.8, 0.2, 0.9, 0.001)
    held = page.locator('[data-knob="margin"] .lfmp-still tbody tr').all()
    heads = page.locator('[data-knob="margin"] .lfmp-still thead th').evaluate_all(
        "heads => heads.map(h => h.textContent)"
    )
    assert len(held) > 2
    for row in held:  # the still table was counted in Python
        line, *counts = row.locator("td").evaluate_all("cells => cells.map(c => c.textContent)")
        found = turned(page, "margin", line=math.log10(float(line.split()[1])))
        assert [found[word] for word in heads[1:]] == [int(c) for c in counts], line
    assert page.heard == []


@pytest.mark.parametrize(("width", "scheme"), [(1440, "light"), (390, "dark")])
def test_each_slice_is_a_row_of_the_still_table(look, width, scheme):
    page = look(SIZES, width, scheme)
    rows = page.locator('[data-knob="slices"] .lfmp-still tbody tr').evaluate_all(
        "rows => rows.map(r => [...r.cells].map(c => c.textContent))"
    )
    data = json.loads(page.locator('[data-knob="slices"] > script').inner_text())
    arms = list(dict.fromkeys(one["arm"] for one in data["slices"]))
    taus = sorted({one["tau"] for one in data["slices"]})
    for row in rows:
        found = turned(page, "slices", arm=arms.index(row[0]), tau=taus.index(float(row[3])))
        assert f"{found['auc']:.4f}" == row[4].split()[0]
    missing = next((a, t) for a in arms for t in taus if [a, f"{t:.2f}"] not in [[r[0], r[3]] for r in rows])
    turned(page, "slices", arm=arms.index(missing[0]), tau=taus.index(missing[1]))
    assert "No run has" in page.locator('[data-knob="slices"] .lfmp-found').inner_text()
    assert page.heard == []


@pytest.mark.parametrize(("width", "scheme"), VIEWS)
def test_a_front_is_touched_with_the_keyboard(look, width, scheme):
    page = look(DECIDE, width, scheme)
    box = page.locator('[data-knob="front"]').first
    points = box.locator(".lfmp-point")
    count = points.count()
    assert count > 40 and box.locator('.lfmp-point[tabindex="0"]').count() == 1
    box.locator('.lfmp-point[tabindex="0"]').focus()
    tip = box.locator(".lfmp-tip")
    first = tip.inner_text()
    page.keyboard.press("ArrowRight")
    assert tip.is_visible() and tip.inner_text() != first and "[" in tip.inner_text()
    page.keyboard.press("End")
    page.keyboard.press("Escape")
    assert tip.is_hidden()
    box.get_by_role("checkbox", name="composed", exact=True).uncheck()
    assert 0 < points.count() < count
    best = box.locator('[data-name="front"]')
    before = best.inner_text()
    box.get_by_label("across", exact=True).select_option("share")
    assert best.inner_text() != before
    box.get_by_label("shown", exact=True).select_option("1")
    assert points.count() > 0 and page.heard == []
    assert box.locator(".lfmp-still img").is_hidden()
    page.emulate_media(media="print")
    assert box.locator(".lfmp-still img").is_visible() and points.first.is_hidden()


def test_without_scripts_knobs_say_what_they_would(look):
    page = look(DECIDE, java_script_enabled=False)
    for kind in ("front", "bytes", "interval", "margin"):
        box = page.locator(f'[data-knob="{kind}"]').first
        assert box.locator(".lfmp-still > *").first.is_visible() and box.locator("input").count() == 0


@pytest.mark.parametrize("name", ["book/how-to-read", "book/executed/status"])
def test_pages_without_knobs_load_none(look, name):
    scripts = look(name).evaluate("[...document.scripts].map(s => s.src)")
    assert not [s for s in scripts if "knob-" in s or s.endswith("touch.js")]
