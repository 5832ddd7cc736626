"""Knobs say what Python says, and figures are touched with the keyboard."""

import json
import math

import pytest
from built_book import LOOKED_AT, VIEWS

from lfmp_book.guide import size_knob, sure_knobs
from lfmp_book.lightfmp import gate_law
from lfmp_book.speed import large_tables

pytestmark = LOOKED_AT


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
SPEED = "book/executed/performance"


def test_a_large_table_agrees_with_python(look):
    page = look(SPEED, 390, "dark")
    found = turned(page, "large", ids=2 * 10**9, dim=10, sparsity=0.9, memory=32)
    training = large_tables.training_bytes(2 * 10**9, 10)
    assert found["training"] == training and found["processes"] == large_tables.shards(training, 32e9)
    wanted = {f: large_tables.unfilled(f, 2 * 10**9, 10, 0.9).num_bytes() for f in large_tables.FORMS}
    assert {form: found[form] for form in wanted} == wanted and page.heard == []


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
