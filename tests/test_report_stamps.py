"""Pages never mix numerics: a cell has one stamp, arms are compared where their stamps agree."""

import pandas as pd
import pytest
from test_report_draws import fill, grid, opened  # noqa: F401

from lfmp_book.evidence import draws, results
from lfmp_book.evidence.stamps import made_from, stamps_of, unmixed
from lfmp_book.show.html import Spread, table
from lfmp_core.experiments import stamp
from lfmp_core.experiments.certificate import certify
from lfmp_core.experiments.stamp import stamp_of
from lfmp_core.experiments.store import Store


@pytest.fixture
def pinned(monkeypatch):
    digests = {"training": "now", "method:new": "now", "method:small": "now", "backbone:dnn": "now"}
    monkeypatch.setattr(stamp, "present", lambda: digests)
    return digests


def stamped(folder, own, old):
    """The records of a grid; `old` says what of a run's stamp is another than the present one."""
    plain, made = fill(folder / "plain", own), Store(folder / "stamped")
    for number, spec in enumerate(own.plan(plain)):
        record = plain.get(spec)
        numerics = {name: old(spec).get(name, bits) for name, bits in stamp_of(spec).items()}
        started = f"2026-01-01T00:00:{number:02d}"
        mark = certify(spec.command, started=started, seconds=1.0, threads=1, numerics=numerics)
        made.put(record.model_copy(update={"certificate": mark}), plain.logits(record))
    return made


def rows_of(own, made, arm):
    frame = results.frame([own], made)
    return frame[(frame.arm == arm) & (frame.backbone == "dnn") & (frame.budget == 0.5)]


def test_a_cell_shows_the_current_runs_if_there_is_any(tmp_path, pinned):
    own = grid(seeds=(0, 1, 2))
    made = stamped(tmp_path, own, lambda spec: {"method:new": "old"} if spec.seed < 2 else {})
    new, small = rows_of(own, made, "new"), rows_of(own, made, "small")
    assert new.seed.tolist() == [2] and not new.stale.any()
    assert small.seed.tolist() == [0, 1, 2]
    for frame in (new, small):
        assert all(numerics == frame.numerics.iloc[0] for numerics in frame.numerics)


def test_else_those_of_one_old_stamp_marked(tmp_path, pinned):
    """Of the two stamps with two runs each the newer one."""
    own = grid(seeds=(0, 1, 2, 3, 4))
    old = {0: "oldest", 1: "older", 2: "older", 3: "old", 4: "old"}
    made = stamped(tmp_path, own, lambda spec: {"method:new": old[spec.seed]})
    new = rows_of(own, made, "new")
    assert new.seed.tolist() == [3, 4] and new.stale.all()
    assert not rows_of(own, made, "small").stale.any()


def test_arms_are_compared_where_their_stamps_agree(tmp_path, pinned, opened):  # noqa: F811
    """`new` shares the training with all, so one stale by it has no partner; one stale by itself has."""
    own = grid(seeds=(0,), backbones=({"name": "dnn"},))

    def pairs(old):
        made = stamped(tmp_path / next(iter(old.values())), own, lambda s: old if s.method == "new" else {})
        [found] = draws.draw(results.finals([own], made), made, draws=5)
        rows = results.comparisons([own], [found], against=("whole", "small"))
        return {(r["arm"], r["against"]) for r in rows}, found, results.frame([own], made), rows

    alone, found, _, _ = pairs({"method:new": "old"})
    assert {("new", "whole"), ("new", "small"), ("small", "whole")} == alone
    assert found.agreeing() == set(found.runs)
    mixed, found, frame, rows = pairs({"training": "older"})
    assert mixed == {("small", "whole")}
    assert found.agreeing() == {key for key in found.runs if key[1] != "new"}
    draws.save_draws(tmp_path / "kept.npz", [found])
    kept = draws.load_draws(tmp_path / "kept.npz")["planted"]
    assert kept.stamped(stamps_of(frame)).agreeing() == found.agreeing() < kept.agreeing()
    # a comparison that was kept before its records had stamps is not shown
    ids = [i for (_, arm, t), own in found.runs.items() if t in (0.0, 0.5) and arm != "small" for i in own]
    old = pd.DataFrame([*rows, {"ids": ids, "arm": "new"}])
    assert "new" in set(old.arm) and "new" not in set(unmixed(old, stamps_of(frame)).arm)
    # and what was kept of them still belongs to the records at hand
    assert made_from(pd.DataFrame(rows), frame)


def test_a_control_that_nobody_is_held_against_does_not_hide_comparisons():
    """Records at hand are those of then; one of another backbone has no partner."""
    rows = pd.DataFrame({"ids": [["a", "b"]]})
    records = pd.DataFrame({"id": ["a", "b", "control"]})
    assert not made_from(rows, records)
    then = dict.fromkeys(("a", "b", "control"), "1")
    assert made_from(rows, records, then)
    assert not made_from(rows, records, {"a": "1", "b": "1"}) and not made_from(rows, records, {})
    assert not made_from(rows, records[1:], {"b": "1", "control": "1"})
    # a record that was replaced under its id, also one that is in no comparison
    known = records.assign(logits="1")
    rows["contents"] = None
    assert made_from(rows, known, then)
    assert not made_from(rows, known, then | {"control": "2"})


def test_the_only_arm_of_a_backbone_hides_no_comparisons():
    """Draws of chance come first: held against nothing until their backbone has another arm."""
    rows = pd.DataFrame({"ids": [["a", "b"]]})
    own = {"id": ["a", "b", "draw"], "dataset": "x", "arm": ["new", "random", "random"]}
    records = pd.DataFrame(own | {"backbone": ["dnn", "dnn", "pnn"]})
    assert made_from(rows, records) and not made_from(rows, records[1:])
    assert not made_from(rows, records.assign(backbone="dnn"))
    more = pd.concat([records, records[:1].assign(id="c", backbone="pnn")])
    assert not made_from(rows, more)


def test_stale_cells_are_marked_and_the_mark_is_explained():
    runs = pd.DataFrame({"auc": [0.75, 0.76], "stale": True})
    shown = table(pd.DataFrame({"AUC": [Spread.over(runs, "auc")]}), note="Two seeds.")
    assert "0.7550 ± 0.0071 °" in repr(shown) and "Two seeds. ° Of records that are stale" in repr(shown)
    assert " °" in shown._repr_html_()
    now = table(pd.DataFrame({"AUC": [Spread.over(runs.assign(stale=False), "auc")]}), note="Two seeds.")
    assert "°" not in repr(now) and Spread.over(runs[:0], "auc") is None
