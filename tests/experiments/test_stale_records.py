"""Stamps of records: which are stale, what replaces them, and that nothing else does."""

import json
import os
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from fake_runs import computed, item, runner, single
from test_run_engine import go, leftovers
from test_search import grid as tpe_grid

from lfmp_core.errors import DataError
from lfmp_core.experiments import certificate, pins, pool, stamp
from lfmp_core.experiments.engine import run_item
from lfmp_core.experiments.items import Item
from lfmp_core.experiments.spec import RunSpec
from lfmp_core.experiments.stamp import comparable, components, outdated, stamp_of, tally_stale
from lfmp_core.settings import project_root


def spec(**changes):
    """As little of a run as its stamp asks for."""
    given = {"role": "final", "method": "no_selection", "method_settings": {}, "dataset": "criteo"}
    given |= {"backbone": {"name": "dnn"}, "training": {}, **changes}
    return SimpleNamespace(**{**given, "dataset": SimpleNamespace(name=given["dataset"])})


@pytest.fixture
def pinned(monkeypatch):
    """The committed digests, to be changed as if the code had."""
    digests = dict(stamp.present())
    monkeypatch.setattr(stamp, "present", lambda: digests)
    return digests


def test_a_run_uses_what_it_uses():
    half, regular = {"precision": "bfloat16", "progress": "either"}, {"batch_norm": True, "dropout": 0.2}
    dhe = spec(
        method="table",
        method_settings={"table": "dhe", "table_settings": {"hashes": 128}},
        backbone={"name": "dcn_mix", **regular},
        training=half,
    )
    assert components(dhe) == (
        "training:bfloat16",
        "method:table:bfloat16",
        "training:either:bfloat16",
        "table:dhe:bfloat16",
        "backbone:dcn_mix:regular:bfloat16",
    )
    printed = {"mask": {"parametrisation": "alpha", "constraint": "as_printed"}, "fold": False}
    gated = spec(
        method="light_fmp",
        method_settings={**printed, "continue_on": "rest", "subset": "coreset", "tolerance": None},
        backbone={"name": "xdeepfm"},
        dataset="ml-1m",
    )
    assert set(components(gated)) == {
        "training",
        "method:light_fmp",
        "search:light_fmp",
        "method:light_fmp:as printed",
        "search:light_fmp:as printed",
        "method:light_fmp:coreset",
        "search:light_fmp:coreset",
        "backbone:xdeepfm",
        "backbone:xdeepfm:narrow",
    }
    assert components(spec(role="choice", method="lasso")) == ("choice:lasso",)
    assert "training" in components(spec(role="choice", method="lpfs"))
    cached = spec(
        method="table", method_settings={"table": "tt_rec", "table_settings": {"cache_share": 0.01}}
    )
    assert {"method:pep", "search:pep"} < set(components(spec(method="pep")))
    assert {"table:tt_rec", "table:tt_rec:cached"} < set(components(cached))
    assert "table:sparse" in components(spec(method="pep"))


def test_every_committed_record_has_a_stamp_to_be_held_against():
    """No run of the book uses a component that is not pinned."""
    seen, lacking = set(), set()
    for path in (project_root() / "book" / "records").glob("*/*.json"):
        own = json.loads(path.read_text())["spec"]
        key = json.dumps([own[k] for k in ("role", "method", "method_settings", "backbone")])
        if (key, own["training"].get("precision")) not in seen:
            seen.add((key, own["training"].get("precision")))
            lacking |= {k for k, v in stamp_of(RunSpec(**own)).items() if v == stamp.UNPINNED}
    assert len(seen) > 500 and lacking == set()


def test_a_change_makes_stale_what_uses_it_and_nothing_else(store, log, pinned):
    pinned["method:none"] = "old"
    records = go(item(), store)
    assert tally_stale(records) == (0, {})
    assert all(record.certificate.numerics == stamp_of(record.spec) for record in records)
    pinned["method:none"] = "new"
    base = [record for record in records if record.spec.method == "none"]
    assert tally_stale(records) == (len(base), {"method:none": len(base)}) and 0 < len(base) < len(records)
    pinned["search:light"] = "told finer since"
    assert tally_stale(records)[0] == len(base)
    unstamped = base[0].model_copy(update={"certificate": None})
    assert outdated(unstamped) == ("no stamp",)
    assert comparable({"a": "1", "b": "2"}, {"b": "2", "c": "3"})
    assert not comparable({"a": "1", "b": "2"}, {"b": "9"})


def test_records_from_before_stamps_are_written_as_they_were(store, log):
    [record] = go(single(1), store)
    old = record.certificate.model_copy(update={"numerics": {}})
    assert "numerics" not in old.model_dump() and "numerics" in record.certificate.model_dump()
    assert certificate.Certificate(**old.model_dump()) == old


def test_only_a_current_record_replaces_a_stale_one(store, log, pinned):
    [record] = go(single(1), store)
    changed = record.model_copy(update={"metrics": {**record.metrics, "test_auc": 0.9}})
    logits = store.logits(record)
    with pytest.raises(DataError, match="never overwritten"):  # the old one is current
        store.put(changed, logits)
    pinned["training"] = "new"
    with pytest.raises(DataError, match="never overwritten"):  # the new one is as stale
        store.put(changed, logits)
    _, other = runner(record.spec)
    fresh, _ = pool.run_measured(lambda s: (changed, np.asarray(other) + 1), record.spec)
    store.put(fresh, np.asarray(other) + 1)
    assert store.get(record.spec).same_result(fresh) and not outdated(store.get(record.spec))
    np.testing.assert_allclose(store.logits(fresh), np.asarray(other) + 1, atol=1e-2)
    assert leftovers(store) == [] and list(store.verify()) == []


@pytest.mark.parametrize("killed", ["before the record", "after the record"])
def test_a_replacement_that_is_killed_leaves_the_old_one_or_the_new(store, log, pinned, monkeypatch, killed):
    [record] = go(single(1), store)
    pinned["training"] = "new"
    fresh, logits = pool.run_measured(lambda s: (record, np.ones(50)), record.spec)
    replace = os.replace

    def cut_off(source, target):
        at = Path(target).suffix == (".json" if killed == "before the record" else ".npy")
        if at and not Path(target).name.startswith("."):
            raise KeyboardInterrupt
        replace(source, target)

    monkeypatch.setattr(os, "replace", cut_off)
    with pytest.raises(KeyboardInterrupt):
        store.put(fresh, logits)
    monkeypatch.undo()
    there = store.get(record.spec)
    assert there.same_result(record if killed == "before the record" else fresh)
    assert len(store.logits(there)) == 50 and list(store.verify()) == []
    store.sweep(store.folder(there.spec))
    assert leftovers(store) == [] and len(store.logits(there)) == 50


def test_stale_runs_are_computed_anew_and_no_others(store, log, pinned):
    pinned["method:none"] = "old"
    records = go(item(), store)
    pinned["method:none"] = "new"
    assert len(go(item(), store)) == 20 and len(computed()) == 20  # unless they are asked for
    stale = [record.id for record in records if outdated(record)]
    path = store.path(next(r.spec for r in records if r.id == stale[0]))
    before = path.read_bytes()

    def interrupted(spec):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_item(item(), "quick", 1, store, progress=False, runner=interrupted, ids=stale[:1], stale=True)
    assert path.read_bytes() == before and leftovers(store) == []
    renewed = go(item(), store, stale=True)
    assert sorted(computed()[20:]) == sorted(stale) and tally_stale(renewed) == (0, {})
    # the search first, since it says which final runs there are
    roles = {r.id: r.spec.role for r in renewed}
    assert [roles[i] for i in computed()[20:]] == sorted((roles[i] for i in stale), reverse=True)


def test_what_a_search_proposed_stays(store, log, pinned):
    """A trial's score decided on the trials after it: renewed alone it would change what was searched."""
    pinned["training"] = "old"
    search = Item("demo", "demo", "d", {"quick": (tpe_grid(),)})
    records = go(search, store)
    pinned["training"] = "new"
    renewed = go(search, store, stale=True)
    assert [r.id for r in renewed] == [r.id for r in records]
    trials = {r.id for r in records if r.spec.role == "search"}
    finals = {r.id for r in records} - trials
    assert trials and finals and set(computed()[len(records) :]) == finals
    assert {r.id for r in renewed if outdated(r)} == trials


def test_status_names_items_and_causes(lfmp, pinned):
    pinned["method:light"] = "old"
    assert lfmp("run", "demo", "--workers", "1", "--no-progress")[0] == 0
    code, out, _ = lfmp("status", "--profile", "quick")
    assert code == 0 and out == "demo: 0 of 20 records are stale\n"
    pinned["method:light"] = "new"
    code, out, _ = lfmp("status", "demo", "--profile", "quick")
    assert code == 0 and "demo: 10 of 20 records are stale: method:light (10)" in out
    assert out.count("seed 1: method:light\n") == 2
    assert "anew: lfmp run demo --profile quick --stale" in out
    assert lfmp("run", "demo", "--workers", "1", "--no-progress", "--stale")[0] == 0
    assert "0 of 20 records are stale" in lfmp("status", "demo", "--profile", "quick")[1]
    assert lfmp("status", "demo", "--profile", "quik")[0] == 2


def test_the_stamp_file_is_the_one_that_is_committed():
    assert pins.PINS == stamp.PINS and {k: v["bits"] for k, v in pins.kept().items()} == stamp.present()
