"""Law 10: what the code computes is pinned, for everything that is registered."""

from dataclasses import asdict
from pathlib import Path

import pytest

import lfmp_core
from lfmp_core.embeddings import TABLES, full
from lfmp_core.embeddings.base import Table
from lfmp_core.experiments import numerics, pins, stamp
from lfmp_core.models.backbone import REGISTRY
from lfmp_core.models.recommenders import RECOMMENDERS
from lfmp_core.tasks import Clicks, TopItems

HERE = {"processor": "here", "packages": {}}
CASES = dict(numerics.cases())
ON_CLICKS = numerics.methods_on(Clicks)


def test_every_pin_holds():
    """Bits on the processor that made them, 1e-5 elsewhere; nothing registered is without one."""
    broken = {f.component: f.why for f in pins.examine_pins() if not f.holds}
    assert not broken, "if that is meant: lfmp numerics --renew"


def test_whatever_is_registered_has_a_case():
    for half in ("", ":bfloat16"):
        assert {f"backbone:{name}{half}" for name in REGISTRY} <= set(CASES)
        assert {f"table:{name}{half}" for name in TABLES} <= set(CASES)
        assert {f"method:{name}{half}" for name in ON_CLICKS} <= set(CASES)
        searching = set(ON_CLICKS) - set(stamp.SINGLE_PHASE)
        assert {f"search:{name}{half}" for name in searching} <= set(CASES)
    assert {f"method:{name}:pairs" for name in numerics.methods_on(TopItems)} <= set(CASES)
    assert set(stamp.OF_PAIRS) == set(RECOMMENDERS)
    assert {f"choice:{name}" for name in stamp.UNTRAINED} <= set(CASES)


def test_pins_are_made_under_the_locked_versions():
    """A lock that is raised renews the pins; else its bits would go under the old stamp."""
    lock = Path(lfmp_core.__file__).parents[1] / "requirements.lock"
    locked = dict(line.split("==") for line in lock.read_text().split() if "==" in line)
    for pin in pins.kept().values():
        for name, version in pin["made"]["packages"].items():
            assert version.split("+")[0] == locked[name].split("+")[0], "run: lfmp numerics --renew"


def changed(monkeypatch, component, *, by):
    """What the pin of a component says when the plain table's vectors are off by a factor."""
    before = asdict(CASES[component]()) | {"made": HERE}
    look_up = full.FullTable.forward
    monkeypatch.setattr(full.FullTable, "forward", lambda table, ids: look_up(table, ids) * (1 + by))
    return before, asdict(CASES[component]()) | {"made": HERE}


def test_a_rounding_error_changes_the_bits(monkeypatch):
    before, now = changed(monkeypatch, "backbone:dnn", by=2**-23)
    assert pins.problem("backbone:dnn", before, before) == ""
    assert "bits were" in pins.problem("backbone:dnn", before, now)
    elsewhere = now | {"made": {"processor": "another", "packages": {}}}
    assert pins.problem("backbone:dnn", before, elsewhere) == ""


def test_a_change_is_seen_on_another_processor(monkeypatch):
    before, now = changed(monkeypatch, "backbone:deepfm:bfloat16", by=0.5)
    elsewhere = now | {"made": {"processor": "another", "packages": {}}}
    assert "train_loss is off" in pins.problem("backbone:deepfm:bfloat16", before, elsewhere)


def test_a_new_table_without_a_pin_is_found(monkeypatch):
    monkeypatch.setitem(TABLES, "mine", TABLES["qr"])
    found = list(pins.examine_pins(["table:mine"]))
    names = ["table:mine", "table:mine:bfloat16", "table:mine:pairs"]
    assert [(f.component, f.state) for f in found] == [(name, "new") for name in names]
    assert not any(f.holds for f in found)


def test_renewing_writes_what_does_not_hold_and_nothing_else(monkeypatch, tmp_path):
    path = tmp_path / "numerics.json"
    path.write_text(pins.PINS.read_text())
    monkeypatch.setattr(pins, "PINS", path)
    before = pins.kept()
    assert pins.renew(list(pins.examine_pins(["table:sparse"]))) == []
    assert path.read_text() == stamp.PINS.read_text()  # the file is what `renew` writes
    made = before["table:sparse"] | {"bits": "0" * 12}
    changed = pins.PinResult("table:sparse", "changed", made, "its bits")
    gone = pins.PinResult("table:pair", "gone", before["table:pair"], "no such table")
    assert pins.renew([changed, gone]) == ["table:sparse", "table:pair"]
    after = pins.kept()
    assert {name for name in before if before[name] != after.get(name)} == {"table:sparse", "table:pair"}


@pytest.mark.parametrize("method", [m for m in ON_CLICKS if m not in ("table", "autodim")])
def test_tables_that_a_method_makes_are_in_its_stamp(method, monkeypatch):
    """Those that only methods make; what a method trains of the registered ones is its own pin."""
    kinds = {
        "SparseTable": "sparse",
        "SoftThresholdTable": "soft_threshold",
        "RaggedTable": "ragged",
        "FieldColumnsTable": "field_columns",
        "MaskedRows": "masked",
        "WatchedRows": "masked",
        "PairTable": "pair",
        "QuantisedTable": "quantised",
    }
    numerics._method.cache_clear()
    made, start = set(), Table.__init__
    monkeypatch.setattr(Table, "__init__", lambda table: (made.add(type(table).__name__), start(table))[1])
    CASES[f"method:{method}"]()
    named = {name.split(":")[0] for name in stamp.TABLES_OF.get(method, ())}
    assert {kinds[name] for name in made - {"FullTable"}} == named
