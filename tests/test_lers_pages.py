"""Pages on LERS: its methods, its data, frequency and magnitude; by hand, and on made-up records."""

import numpy as np
import pytest
import torch

from lfmp_book.claims import pending
from lfmp_book.evidence import datasets, published
from lfmp_book.lers import (
    counts as lers_counts,
)
from lfmp_book.lers import (
    fig2 as lers_fig2,
)
from lfmp_book.lers import grids as lers
from lfmp_book.lers import (
    table1 as lers_table1,
)
from lfmp_book.lers import (
    table2 as lers_table2,
)
from lfmp_book.show.figures import Picture
from lfmp_core.budget import Budget
from lfmp_core.embeddings.dhe import DHESettings
from lfmp_core.embeddings.qr import QRSettings
from lfmp_core.embeddings.tt_rec import TTRecSettings
from lfmp_core.experiments.executor import cut_to, open_dataset, prepared
from lfmp_core.experiments.record import Record
from lfmp_core.experiments.store import Store
from lfmp_core.methods import get_method
from lfmp_core.methods.compression.magnitude import by_frequency
from lfmp_core.models import BackboneSettings
from lfmp_core.tasks import Clicks
from lfmp_core.training import TrainingSettings

# ---- Table 1


def test_printed_letters_are_those_of_the_taxonomy():
    assert {m: lers_table1.printed_letters(m) for m in published.printed_table("lers_table1").method} == {
        "QR": "C", "TTRec": "C", "DHE": "C", "PEP": "P", "OptEmb": "PN", "CERP": "PC",
    }  # fmt: skip
    known = [e for e in lers_table1.TAXONOMY if e.printed]
    assert len(known) == 6 and all(lers_table1.printed_letters(e.printed) == e.letters for e in known)
    assert lers_table1.printed_letters("MagPrune") is None


def test_every_arm_of_table5_is_in_the_taxonomy():
    arms, variants = {**lers.LERS_METHODS, **lers.OTHERS}, (lers.CACHED, lers.SMALLER_IN_BYTES)
    assert [e.label for e in lers_table1.TAXONOMY] == [arm for arm in arms if arm not in variants]
    files = {e.label: e.file for e in lers_table1.TAXONOMY}
    assert files["QR"] == "embeddings/qr.py" and files["PEP"] == "methods/compression/pep.py"
    sources = {e.label: e.source for e in lers_table1.TAXONOMY}
    assert sources["QR"] == "Shi et al. 2020" and "Liu et al. 2021" in sources["PEP"]


def test_arms_in_few_bits_are_ready_and_in_no_plan(planted):
    """They train as the original and read its search; what is planned has none of them."""
    arms = lers.rounded()
    assert [(arm.label, arm.method_settings.bits) for arm in arms] == [("int8", 8), ("int4", 4), ("int2", 2)]
    assert all(arm.searched_as == lers.ORIGINAL and arm.method == "quantise" for arm in arms)
    grids = [grid for item in lers.ITEMS for profile in item.profiles for grid in item.grids(profile)]
    assert not {arm.label for grid in grids for arm in grid.arms} & set(lers.ROUNDED)
    task = Clicks(planted, lers.backbone_for("deepfm", "quick"), lers.training_for("quick"))
    sizes = {}
    for arm in arms:
        outcome = get_method(arm.method).run(task, arm.budget, settings=arm.method_settings)
        before, sizes[arm.label] = outcome.details["table_bytes"]
        assert sizes[arm.label] - 8 * planted.schema.num_fields == before * arm.method_settings.bits / 32
    assert sizes["int8"] > sizes["int4"] > sizes["int2"]


def case(dataset, method, sparsity):
    return next(
        c for c in lers_counts.CASES if (c.dataset, c.method, c.sparsity) == (dataset, method, sparsity)
    )


@pytest.mark.parametrize(
    ("where", "total", "spelt"),
    [
        (("Criteo", "QR", 0.8), 3_477_872, "5·16 + 217,362·16"),
        (("Criteo", "TTRec", 0.5), 9_362_304, "125·2·192 + 125·192·2·192 + 128·192·4"),
        (("Criteo", "TTRec", 0.95), 869_440, "25·2·64 + 2·40·64·2·64 + 50·64·2 + 12,780·16"),
        # 1,574,400 + 3·2,360,832 + 24,592 + 2·6,160
        (("Criteo", "DHE", 0.5), 8_693_808, "1,025·1,536 + 3·1,537·1,536 + 1,537·16 + 2·6,160"),
        (("Avazu", "Original", 0.0), 70_856_176, "4,428,511·16"),
    ],
)
def test_counts_by_hand(where, total, spelt):
    own = case(*where)
    products = lers_counts.by_hand(own)
    assert sum(int(np.prod(p)) for p in products) == own.count() == total
    assert lers_counts.spelt(products) == spelt


def test_all_counts_agree_and_one_is_printed_otherwise():
    found = lers_counts.counts()
    assert len(found) == 19 and (found["sum"] == found["our class"]).all()
    wrong = found[~found["as DeepFM"]]
    assert wrong[["data set", "method", "t"]].to_numpy().tolist() == [["Criteo", "TTRec", 0.95]]
    text = "\n".join(lers_counts.findings(found).sentences)
    assert "counts 869,440, which would be printed as 869K, not 870K" in text
    assert "TTRec on Avazu at 95%, printed as 3.54M, has settings that are not known" in text
    assert text.count("with DCN") == 2 and "46.2%" in text


def test_a_wrong_count_is_told(monkeypatch):
    """A class that counts one number more is found out."""
    count = lers_counts.QRTable.count.__func__
    monkeypatch.setattr(lers_counts.QRTable, "count", classmethod(lambda *args: count(*args) + 1))
    found = lers_counts.counts()
    assert (found["sum"] != found["our class"]).sum() == 6
    assert "in 13 of 19 cells" in str(lers_counts.findings(found))


def test_printed_sizes_are_intervals():
    assert [lers_counts.printed_span(v).meets(8_694_512) for v in (8_690_000, 8_700_000)] == [True, False]
    assert [lers_counts.printed_span(v).meets(869_440) for v in (869_000, 870_000)] == [True, False]
    assert lers_counts.shown_count(3_477_872) == "3.48M" and lers_counts.shown_count(846_384) == "846K"


def test_budgets_name_what_they_bought():
    text = repr(lers_counts.budget_table((600, 400), 16, 0.95))
    rows = {line.split()[0]: line for line in text.splitlines()[3:]}
    assert "b = 50" in rows["hashing"] and "800" in rows["hashing"]
    assert "nearest" in rows["MEmCom"] and "1,016" in rows["MEmCom"]  # n + D
    settings = (QRSettings(remainders=5), TTRecSettings(ranks=(3, 4)), DHESettings(hidden=(7, 8)))
    assert [lers_counts._told(s) for s in settings] == ["p = 5", "ranks 3, 4", "layers 7, 8"]


# ---- Table 2


@pytest.mark.parametrize("name", lers_table2.SETS)
def test_descriptions_are_those_of_the_sets_that_runs_are_planned_on(name):
    ref, kept = lers_table2.SETS[name]
    pinned = lers_table2.pinned(datasets.description(kept))
    cut = ref.settings.get("rows")
    assert ref == (cut_to(pinned, cut) if cut else pinned)


def test_table2_by_hand():
    rows = repr(lers_table2.main_table(datasets.description("ml-1m"))).splitlines()
    criteo, avazu, ours = (next(x for x in rows if x.startswith(n)) for n in ("Criteo", "Avazu", "MovieLens"))
    expected = "Criteo 45,840,617 1,086,810 39 137,139 66,322 39 23.7 483.6 0.30% 6.10%"
    assert " ".join(criteo.split()) == expected
    # 1000·4,428,511/40,428,967 and 1000·5,791/33,977
    assert avazu.split()[-4:-2] == ["109.5", "170.4"]
    assert ours.split()[1:4] == ["–", "–", "–"]
    said = str(lers_table2.checks())
    assert "1,086,810 ids in 39 fields: the features" in said and "70,856,176 numbers: what Table 5" in said


# ---- Fig. 2: what MagPrune keeps of frequency


def test_frequency_curve_by_hand():
    """Counts 0 | 1, 1 | 2, 3 | 4: rows' mean sizes 0 | 2, 4 | 1, 6 | 5."""
    magnitudes = torch.tensor([[0.0, 0.0], [1.0, 3.0], [4.0, 4.0], [0.0, 2.0], [5.0, 7.0], [4.0, 6.0]])
    found = by_frequency(magnitudes, magnitudes >= 4, np.array([0, 1, 1, 2, 3, 4]))
    assert found == {
        "least": [0, 1, 2, 4],
        "rows": [1, 2, 2, 1],
        "magnitude": [0.0, 3.0, 3.5, 5.0],
        "kept": [0.0, 0.5, 0.5, 1.0],
    }


def test_magprune_says_what_it_removed_by_frequency(planted):
    """The curve holds every id and every kept number, and its fields are the first two."""
    backbone = BackboneSettings(name="deepfm", embedding_dim=8, hidden=(16,))
    task = Clicks(planted, backbone, TrainingSettings(learning_rate=0.01, batch_size=256, epochs=1))
    outcome = get_method("magprune").run(task, Budget(0.75, "numbers"), 1)
    curve, table = outcome.details["frequency"], outcome.model.table
    kept = 8 * np.dot(curve["all"]["rows"], curve["all"]["kept"])
    assert sum(curve["all"]["rows"]) == planted.schema.num_ids
    assert kept == pytest.approx(table.num_parameters(), rel=1e-3)
    field, own = planted.schema.fields[1], curve["fields"]["I2"]
    assert list(curve["fields"]) == ["I1", "I2"]
    ids = np.asarray(planted.split("train").ids)[:, 1]
    counts = np.array([(ids == field.offset + k).sum() for k in range(field.size)])
    stays = (table.weight_view()[field.offset : field.offset + field.size] != 0).float().mean(1).numpy()
    for least, rows, share in zip(own["least"], own["rows"], own["kept"], strict=True):
        bucket = (counts >= least) & (counts < 2 * least) if least else counts == 0
        assert rows == bucket.sum() and share == pytest.approx(stays[bucket].mean(), abs=1e-3)


def record(spec, curve):
    """What a finished run of `spec` would have left, but for its curve made up."""
    details = {"cpu_seconds": {"CT": 1.0}, "history": [], "kept_fields": [], "sparsity": spec.budget.share}
    if curve:
        details["frequency"] = {"all": curve, "fields": {"I1": curve, "I2": curve}}
    metrics = {"val_auc": 0.7 + spec.training["learning_rate"]}
    metrics |= {"test_auc": 0.7, "test_logloss": 0.5} if spec.role == "final" else {}
    return Record(spec=spec, metrics=metrics, phases={"TT": 1.0, "IT": 1.0}, details=details)


def fill(store, grids, curve):
    """Put a record for every run of the grids, stage after stage."""
    while due := [spec for grid in grids for spec in grid.plan(store) if store.get(spec) is None]:
        for spec in due:
            store.put(record(spec, curve(spec)))


LEAST = [0, 2, 4, 8, 16, 32]


def rising(spec):
    kept = [0.0, *[min(1.0, (1 - spec.budget.share) * k) for k in (0.5, 0.8, 1, 1.2, 1.4)]]
    sizes = [0, 1e-3, 2e-3, 3e-3, 0.01, 0.02]
    return {"least": LEAST, "rows": [1, 50, 20, 9, 3, 1], "magnitude": sizes, "kept": kept}


def falling(spec):
    curve = rising(spec)
    return {**curve, "magnitude": [0, 0.02, 0.018, 0.017, 0.016, 0.015], "kept": curve["kept"][::-1]}


def reference(tmp_path, curve, sets="criteo"):
    store = Store(tmp_path)
    grids = lers_fig2.grids("reference", sets=sets, backbones="deepfm", seeds=2)
    fill(store, grids, curve)
    return lers_fig2.curves(grids, store)


def test_fig2_reads_table5s_own_records(tmp_path):
    """The specs are Table 5's, of MagPrune alone; nothing else is planned."""
    store = Store(tmp_path)
    grids = lers_fig2.grids("reference", sets="criteo", backbones="deepfm", seeds=1)
    fill(store, grids, rising)
    (whole,) = lers.table5("reference", sets="criteo", backbones="deepfm", seeds=1)
    own = {spec.id for grid in grids for spec in grid.plan(store)}
    theirs = {s.id for grid in (whole.picks, whole) for s in grid.plan(store) if s.method == "magprune"}
    assert own == theirs and len(own) == 8 + 3


def test_fig2_claims_follow_the_curves(tmp_path):
    found = reference(tmp_path / "a", rising)
    assert len(found) == 3 * 2 * 3 * 6 and found.start.iloc[0] == pytest.approx(0.00798, abs=1e-5)
    assert [c.verdict for c in lers_fig2.claims(found)] == ["holds"] * 3
    other = reference(tmp_path / "b", falling)
    assert [c.verdict for c in lers_fig2.claims(other)] == ["fails"] * 3
    assert "0.0200 to 0.0200; at the start 0.0080" in lers_fig2.claims(other)[1].found


def test_fig2_correlation_by_hand():
    """1 − 6·Σd²/(n(n²−1)): one swap of five gives 1 − 6·2/120."""
    rank, chance = lers_fig2.correlation([1, 2, 4, 8, 16], [1.0, 2.0, 3.0, 5.0, 4.0])
    assert rank == pytest.approx(0.9) and 0 < chance < 0.05
    assert np.isnan(lers_fig2.correlation([1, 2], [1.0, 2.0])[0])


def test_fig2_page_with_some_records_none_and_old_ones(tmp_path):
    found = reference(tmp_path / "a", rising, sets=("criteo", "avazu"))
    said = str(lers_fig2.state(found))
    assert "criteo: 6 runs; avazu: 6 runs" in said and "Missing: ml-1m" in said
    text = repr(lers_fig2.main_table(found, found[:0]))
    assert [("higher" in line, "1.00 ± 0.00" in line) for line in text.splitlines()[3:9]] == [
        (True, True), (True, True), (False, True), (False, True), (False, True), (False, True),
    ]  # fmt: skip
    removed = repr(lers_fig2.removed_table(found[found.dataset == "criteo"])).splitlines()
    assert removed[3].split()[2:] == ["never", "1", "0%", "0%", "0%"]
    assert removed[-1].split()[2:] == ["32", "to", "63", "1", "70%", "28%", "7%"]
    for draw in (lers_fig2.picture, lers_fig2.kept_picture):
        assert Picture(draw(found), "").png().startswith(b"\x89PNG")
    none = lers_fig2.curves(lers_fig2.grids("reference"), Store(tmp_path / "none"))
    assert "none yet" in str(lers_fig2.state(none)) and lers_fig2.claims(none) == []
    assert str(pending.picture_or_reason(lers_fig2.picture, none, "")) == pending.NOT_YET
    assert len(lers_fig2.main_table(none, found).cells) == 6
    old = reference(tmp_path / "old", lambda spec: None)
    assert old.attrs["silent"] == 6 and "6 more runs" in str(lers_fig2.state(old))


def test_a_set_is_shown_once_all_its_runs_have_ended(tmp_path):
    """One run short it is left out; a run that diverged has ended, one that was lost has not."""
    both = reference(tmp_path, rising, sets=("criteo", "avazu"))
    store = Store(tmp_path)
    grids = lers_fig2.grids("reference", sets=("criteo", "avazu"), backbones="deepfm", seeds=2)
    short = grids[3].plan(store)[-1]
    store.path(short).unlink()
    assert grids[3].ended(store) == (5, 6) and grids[1].ended(store) == (6, 6)
    found = lers_fig2.curves(grids, store)
    assert set(found.dataset) == {"criteo"} < set(both.dataset)
    store.put(Record(spec=short, status="failed", error="out of luck", cause="other"))
    assert grids[3].ended(store) == (5, 6)
    store.put(Record(spec=short, status="failed", error="it did", cause="diverged"))
    assert grids[3].ended(store) == (6, 6)
    assert lers_fig2.curves(grids, store).groupby("dataset").id.nunique().to_dict() == {
        "criteo": 6,
        "avazu": 5,
    }


def test_fig2_runs_on_ones_own_rows(planted):
    """The quick grids take a prepared folder, and its first fields give the panels."""
    grids = lers_fig2.grids("quick", dataset=prepared(planted.folder), sparsities="0.8", trials=2)
    assert open_dataset(grids[0].dataset).schema.num_ids == planted.schema.num_ids
    assert [arm.label for grid in grids for arm in grid.arms] == [lers_fig2.MAGPRUNE] * 2
