"""Tables are sorted, filtered, copied, taken apart, and lead to their records."""

import csv
import io
import re
from pathlib import Path
from urllib.parse import unquote, urlparse

import pytest
from built_book import LONG, LOOKED_AT, ROOT, VIEWS, pages, shown

pytestmark = LOOKED_AT


@pytest.mark.parametrize("name", [p for p in pages() if "executed" in p])
def test_what_is_copied_is_the_file(look, name):
    """Each table's button and the build write the same CSV, and a table's caption is its own."""
    page = look(name)
    for box in page.locator(".lfmp-table:has(table)").all():
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
    box.get_by_role("button", name="Full screen").click()
    back = box.get_by_role("button", name="Back to the page")
    back.wait_for()  # its name follows the event, which may come after the screen has changed
    assert page.evaluate("document.fullscreenElement.id") == "lfmp-table-1"
    back.click()
    box.get_by_role("button", name="Full screen").wait_for()
    assert page.evaluate("document.fullscreenElement === null")


def test_without_scripts_tables_are_whole(look):
    page = look(LONG, java_script_enabled=False)
    box = page.locator("#lfmp-table-1")
    assert box.locator("caption").inner_text() == "Criteo, DeepFM: test AUC and log-loss"
    assert box.locator("a.lfmp-csv").is_visible() and box.locator("button").count() == 0
