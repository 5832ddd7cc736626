"""Draws of a store's records: shared by the cells of a set, kept as the same bytes, refused when stale."""

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from lfmp_book.evidence import draws, results
from lfmp_book.evidence.decided import decided
from lfmp_book.evidence.frames import COMPARED, framed
from lfmp_book.ledger import status
from lfmp_core import cli
from lfmp_core.budget import Budget
from lfmp_core.errors import DataError
from lfmp_core.experiments import items, store
from lfmp_core.experiments.decisions import contrast_of, decide
from lfmp_core.experiments.items import Arm, Grid, Item
from lfmp_core.experiments.record import Record, logits_digest
from lfmp_core.experiments.spec import DatasetRef
from lfmp_core.experiments.stats import difference_of, resample
from lfmp_core.experiments.store import Store
from lfmp_core.metrics import AUC, LOG_LOSS, NDCG20, RECALL20

LABELS = np.tile([0, 1], 100)
SHARES = (0.5, 0.8)


def grid(**given):
    """Two backbones; a baseline at 0, one at each sparsity, and a method."""
    arms = [Arm("whole", "none")]
    for t in SHARES:
        arms += [Arm(name, name, Budget(t, "numbers")) for name in ("small", "new")]
    settings = {
        "item": "demo", "profile": "reference", "arms": arms, "seeds": (0, 1),
        "training": {"learning_rate": 0.1, "l2": 0.0},
        "dataset": DatasetRef(name="planted", settings={}, fingerprint="f" * 16),
        "backbones": ({"name": "dnn"}, {"name": "deepfm"}),
    }  # fmt: skip
    return Grid(**{**settings, **given})


@pytest.fixture
def opened(monkeypatch):
    test = SimpleNamespace(split=lambda name: SimpleNamespace(labels=LABELS))
    monkeypatch.setattr(draws, "open_dataset", lambda dataset: test)


def fill(folder, plan, without=lambda spec: False, users=False):
    """A record for each spec; what it keeps of 200 rows, or users, is the same on both backbones."""
    made = Store(folder)
    for spec in plan.plan(made):
        if without(spec):
            continue
        rng = np.random.default_rng([spec.seed, len(spec.method), int(10 * spec.budget.share)])
        logits = (rng.random((200, 2)) if users else LABELS + rng.normal(size=200)).astype(np.float16)
        sizes = {"embedding_parameters": 1.0, "parameters": 1.0, "bytes": 4.0, "fields_kept": 1}
        names = ("ndcg20", "recall20") if users else ("auc", "logloss")
        metrics = {f"{split}_{name}": 0.7 for split in ("val", "test") for name in names}
        details = {"cpu_seconds": {"CT": 1.0}, "history": [{}]} | ({} if users else {"kept_fields": [0]})
        phases = {"PT": 0.0, "CT": 1.0, "TT": 1.0, "IT": 1.0}
        given = {"metrics": metrics, "phases": phases, "sizes": sizes, "details": details}
        made.put(Record(spec=spec, logits=logits_digest(logits), **given), logits)
    return made


def test_cells_of_a_set_share_their_resamples(tmp_path, opened):
    """The same logits on two backbones are the same on each draw of rows."""
    own = grid(seeds=(0,))
    made = fill(tmp_path, own)
    [found] = draws.draw(results.finals([own], made), made, draws=30)
    assert len(found.runs) == 2 * 5 and found.ids == {s.id for s in own.plan(made)}
    for metric in (AUC, LOG_LOSS):
        values = found.values[metric]
        assert values["dnn", "new", 0.5].shape == (31,) and values["dnn", "new", 0.5].std() > 0.001
        np.testing.assert_array_equal(values["dnn", "new", 0.5], values["deepfm", "new", 0.5])


def test_comparisons_are_a_paired_bootstrap(tmp_path, opened):
    own = grid(seeds=(0,))
    made = fill(tmp_path, own)
    rows = results.compare([own], made, against=("whole", "small")).to_dict("records")
    logits = {
        (r.spec.backbone["name"], arm, r.spec.budget.share): made.logits(r)
        for arm, r in results.finals([own], made)
    }
    [row] = [r for r in rows if (r["backbone"], r["arm"], r["budget"], r["against"], r["metric"])
             == ("dnn", "new", 0.8, "small", "auc")]  # fmt: skip
    pair = {name: [logits["dnn", name, 0.8]] for name in ("new", "small")}
    drawn = resample(LABELS, pair, AUC, 400, seed=0, resample_seeds=True)
    said = difference_of(drawn["new"], drawn["small"], level=0.95)
    assert (row["difference"], row["low"], row["high"]) == pytest.approx(said)
    assert row["seeds"] == 1 and len(row["ids"]) == 2


def test_runs_on_top_items_are_compared_over_their_users(tmp_path, monkeypatch):
    """Their two metrics, without any data: the figures of users are all that is drawn from."""
    own = grid(backbones=({"name": "lightgcn"}, {"name": "neumf"}))
    made = fill(tmp_path, own, users=True)
    monkeypatch.delattr(draws, "open_dataset")
    [found] = draws.draw(results.finals([own], made), made, draws=200)
    assert list(found.values) == [NDCG20, RECALL20]
    draws.save_draws(tmp_path / "a.npz", [found])
    back = draws.load_draws(tmp_path / "a.npz")["planted"]
    rows = pd.DataFrame(results.comparisons([own], [found], against=("small",)))
    assert set(rows.metric) == {"ndcg20", "recall20"}
    for k, metric in enumerate(back.values):
        key, other = ("neumf", "new", 0.8), ("neumf", "small", 0.8)
        kept = {cell: np.stack([made.logits(made.get(s)) for s in own.plan(made) if s.id in ids])
                for cell, ids in found.runs.items() if cell in (key, other)}  # fmt: skip
        apart = (kept[key].mean(0, dtype=float) - kept[other].mean(0, dtype=float))[:, k]
        row = rows[(rows.backbone == "neumf") & (rows.arm == "new") & (rows.budget == 0.8)]
        [difference] = row[row.metric == metric.name].difference
        assert difference == pytest.approx(apart.mean())
        assert back.values[metric][key][0] == pytest.approx(kept[key][..., k].mean(dtype=float), rel=1e-6)


@pytest.mark.parametrize(("seeds", "freedom"), [((0,), np.inf), ((0, 1), 2.0)])
def test_a_table_of_comparisons_is_decided_as_a_whole(tmp_path, opened, seeds, freedom):
    """Rows of one metric; each against the cell of its other records, whatever that one's sparsity."""
    own = grid(seeds=seeds)
    made = fill(tmp_path, own)
    drawn = draws.draw(results.finals([own], made), made)
    reference = results.frame([own], made)
    noise = 0.01 * np.random.default_rng(0).normal(size=len(reference))
    reference = reference.assign(test_logloss=reference.test_logloss + noise)  # `fill` says the same of all
    rows = framed(results.comparisons([own], drawn, ("whole",)), COMPARED)
    table = draws.carrying(rows, drawn).query("metric == 'logloss' and backbone == 'dnn'")
    found = decided(table, reference)
    assert len(found) == len(table) == 4 and set(found.index) == set(table.index)
    contrasts = {}
    for row in table.itertuples():
        pair = [("dnn", row.arm, row.budget), ("dnn", "whole", 0.0)]
        values = [drawn[0].values[LOG_LOSS][key] for key in pair]
        scores = [reference.set_index("id").test_logloss[list(drawn[0].runs[key])].tolist() for key in pair]
        contrasts[row.Index] = contrast_of(*values, LOG_LOSS, scores if len(seeds) > 1 else None)
        assert contrasts[row.Index].freedom >= freedom
    expected = decide(contrasts, LOG_LOSS.margin)
    assert expected.comparisons == 4
    for row in found.itertuples():
        one = expected.by_name[row.Index]
        assert (row.outcome, row.gain, row.low, row.high, row.p) == one and row.gain == -row.difference


def test_frames_of_both_tasks_have_the_same_columns(tmp_path, opened):
    clicks, pairs = grid(seeds=(0,)), grid(seeds=(0,), backbones=({"name": "lightgcn"},))
    one = results.frame([clicks], fill(tmp_path / "a", clicks))
    other = results.frame([pairs], fill(tmp_path / "b", pairs, users=True))
    assert list(one) == list(other)
    assert one.test_ndcg20.isna().all() and (one.test_auc == 0.7).all() and set(one.kept_fields) == {(0,)}
    assert other.test_auc.isna().all() and (other.test_ndcg20 == 0.7).all() and other.kept_fields.isna().all()


def test_frames_without_runs_have_the_columns_and_types_of_those_with_some(tmp_path, opened):
    own = grid(seeds=(0,))
    made = fill(tmp_path, own)
    pairs = (
        (results.frame([own], made), results.frame([], made)),
        (results.compare([own], made, against=("whole",)), results.compare([], made)),
    )
    for some, none in pairs:
        known = some.columns[some.notna().any()]
        assert len(some) and not len(none) and list(none) == list(some)
        assert dict(none.dtypes[known]) == dict(some.dtypes[known])


def test_a_baseline_of_another_sparsity_stands_in_for_none(tmp_path, opened):
    """`whole` is planned at 0 alone and serves all; `small` lacks its run at .8, so nothing is said there."""
    own = grid(backbones=({"name": "dnn"},))
    made = fill(tmp_path, own, without=lambda spec: spec.method == "small" and spec.budget.share == 0.8)
    rows = results.compare([own], made, against=("whole", "small")).to_dict("records")
    pairs = {(r["arm"], r["budget"], r["against"]) for r in rows}
    assert {(a, t) for a, t, other in pairs if other == "small"} == {("new", 0.5)}
    assert {(a, t) for a, t, other in pairs if other == "whole"} == {
        ("new", 0.5),
        ("new", 0.8),
        ("small", 0.5),
    }


def test_draws_are_kept_as_the_same_bytes(tmp_path, opened):
    own = grid()
    made = fill(tmp_path / "store", own)
    found = draws.draw(results.finals([own], made), made, draws=10)
    for name in "ab":
        draws.save_draws(tmp_path / f"{name}.npz", found)
    assert (tmp_path / "a.npz").read_bytes() == (tmp_path / "b.npz").read_bytes()
    back = draws.load_draws(tmp_path / "a.npz")["planted"]
    assert back.runs == found[0].runs and back.ids == found[0].ids == set(back.logits)
    assert back.logits == found[0].logits
    for metric, key in ((m, k) for m in (AUC, LOG_LOSS) for k in back.runs):
        np.testing.assert_array_equal(back.values[metric][key], found[0].values[metric][key].astype("f4"))
    assert draws.load_draws(tmp_path / "none.npz") == {}
    whole = (tmp_path / "a.npz").read_bytes()
    for broken in (whole[:-40], b"", b"no zip"):
        (tmp_path / "a.npz").write_bytes(broken)
        with pytest.raises(DataError, match="run: lfmp compare a"):
            draws.load_draws(tmp_path / "a.npz")


def test_the_status_page_names_a_record_that_it_cannot_read(tmp_path, monkeypatch):
    own = grid()
    made = fill(tmp_path, own)
    monkeypatch.setattr(status, "registry", lambda: {"demo": Item("demo", "", "", {"reference": own})})
    monkeypatch.setattr(status, "store_for", lambda profile: made)
    assert "20 records in all" in str(status.records_table())
    path = made.path(own.plan(made)[0])
    path.write_text(path.read_text().replace("0.7", "0.8"))
    shown = str(status.records_table())
    assert "Not shown, demo" in shown and path.name in shown and "Delete it" in shown


def test_arms_that_are_each_alone_on_a_backbone_have_draws_without_comparisons(tmp_path, opened, monkeypatch):
    small = Arm("small", "small", Budget(0.5, "numbers"))
    own = [
        grid(backbones=({"name": name},), arms=[arm])
        for name, arm in (("dnn", Arm("whole", "none")), ("deepfm", small))
    ]
    made = [fill(tmp_path / "store", one) for one in own][-1]
    item = Item("demo", "", "", {"reference": own}, against=("whole",), keeps_draws=True)
    monkeypatch.setattr(items, "registry", lambda: {"demo": item})
    monkeypatch.setattr(results, "registry", lambda: {"demo": item})
    monkeypatch.setattr(results, "project_root", lambda: tmp_path)
    drawn = results.draws_of(results.compare(own, made, against=item.against))
    draws.save_draws(results.draws_path("demo"), list(drawn.values()))
    reference = results.frame(own, made)
    alone, missing = results.known_comparisons("demo", reference)
    assert missing == [] and alone.empty and set(results.draws_of(alone)) == {"planted"}
    replaced = reference.assign(logits=["other", *reference.logits[1:]])  # a record, under its id
    alone, missing = results.known_comparisons("demo", replaced)
    assert len(missing) == 1 and results.draws_of(alone) == {}


@pytest.mark.parametrize("keeps", [True, False])
def test_the_command_keeps_draws_where_the_item_says_so(tmp_path, opened, monkeypatch, keeps):
    own = grid()
    made = fill(tmp_path / "store", own)
    item = Item("demo", "", "", {"reference": own}, against=("whole",), keeps_draws=keeps)
    monkeypatch.setattr(items, "registry", lambda: {"demo": item})
    monkeypatch.setattr(results, "registry", lambda: {"demo": item})
    monkeypatch.setattr(store, "store_for", lambda profile: made)
    monkeypatch.setattr(results, "project_root", lambda: tmp_path)
    cli.app(["compare", "demo"], standalone_mode=False)
    path = results.draws_path("demo")
    assert path.exists() is keeps and results.comparisons_path("demo").exists()

    kept = {file: file.read_bytes() for file in path.parent.iterdir()}
    rng, exact = np.random.default_rng(0), draws.resample

    def noisy(*given, **more):
        made = exact(*given, **more)
        return {key: values * (1 + 1e-15 * rng.normal(size=values.shape)) for key, values in made.items()}

    monkeypatch.setattr(draws, "resample", noisy)
    cli.app(["compare", "demo"], standalone_mode=False)
    assert {file: file.read_bytes() for file in path.parent.iterdir()} == kept

    reference = results.frame([own], made)
    compared, missing = results.known_comparisons("demo", reference)
    assert missing == [] and set(results.draws_of(compared)) == ({"planted"} if keeps else set())
    assert len(results.draws_of(compared[compared.metric == "auc"])) == keeps  # they travel
    more = reference.assign(id=reference.id.where(reference.index > 0, "another"))
    stale, missing = results.known_comparisons("demo", more)
    assert "compared when others were at hand" in missing[0] and results.draws_of(stale) == {}
    if keeps:  # comparisons of these records, draws of others
        one = draws.load_draws(path)["planted"]
        runs = {key: ids[:1] for key, ids in one.runs.items()}
        logits = {i: one.logits[i] for ids in runs.values() for i in ids}
        draws.save_draws(path, [draws.Draws("planted", runs, one.values, logits=logits)])
        assert len(results.known_comparisons("demo", reference)[1]) == 1
        path.unlink()
        assert len(results.known_comparisons("demo", reference)[1]) == 1


def test_of_one_training_a_seed_counts_once_every_arm_has_it(tmp_path, opened):
    """Seed 1 of `new` at 80 % is not there: at 80 % seed 0 alone is shown, at 50 % both, of any arm."""
    own = grid(backbones=({"name": "dnn"},), one_training=True)
    lacks = lambda spec: (spec.method, spec.budget.share, spec.seed) == ("new", 0.8, 1)
    made = fill(tmp_path, own, without=lacks)
    seeds = {}
    for arm, record in results.finals([own], made):
        seeds.setdefault((arm, record.spec.budget.share), []).append(record.spec.seed)
    both = {("whole", 0.0): [0, 1], ("small", 0.5): [0, 1], ("new", 0.5): [0, 1]}
    assert seeds == both | {("small", 0.8): [0], ("new", 0.8): [0]}
    of_each = results.finals([grid(backbones=({"name": "dnn"},))], made)
    assert len(of_each) == 9 and results.frame([own], made).one_training.all()


def test_of_one_training_seeds_are_drawn_together(tmp_path, opened):
    """A drawn difference is that of one seed or the other, whatever rows are drawn; else a mixture too."""
    made = fill(tmp_path, grid(backbones=({"name": "dnn"},)))
    for shared in (True, False):
        own = grid(backbones=({"name": "dnn"},), one_training=shared)
        [one] = results.draws_of(results.compare([own], made, against=("small",))).values()
        new, small = (one.values[LOG_LOSS]["dnn", arm, 0.5] for arm in ("new", "small"))
        runs = {(arm, r.spec.seed): r for arm, r in results.finals([own], made) if r.spec.budget.share == 0.5}
        kept = {key: [made.logits(r)] for key, r in runs.items()}
        fixed = resample(LABELS, kept, LOG_LOSS, 400, seed=0, resample_seeds=False)
        of_seed = [(fixed["new", k] - fixed["small", k])[1:] for k in (0, 1)]
        same = np.any([np.isclose((new - small)[1:], apart) for apart in of_seed], axis=0)
        assert same.all() if shared else 0.2 < same.mean() < 0.8
