"""The papers' tables as data, and their own arithmetic."""

import pandas as pd
import pytest

from lfmp_book.evidence import published
from lfmp_book.lightfmp.fig3_claims import PAPER_KEPT, PAPER_PRUNED
from lfmp_core.errors import UnknownName


def test_names_and_refusal():
    assert {"lightfmp_table1", "lightfmp_table2", "lightfmp_table3"} <= set(published.published_names())
    with pytest.raises(UnknownName, match="did you mean 'lightfmp_table"):
        published.printed_table("lightfmp_table9")


def test_counts():
    one, two, three = (published.printed_table(f"lightfmp_table{i}") for i in (1, 2, 3))
    assert list(one["dataset"]) == ["Criteo", "Avazu", "MovieLens"]
    assert len(two) == 3 * 10 and two.groupby("dataset")["method"].nunique().eq(10).all()
    assert list(three["backbone"]) == ["xDeepFM", "DeepFM", "Wide&Deep", "PNN", "DNN"]
    assert not two.isna().any().any() and not three.isna().any().any()


def test_column_sums_guard_the_transcription():
    """Sums over the printed columns, added up apart from the CSV: a slipped digit would move them."""
    two = (
        published.printed_table("lightfmp_table2").groupby("dataset")[["auc", "logloss", "tt"]].sum().round(4)
    )
    assert two.loc["Criteo"].tolist() == [7.9588, 4.5474, 8.5025]
    assert two.loc["MovieLens"].tolist() == [7.6074, 5.7641, 8.4926]
    assert two.loc["Avazu"].tolist() == [7.7480, 3.8279, 6.7614]


def test_the_two_tables_agree_on_xdeepfm():
    two = published.printed_table("lightfmp_table2").query("dataset == 'Criteo'").set_index("method")
    three = published.printed_table("lightfmp_table3").set_index("backbone").loc["xDeepFM"]
    assert two.loc["No Selection", ["auc", "logloss"]].tolist() == [three.base_auc, three.base_logloss]
    assert two.loc["Light-FMP", ["auc", "logloss"]].tolist() == [three.lightfmp_auc, three.lightfmp_logloss]
    assert three.base_seconds == 15803  # the unit of Table 2's Criteo column
    assert three.lightfmp_seconds / three.base_seconds == pytest.approx(two.loc["Light-FMP", "tt"], abs=5e-5)


def test_improvement_by_hand():
    assert published.improvement(0.8, 0.82, "auc") == pytest.approx(2.5)
    assert published.improvement(0.5, 0.45, "logloss") == pytest.approx(10)
    assert published.improvement(200, 150, "seconds") == pytest.approx(25)


def test_exactly_one_printed_improvement_is_wrong():
    """DeepFM's time: 5h5m12s to 2h25m46s is 52.24 % less, and 53.06 % is printed."""
    audit = published.audit_table3()
    assert len(audit) == 15
    wrong = audit[~audit["agrees"]]
    assert wrong[["backbone", "metric"]].to_numpy().tolist() == [["DeepFM", "seconds"]]
    assert wrong["printed"].item() == 53.06
    assert wrong["recomputed"].item() == pytest.approx(52.24, abs=0.005)
    assert isinstance(audit, pd.DataFrame) and (audit["low"] <= audit["recomputed"]).all()


def test_what_the_text_states_of_figures_2_and_3():
    two = published.printed_table("lightfmp_fig2").set_index(["figure", "method", "quantity"]).value
    assert two.loc["2a"].sum() == pytest.approx(120 + 4283 + 5134.5 + 7905.3)
    assert two["2c", "Light-FMP", "prune_ratio"].tolist() == [0, 25, 50, 75]
    assert two["2d", "Light-FMP", "pretrain_share"].tolist() == [0.0005, 0.001, 0.1]
    three = published.printed_table("lightfmp_fig3").groupby("said").field.apply(list)
    assert {group: len(fields) for group, fields in three.items()} == {"kept": 8, "middle": 6, "pruned": 6}
    assert tuple(three["kept"]) == PAPER_KEPT and tuple(three["pruned"]) == PAPER_PRUNED


def test_underlined_cells_of_table2_exist():
    marked = published.printed_table("lightfmp_table2_underlined")
    cells = published.printed_table("lightfmp_table2").set_index(["dataset", "method"])
    assert len(marked) == 8
    for row in marked.itertuples():
        assert cells.loc[(row.dataset, row.method), row.metric] > 0


def test_lers_table5_is_whole():
    cells = published.printed_table("lers_table5")
    assert len(cells) == 4 * 22 and not cells.isna().any().any()
    counts = cells.groupby("sparsity").method.nunique()
    assert counts.to_dict() == {"0": 1, "own": 1, "50": 6, "80": 7, "95": 7}
    assert not cells.duplicated(["dataset", "backbone", "method", "sparsity"]).any()


def test_column_sums_of_lers_table5():
    """Over the printed columns, added up apart from the CSV; sizes in millions."""
    cells = published.printed_table("lers_table5")
    sums = cells.groupby(["dataset", "backbone"])[["auc", "logloss", "params"]].sum()
    sums["params"] /= 1e6
    expected = {
        ("Criteo", "DeepFM"): [17.7724, 9.7647, 103.678],
        ("Criteo", "DCN"): [17.8288, 9.7149, 98.472],
        ("Avazu", "DeepFM"): [16.7570, 8.6330, 390.56],
        ("Avazu", "DCN"): [16.8972, 8.5570, 418.16],
    }
    for key, numbers in expected.items():
        assert sums.loc[key].tolist() == pytest.approx(numbers, abs=1e-9), key


def test_lers_table5_by_share():
    cells = published.lers_table5().set_index(["dataset", "backbone", "method", "sparsity"])
    assert cells.retain["Criteo", "DeepFM", "Original", 0.0] == 1
    assert cells.retain["Avazu", "DCN", "PEP", 0.95] == pytest.approx(0.7564 / 0.7759)
    own = cells.xs("OptEmb", level="method").reset_index()
    assert own.sparsity.isna().sum() == 4  # its own sparsity, once for each set and backbone


def test_lers_table6_is_whole():
    cells = published.printed_table("lers_table6")
    assert len(cells) == 4 * 22 and not cells.isna().any().any()
    assert cells.groupby("sparsity").method.nunique().to_dict() == {0: 1, 50: 7, 80: 7, 95: 7}
    assert not cells.duplicated(["dataset", "backbone", "method", "sparsity"]).any()


def test_column_sums_of_lers_table6():
    """Over the printed columns, added up apart from the CSV; sizes in millions."""
    cells = published.printed_table("lers_table6")
    sums = cells.groupby(["dataset", "backbone"])[["ndcg", "recall", "params"]].sum()
    sums["params"] /= 1e6
    expected = {
        ("Yelp2018", "LightGCN"): [0.9848, 1.2506, 27.708],
        ("Yelp2018", "NeuMF"): [0.5360, 0.6861, 27.298],
        ("Gowalla", "LightGCN"): [2.6444, 3.2007, 27.9],
        ("Gowalla", "NeuMF"): [1.5025, 1.8163, 28.081],
    }
    for key, numbers in expected.items():
        assert sums.loc[key].tolist() == pytest.approx(numbers, abs=1e-9), key


def test_lers_table6_by_share():
    cells = published.lers_table6().set_index(["dataset", "backbone", "method", "sparsity"])
    assert cells.retain["Gowalla", "NeuMF", "Original", 0.0] == 1
    assert cells.retain["Yelp2018", "LightGCN", "DHE", 0.8] == pytest.approx(0.0495 / 0.0575)


def test_column_sums_of_lers_table7():
    ratios = published.printed_table("lers_table7")
    assert len(ratios) == 21 and ratios.groupby("sparsity").method.nunique().eq(7).all()
    columns = ["yelp2018", "gowalla", "overall_cf", "criteo", "avazu", "overall_ctr"]
    assert list(ratios) == ["method", "sparsity", *columns]
    assert ratios[columns].sum().round(4).tolist() == [16.127, 16.9895, 16.558, 19.9732, 19.789, 19.8811]


def test_intervals_of_lers_table4():
    four = published.printed_table("lers_table4").set_index(["base_model", "hyperparameter"])
    assert len(four) == 25 and four.fixed.notna().sum() == 11
    searched = four[four.fixed.isna()][["low", "high"]]
    clicks = [(0, 1), (1e-5, 1e-2), (1e-5, 1e-2)]
    assert [*searched.loc[["DeepFM", "DCN–Mix"]].itertuples(index=False, name=None)] == clicks * 2
    lists = {"learning rate": (5e-4, 1e-2), "λ": (1e-5, 1e-2)}
    own = {
        "LightGCN": lists | {"L": (1, 4), "γ": (0, 1)},
        "NeuMF": lists | {"dropout": (0, 1), "∥V−∥": (1, 5)},
    }
    for model, intervals in own.items():
        assert {n: (row.low, row.high) for n, row in searched.loc[model].iterrows()} == intervals


def test_sparsity_of_lers_table3_follows_from_its_counts():
    """1,561,406 of 31,668 · 38,048 pairs are 0.1296 %; 1,027,370 of 29,858 · 40,981 are 0.0840 %."""
    three = published.printed_table("lers_table3")
    assert [tuple(row[1:4]) for row in three.itertuples(index=False)] == [
        (31_668, 38_048, 1_561_406),
        (29_858, 40_981, 1_027_370),
    ]
    assert (100 - 100 * three.interactions / three.users / three["items"]).round(2).tolist() == [99.87, 99.92]


def test_what_lers_states_of_collaborative_filtering():
    figures = published.printed_table("lers_figures_cf").groupby(["figure", "quantity"]).value.apply(list)
    assert figures["2d", "log frequency"] == [2, 3, 4, 5, 6]
    assert figures["2d", "mean magnitude"] == [0.2, 0.4, 0.6, 0.8, 1.0]
    assert figures["2c", "items shown"] == figures["2d", "users shown"] == [200]
    stated = published.printed_table("lers_stated_cf").set_index("quantity").value
    assert stated["k of NDCG@k and Recall@k"] == 20 and len(stated) == 9
    assert stated["percent of NDCG@20 lost by the best method, more than"] == 20


def test_column_sums_of_lers_table8():
    """Added up apart from the CSV."""
    rows = published.printed_table("lers_table8").set_index("method")
    assert list(rows.index) == ["QR", "DHE", "TTRec", "PEP", "OptEmbed", "CERP"]
    assert rows.sum().round(2).tolist() == [18.72, 3227.59, 44.67, 47.24, 10.91, 1881.04, 346.06, 365.97]
