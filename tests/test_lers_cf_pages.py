"""LERS's Tables 3, 6 and 7: counts by hand, and the tables of made-up runs beside the paper's."""

import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from table6_runs import NONE, framed, run
from table6_runs import drawn as all_drawn

from lfmp_book.claims import pending
from lfmp_book.evidence import frames, published, results
from lfmp_book.evidence.decided import decided
from lfmp_book.lers import cf_grids, table3
from lfmp_book.lers.scores.blocks import METHODS, ORIGINAL, SHARES
from lfmp_book.lers.scores.lists import GRAPH, LATENT
from lfmp_book.lers.table6 import apart, conventions, costs, counts, page
from lfmp_book.lers.table7 import answer as table7_answer
from lfmp_book.lers.table7 import figure, grids
from lfmp_book.lers.table7 import page as retain
from lfmp_book.lers.table7.view import CLICKS, LISTS
from lfmp_core.data import InteractionData, get_source, prepare_interactions
from lfmp_core.data.interactions.shown import describe_interactions
from lfmp_core.embeddings.tt_shape import split_dim, split_rows
from lfmp_core.experiments.items import get_item

NOTHING = page.completed(NONE)


def row(shown, *start):
    [found] = [line for line in shown.plain if tuple(line[: len(start)]) == start]
    return found


# ---- Table 3


def test_table3_by_hand():
    """Two users, five items, three of ten pairs not taken."""
    data = InteractionData.from_pairs([0, 0, 0, 1, 1, 1, 1], [0, 1, 2, 0, 2, 3, 4])
    here = table3.counted({"mine": describe_interactions(data)})
    assert here.iloc[0].tolist() == ["mine", 2, 5, 7, pytest.approx(0.3)]
    shown = table3.main_table(here)
    assert row(shown, "mine") == ["mine", *["–"] * 4, "2", "5", "7", "30.00%"]
    assert row(shown, "Gowalla")[:5] == ["Gowalla", "29,858", "40,981", "1,027,370", "99.92%"]


@pytest.mark.data
@pytest.mark.parametrize("name", ["Yelp2018", "Gowalla"])
def test_table3_is_of_the_published_splits(tmp_path, name):
    source, root = get_source(name.lower()), Path(os.environ.get("LFMP_DATA", ""))
    if not all((root / file).exists() for file in source.files):
        pytest.skip(f"no {name} below LFMP_DATA")
    data = prepare_interactions(source, tmp_path / "d")
    assert describe_interactions(data) == table3.described_sets()[name]
    [found] = table3.counted(table3.described_sets()).query("dataset == @name").to_dict("records")
    printed = published.printed_table("lers_table3").set_index("dataset").loc[name]
    assert [found[key] for key in table3.COUNTS] == printed[list(table3.COUNTS)].tolist()
    assert round(100 * found["sparsity"], 2) == printed.sparsity


# ---- sizes of Table 6


@pytest.mark.parametrize(
    ("backbone", "method", "sparsity", "total"),
    [
        # (2 + 14,929 + 2 + 20,491) · 64
        (GRAPH, "QR", 0.5, 2_267_136),
        (LATENT, "QR", 0.5, 2_267_136),
        # users 25·4·32 + 30·32·4·24 + 40·24·4, items 25·4·32 + 40·32·4·24 + 41·24·4
        (GRAPH, "TTRec", 0.95, 229_216),
        # 2 · (1,025·512 + 2·513·512 + 513·64 + 2·1,600)
        (GRAPH, "DHE", 0.5, 2_172_288),
        (LATENT, "MagPrune", 0.95, 226_685),
        (GRAPH, ORIGINAL, 0.0, 4_533_696),
    ],
)
def test_counts_by_hand(backbone, method, sparsity, total):
    [case] = [c for c in counts.CASES if (c.backbone, c.method, c.sparsity) == (backbone, method, sparsity)]
    assert case.by_hand("Gowalla") == case.count("Gowalla") == total


def test_all_counts_are_those_printed():
    found = counts.counts()
    assert len(found) == 46 and (found["by hand"] == found["our class"]).all() and found.agrees.all()
    qr = found[(found.method == "QR") & ~found["as jointly"]]
    assert set(qr.t) == {0.95} and len(qr) == 4  # only the smallest tell one table from two
    shown = counts.counts_table(found)
    dhe = [line for line in shown.plain if line[:3] == ["LightGCN", "DHE", "80%"]]
    assert [line[3] for line in dhe] == ["layers of 256, 256, 128, 128"] * 2
    assert counts.unknown() == [
        "TTRec with LightGCN at 50%", "TTRec with LightGCN at 80%", "DHE with LightGCN at 95%",
    ]  # fmt: skip


def test_splits_are_those_of_the_tables():
    for (number, cores), split in counts.SPLITS.items():
        assert split == (split_dim if number in (32, 64) else split_rows)(number, cores)
        assert np.prod(split) >= number


# ---- Table 6


def test_runs_are_completed_by_hand():
    rows = run("Gowalla", GRAPH, ORIGINAL, 0.0, 0.1) + run("Gowalla", GRAPH, "QR", 0.8, 0.08)
    own = framed(rows)
    qr = own[own.arm == "QR"]
    assert qr.retain.tolist() == pytest.approx([0.08 / 0.1] * 3, abs=1e-4)
    assert qr.removed.tolist() == pytest.approx([0.8] * 3)
    assert set(own.name) == {"Gowalla"} and set(own.network) == {GRAPH}


def test_main_table_stands_beside_the_papers():
    rows = run("Gowalla", GRAPH, ORIGINAL, 0.0, 0.15, 0.18) + run("Gowalla", GRAPH, "TT-Rec", 0.8, 0.12)
    rows += run("Gowalla", GRAPH, "popularity", 0.0, 0.03, seeds=1)
    own = run("planted_interactions", GRAPH, "QR", 0.5, 0.4, seeds=1)
    shown = page.main_table("Gowalla", GRAPH, framed(rows), NOTHING)
    original = row(shown, "0%", ORIGINAL)
    assert original[2:5] == ["0.1470", "0.1787", "4,530,000"]
    assert original[5:] == ["0.1500 ± 0.0000", "0.1800 ± 0.0000", "1,000"]
    tt = row(shown, "80%", "TT-Rec")
    assert tt[2] == "0.1245" and tt[5] == "0.1200 ± 0.0000"
    assert row(shown, "0%", "popularity")[2:6] == ["–", "–", "–", "0.0300"]
    assert row(shown, "95%", "PEP")[2:6] == ["0.1156", "0.1410", "226,000", "–"]
    assert len(shown.plain) == 2 + 3 * len(METHODS) and "1 to 3 seeds" in shown.note
    mine = page.main_table("Yelp2018", GRAPH, NOTHING, framed(own))
    assert "this run (planted_interactions)" in repr(mine) and pending.NOT_YET in mine.note
    assert row(mine, "50%", "QR")[-3:] == ["0.4000", "0.4800", "500"]
    assert pending.NOT_YET in repr(page.main_table("Amazon-Book", GRAPH, NOTHING, NOTHING))


# ---- Table 7


def test_ratios_by_hand():
    """Seeds 0 … 2 on Yelp2018, 0 and 1 on Gowalla: two means of both sets."""
    rows = run("Yelp2018", GRAPH, ORIGINAL, 0.0, 0.05, seeds=1)
    rows += run("Gowalla", GRAPH, ORIGINAL, 0.0, 0.1, seeds=1)
    scores = {"Yelp2018": (0.04, 0.03, 0.02), "Gowalla": (0.09, 0.07)}
    for name, own in scores.items():
        for seed, ndcg in enumerate(own):
            rows += run(name, GRAPH, "TT-Rec", 0.8, ndcg - 1e-6 * seed)[seed : seed + 1]
    rows += run("Gowalla", LATENT, "TT-Rec", 0.8, 0.5) + run("Gowalla", LATENT, ORIGINAL, 0.0, 0.5)
    found = retain.ratios(LISTS, framed(rows))
    own = found[found.method == "TTRec"]
    assert own.Yelp2018.tolist() == pytest.approx([0.8, 0.6, 0.4])
    assert own.Gowalla.tolist() == pytest.approx([0.9, 0.7, np.nan], nan_ok=True)
    assert own.overall_cf.tolist() == pytest.approx([0.85, 0.65, np.nan], nan_ok=True)
    shown = retain.retain_table(LISTS, found, found[:0])
    tt = row(shown, "80%", "TTRec")
    assert tt[2:] == ["0.7687", "0.8469", "0.8078", "0.6000 ± 0.2000", "0.8000 ± 0.1414", "0.7500 ± 0.1414"]
    assert row(shown, "95%", "PEP")[-1] == "–" and len(shown.plain) == len(METHODS) * len(SHARES)


def test_ratios_of_both_tasks_stand_side_by_side():
    none = {LISTS: retain.ratios(LISTS, NOTHING), CLICKS: retain.ratios(CLICKS, NOTHING)}
    assert all(len(own) == 0 for own in none.values())
    shown = retain.retain_table(CLICKS, none[CLICKS], none[CLICKS])
    assert row(shown, "50%", "OptEmb")[2:] == ["–"] * 3  # no run was made
    assert row(shown, "95%", "PEP")[2:] == ["1.0000", "0.9749", "0.9874"] and pending.NOT_YET in shown.note
    found = retain.transfer_table(none, none)
    assert [line[:2] for line in found.plain] == [["50%", "6"], ["80%", "7"], ["95%", "7"]]
    assert found.plain[2][3:] == ["0.77", "PEP", "OptEmb"]


def test_transfer_of_records_by_hand():
    """Three methods, in lists one order, in clicks the same but for the last two: (2 − 1) / 3."""
    keys = [{"budget": 0.5, "method": m, "seed": 0, "stale": False} for m in ("QR", "PEP", "CERP")]
    lists = pd.DataFrame([{**key, "overall_cf": x} for key, x in zip(keys, (0.9, 0.8, 0.7), strict=True)])
    own = pd.DataFrame([{**key, "overall_ctr": x} for key, x in zip(keys, (0.9, 0.7, 0.8), strict=True)])
    shown = retain.transfer_table({LISTS: lists, CLICKS: own}, {LISTS: lists[:0], CLICKS: own[:0]})
    assert row(shown, "50%")[-5:] == ["3", "+0.33", "1.00", "QR", "QR"]


def test_one_set_of_lists_stands_for_both_where_the_other_has_no_runs():
    """Gowalla alone orders four methods as click prediction does: one of 24 orders, or its reverse."""
    methods, values = ("QR", "PEP", "CERP", "MagPrune"), (0.6, 0.7, 0.8, 0.9)
    keys = [{"budget": 0.5, "method": m, "seed": 0, "stale": m == "QR"} for m in methods]
    gone = {"Yelp2018": np.nan, "overall_cf": np.nan}
    lists = pd.DataFrame([{**key, **gone, "Gowalla": x} for key, x in zip(keys, values, strict=True)])
    sets = dict.fromkeys(retain.HALVES[CLICKS].sets, 1.0)
    own = pd.DataFrame([{**key, **sets, "overall_ctr": x} for key, x in zip(keys, values, strict=True)])
    assert [name for name, _ in retain.means_of({LISTS: lists, CLICKS: own})] == ["Gowalla"]
    found = table7_answer.answer({LISTS: lists.assign(stale=False), CLICKS: own})
    assert found.sentences == (
        "**50%, Gowalla alone**: τ +1.00 over 4 methods (p = 0.08; by the paper's numbers +0.83 over 6); "
        "best: MagPrune in collaborative filtering, MagPrune in click prediction.",
    )
    assert "Ratios of stale records (°): 1 of 4 in click prediction." in repr(found)
    shown = retain.transfer_table({LISTS: lists, CLICKS: own}, {LISTS: lists[:0], CLICKS: own[:0]})
    assert row(shown, "50%")[-5:] == ["4", "+1.00", "0.08", "MagPrune", "MagPrune"]
    drawn = figure.picture({"paper": retain.of_paper(), "reference": {LISTS: lists, CLICKS: own}})
    titles = [axis.get_title() for axis in drawn.axes]
    assert len(titles) == 6 and titles[3] == "reference, Gowalla, t = 50%"
    assert len(drawn.axes[3].collections) == len(methods) and not drawn.axes[4].collections
    whole = {LISTS: lists.assign(overall_cf=lists.Gowalla), CLICKS: own}
    assert [name for name, _ in retain.means_of(whole)] == [""]


def test_the_answer_of_table_7_by_hand():
    """The paper's own, and of records of one task alone."""
    said = retain.answer(retain.of_paper()).sentences
    assert said[2] == (
        "**95%**: τ -0.14 over 7 methods (p = 0.77); best: PEP in collaborative filtering, OptEmb in click "
        "prediction."
    )
    assert len(said) == 3
    none = {LISTS: retain.ratios(LISTS, NOTHING), CLICKS: retain.ratios(CLICKS, NOTHING)}
    assert retain.answer({**retain.of_paper(), LISTS: none[LISTS]}).sentences == (
        f"Collaborative filtering: {pending.NOT_YET}.",
    )
    assert retain.answer(none).sentences[1] == f"Click prediction: {pending.NOT_YET}."
    known = figure.kept_in_both(retain.of_paper(), 0.5)
    assert known.loc["PEP"].tolist() == [0.9737, 0.9996] and "OptEmb" not in known.index
    assert len(figure.picture({"paper": retain.of_paper(), "reference": none}).axes) == 3


def test_this_runs_own_two_tasks():
    lists = framed(run("mine", GRAPH, ORIGINAL, 0.0, 0.1) + run("mine", GRAPH, "QR", 0.5, 0.08))
    clicks = pd.DataFrame({"arm": ["QR"], "budget": [0.5], "retain": [0.99], "dataset": ["rows"]})
    shown = retain.two_task_table({LISTS: lists, CLICKS: clicks.assign(stale=False)})
    assert shown.header[-1] == ["t", "method", "collaborative filtering, mine", "click prediction, rows"]
    assert row(shown, "50%", "QR")[2:] == ["0.8000 ± 0.0000", "0.9900"]
    assert row(shown, "0%", ORIGINAL)[2:] == ["1.0000 ± 0.0000", "–"]


def test_few_methods_of_both_tasks_without_a_search():
    tasks = grids.halves("quick", sparsities="0.5")
    for [grid] in tasks.values():
        assert [arm.label for arm in grid.arms] == [ORIGINAL, *(m for m in METHODS if m in grids.FEW)]
        assert grid.tpe is None and grid.picks is None and len(grid.seeds) == 1
    whole = grids.halves("reference")
    assert {g.dataset.name for g in whole[CLICKS]} == {"criteo", "avazu"}
    assert {g.backbones[0].name for g in whole[LISTS] if len(g.arms) > 1} == {"lightgcn"}


# ---- sizes and seconds, and conventions


CLOCKS = {"PT": 0.0, "CT": 2.0, "TT": 2.0, "IT": 8.0, "IT_remembered": np.nan, "bytes": 4000.0, "epochs": 3}


def timed(name, network, arm, t, **given):
    own = {**CLOCKS, "TT": 4.0 if arm != ORIGINAL else 2.0, "bytes": 4000 * (1 - t)}
    return run(name, network, arm, t, 0.1, seeds=2, **own, **given)


def test_sizes_and_seconds_by_hand():
    frame = framed([*timed("Gowalla", GRAPH, ORIGINAL, 0.0), *timed("Gowalla", GRAPH, "QR", 0.75)])
    shown = costs.cost_table("Gowalla", GRAPH, frame)
    found = dict(zip(shown.header[-1], row(shown, "75%", "QR"), strict=True))
    assert (found["numbers in the table"], found["sparsity reached"]) == ("250", "0.750 ± 0.000")
    assert (found["kB served"], found["bytes ×"]) == ("1", "0.25")
    assert (found["TT ×"], found["IT ×"]) == ("2.00", "1.00")
    assert pending.NOT_YET in costs.cost_table("Gowalla", LATENT, frame).caption


def test_what_can_be_told_apart_by_hand():
    """QR is 0.02 above Original on all draws; the smaller dense table is Original's equal."""
    frame = framed(
        [
            *run("Gowalla", GRAPH, ORIGINAL, 0.0, 0.1),
            *run("Gowalla", GRAPH, "QR", 0.5, 0.12),
            *run("Gowalla", GRAPH, "smaller dense", 0.5, 0.1),
        ]
    )
    grids = cf_grids.table6("reference", sets="gowalla", recommenders="lightgcn", sparsities="0.5")
    drawn = list(results.draws_of(all_drawn(frame)).values())
    rows = results.comparisons(grids, drawn, get_item(page.ITEM).against)
    compared = decided(results.carrying(frames.framed(rows, frames.COMPARED), drawn), frame)
    shown = apart.outcome_table("Gowalla, LightGCN", frame, compared)
    assert row(shown, "50%", "QR")[2:] == ["+0.0200 better", "+0.0200 better", "–"]
    assert row(shown, "50%", "smaller dense")[2:] == ["+0.0000 equal", "–", "–"]
    said = apart.findings(frame, compared, ["the records of yelp2018 were not compared yet"]).sentences
    assert (
        "**Gowalla, LightGCN**, against Original: better 1, equal 0, undecided 0, worse 0 of 1 (QR at 50%)."
        in said
    )
    assert "The records of yelp2018 were not compared yet." in said
    controls = framed(run("Gowalla", GRAPH, "iALS", 0.0, 0.09)).assign(backbone="mf", network="mf")
    apart_of = [part.caption for part in costs.own_stack(controls.assign(**CLOCKS), compared).parts]
    assert apart_of == ["This run, Gowalla, mf: sizes and seconds"]  # with nothing to be held against
    assert f"**Yelp2018**: {pending.NOT_YET}." in said


def test_controls_stand_beside_the_tables():
    rows = run("Gowalla", GRAPH, "popularity", 0.0, 0.03) + run("Gowalla", GRAPH, "iALS", 0.0, 0.09)
    found = page.completed(pd.DataFrame(rows).assign(backbone=page.FACTORS))
    shown = page.controls_table("Gowalla", found, NOTHING)
    assert row(shown, "iALS")[1] == "0.0900 ± 0.0000" and row(shown, "popularity")[3] == "1,000"
    assert pending.NOT_YET in page.controls_table("Yelp2018", found, NOTHING).caption


def ranked(arm, t, capped, whole, ndcg, unseen):
    return run(
        "Gowalla", GRAPH, arm, t, ndcg, capped, seeds=2, test_recall20_whole=whole,
        test_recall20_unseen=2 * capped, test_ndcg20_unseen=unseen,
    )  # fmt: skip


def test_conventions_by_hand():
    """Recall falls by a quarter and by a half, which swaps the two best; NDCG rises by a tenth for all."""
    rows = [
        *ranked(ORIGINAL, 0.0, 0.40, 0.20, 0.3, 0.33),
        *ranked("QR", 0.5, 0.36, 0.27, 0.2, 0.22),
        *ranked("PEP", 0.5, 0.20, 0.15, 0.1, 0.11),
    ]
    frame = framed(rows)
    found = {one["convention"]: one for one in conventions.orders(frame)}
    divided = found["Recall, divided"]
    assert [divided[key] for key in ("least", "median", "most")] == pytest.approx([-0.5, -0.25, -0.25])
    assert divided["τ of their order"] == pytest.approx(1 / 3) and not divided["best stays"]
    assert found["Recall, masked"]["most"] == pytest.approx(1) and found["Recall, masked"]["best stays"]
    assert found["NDCG, masked"]["median"] == pytest.approx(0.1, abs=1e-4)
    shown = conventions.convention_table("Gowalla, LightGCN", frame)
    assert row(shown, "50%", "QR")[2:5] == ["0.3600 ± 0.0000", "0.2700 ± 0.0000", "-25.00%"]
    divided, _, ndcg = conventions.told(frame, ("Gowalla",))
    kept = "; the order of methods stays in {} of 1 block that has more than one."
    assert divided == (
        "**Recall@20 divided by |T| instead of min(|T|, 20)**: -50.0% to -25.0% over 3 cells" + kept.format(0)
    )
    assert ndcg.endswith("over 3 cells" + kept.format(1))
    assert conventions.told(frame, ()) == ()
    [alone, *_] = conventions.told(frame[frame.arm == ORIGINAL], ("Gowalla",))
    assert alone.endswith(": -50.0% to -50.0% over 1 cell.")
    assert pending.NOT_YET in repr(conventions.orders_table(NOTHING, "Reference"))
