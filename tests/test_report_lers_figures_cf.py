"""LERS's Figures 2c, 2d, 5 and 7: grids, tables and verdicts of made-up runs, by hand."""

from dataclasses import replace

import pandas as pd
import pytest
from table6_runs import drawn, run

from lfmp_book.claims import pending
from lfmp_book.claims.judge import Judge
from lfmp_book.evidence import results
from lfmp_book.evidence.decided import decided
from lfmp_book.lers import (
    cf_grids,
    cf_search,
    fig2,
    fig2_pairs,
    fig5,
    fig5_claims,
    fig5_grids,
    fig7,
    fig7_claims,
    fig7_grids,
    search,
    search_pairs,
)
from lfmp_book.lers.fig5_grids import fixed
from lfmp_book.lers.fig7_grids import labelled
from lfmp_book.lers.scores.lists import GRAPH
from lfmp_book.lers.table6 import page as table6
from lfmp_book.lers.table6 import third, third_grids
from lfmp_book.show.figures import Picture
from lfmp_core.errors import LfmpError
from lfmp_core.experiments.items import get_item
from lfmp_core.experiments.record import Record
from lfmp_core.experiments.store import Store


def searched(grids, store, score):
    """Records of every trial of some grids, until no search waits; score: learning rate → NDCG@20."""
    while True:
        due = [s for g in grids for s in g.plan(store) if s.role == "search" and store.get(s) is None]
        if not due:
            return [spec for grid in grids for spec in grid.plan(store) if spec.role == "final"]
        for spec in due:
            found = {"val_ndcg20": score(spec.training["learning_rate"])}
            store.put(Record(spec=spec, metrics=found, details={"history": [found]}))


def verdicts(claims):
    return {c.sentences[0]: c.verdict for c in claims}


# ---- Figure 5


@pytest.mark.parametrize(
    ("dim", "sparsity", "profile", "expected"),
    [
        (64, 0.5, "reference", [0, 1, 8, 16, 32]),
        (64, 0.8, "reference", [0, 1, 3, 6, 12]),  # of 12.8
        (64, 0.95, "reference", [0, 1, 2, 3]),
        (64, 0.95, "paper", [0, 1, 2, 3]),
        (8, 0.95, "quick", [0]),  # rows of 8 have no number each
    ],
)
def test_minimums_by_hand(dim, sparsity, profile, expected):
    assert fig5_grids.minimums(dim, sparsity, profile) == expected


def test_runs_of_one_seed_are_one_training_cut_in_several_ways(tmp_path):
    store, grids = Store(tmp_path), fig5_grids.fig5("reference", sparsities="0.8", seeds=1)
    asked = [spec for grid in grids for spec in grid.plan(store)]
    assert {(spec.role, spec.budget.share) for spec in asked} == {("search", 0.8)}
    finals = searched(grids, store, lambda rate: -abs(rate - 0.01))
    assert len(finals) == 6 and {s.dataset.name for s in finals} == {"gowalla"}
    settings = [dict(s.method_settings) for s in finals]
    assert [own.pop("row_minimum") for own in settings] == [0, 1, 3, 6, 12, None]
    assert all(own == settings[0] for own in settings)
    assert all(s.training == finals[0].training for s in finals)
    assert grids[-1].one_training and not grids[0].one_training
    tables = cf_grids.table6("reference", sets="gowalla", recommenders="lightgcn")
    of_table = {s.id for grid in tables for s in grid.plan(store)}
    trials = {s.id for grid in grids for s in grid.plan(store) if s.role == "search"}
    assert trials < of_table and finals[-1].id in of_table  # Table 6's own, not made again


def pruned(ndcg):
    """(t, arm) → NDCG@20 on Gowalla, as records; 0.95 and 0.5 like 0.8 unless given."""
    rows = []
    for (t, arm), value in ndcg.items():
        rows += run("Gowalla", GRAPH, arm, t, value, one_training=True)
    return table6.completed(pd.DataFrame(rows))


def by_minimum(low, middle, high):
    """Of each sparsity: at n_min = 0, 1, the largest, and as validation chose."""
    found = {}
    for t, most, own in ((0.5, 32, low), (0.8, 12, middle), (0.95, 3, high)):
        labels = (fixed(0), fixed(1), fixed(most), fig5_grids.SEARCHED)
        found |= {(t, label): value for label, value in zip(labels, own, strict=True)}
    return pruned(found)


def judged5(frame):
    return verdicts(fig5_claims.claims(frame, drawn(frame)))


def test_sentences_on_n_min_by_hand():
    all_hold = by_minimum((0.10, 0.11, 0.09, 0.11), (0.08, 0.09, 0.05, 0.10), (0.05, 0.051, 0.04, 0.052))
    assert judged5(all_hold) == {"6.5-1": "holds", "6.5-2": "holds", "6.5-3": "holds"}
    # the largest gain, of a fifth, is at 95 %; n_min = 1 harms at 50 %; the largest is best there: all can
    some = by_minimum((0.10, 0.09, 0.12, 0.11), (0.08, 0.085, 0.05, 0.09), (0.05, 0.055, 0.04, 0.06))
    assert judged5(some) == {"6.5-1": "part", "6.5-2": "holds", "6.5-3": "holds"}
    none = by_minimum((0.1, 0.09, 0.1, 0.1), (0.08, 0.07, 0.08, 0.08), (0.05, 0.04, 0.05, 0.05))
    assert judged5(none) == {"6.5-1": "fails", "6.5-2": "fails", "6.5-3": "fails"}


def test_one_seed_or_a_missing_sparsity_tells_little():
    frame = by_minimum((0.10, 0.11, 0.09, 0.11), (0.08, 0.09, 0.05, 0.10), (0.05, 0.051, 0.04, 0.052))
    assert set(judged5(frame[frame.seed == 0]).values()) == {"undecided"}
    can = {"6.5-1": "untestable", "6.5-2": "holds", "6.5-3": "holds"}  # what one sparsity shows suffices
    assert judged5(frame[frame.budget < 0.9]) == can
    worse = by_minimum((0.1, 0.09, 0.1, 0.1), (0.08, 0.07, 0.08, 0.08), (0.05, 0.04, 0.05, 0.05))
    assert set(judged5(worse[worse.budget < 0.9]).values()) == {"untestable"}
    assert set(judged5(frame[:0]).values()) == {"untestable"}


def asked(frame, n_min):
    """Runs as the page of Figure 5 takes them."""
    own = frame.assign(searched=frame.arm == fig5_grids.SEARCHED, val_ndcg20=frame.test_ndcg20 / 2)
    kept = [n_min if s else int(a.split()[-1]) for s, a in zip(own.searched, own.arm, strict=True)]
    tried = [(0.2, 0.3, 0.1) if s else () for s in own.searched]
    choice = [fig5.CHOSEN if s else str(k) for s, k in zip(own.searched, kept, strict=True)]
    return own.assign(n_min=kept, tried=tried, choice=choice)


def test_answer_and_table_of_n_min():
    rows = {(0.8, fixed(0)): 0.08, (0.8, fixed(12)): 0.05, (0.8, fig5_grids.SEARCHED): 0.10}
    frame = asked(pruned(rows), 1)
    grids = fig5_grids.fig5("reference", sparsities="0.8")
    kept = list(results.draws_of(drawn(frame)).values())
    against = get_item(fig5_grids.ITEM).against
    compared = results.carrying(pd.DataFrame(results.comparisons(grids, kept, against)), kept)
    [said] = fig5.answer(frame, decided(compared, frame)).sentences
    assert "**Gowalla, 80%**: NDCG@20 0.0800" in said
    assert "validation chose (1, by +0.1000 in the search): +0.0200 (better)" in said
    assert "with the largest, 12, 0.0500: -0.0500 (worse). 3 seeds." in said
    [waits] = fig5.answer(frame[frame.searched], compared[:0]).sentences
    assert waits == (
        "**Gowalla, 80%**: the search chose n_min = 1, by +0.1000 of NDCG@20 over 0 among the validation "
        "users that it ranks for; not all runs on test pairs are there."
    )
    plain = fig5.main_table(frame, frame[:0]).plain
    assert [line[:2] for line in plain] == [["80%", "0"], ["80%", "12"], ["80%", "searched"]]
    assert plain[2][3].startswith("0.1000") and [line[4] for line in plain] == ["–", "–", "1"]
    assert fig5.answer(frame[:0], compared[:0]).sentences == (f"**Gowalla**: {pending.NOT_YET}.",)
    assert Picture(fig5.picture(frame), "").png() == Picture(fig5.picture(frame), "").png()


# ---- Figure 7


def test_one_weight_a_grid_and_the_rest_as_searched(tmp_path):
    store, grids = Store(tmp_path), fig7_grids.fig7("reference", seeds=1)
    finals = searched(grids, store, lambda rate: -abs(rate - 0.01))
    assert len(finals) == 3 * 7  # Original, and three methods at two sparsities
    assert sorted({s.training["contrast"] for s in finals}) == [0.0, 0.3, 0.9]
    searches = [grid for grid in grids if grid.picks is None]
    for tuned in searches:
        decided = [g for g in grids if g.picks is not None and fields_of(g.picks) == fields_of(tuned)]
        assert len(decided) == 3  # one for each γ
        for choice in tuned.choices(store):
            own = [s for g in decided for s in g.plan(store) if g.arm_of(s).split(",")[0] == choice.arm]
            assert {s.training["learning_rate"] for s in own} == {choice.candidate["learning_rate"]}
            assert {s.training["l2"] for s in own} == {choice.candidate["l2"]}
    assert [len(search.arms) for search in searches] == [1, 3, 3]  # Original's, at 80 %; 50 %; 95 %
    original = searches[0].choices(store)[0]
    assert "contrast" in searches[0].tpe.space and original.candidate["contrast"] not in (0.3, 0.9)


def fields_of(search):
    """What a search asks for, whatever its class."""
    return [(arm.label, arm.budget) for arm in search.arms]


def test_quick_runs_have_no_search():
    grids = fig7_grids.fig7("quick")
    assert all(grid.picks is None and grid.tpe is None for grid in grids)
    assert [grid.training.contrast for grid in grids] == [0.0, 0.02, 0.1] * 2  # of Original, and compressed


def weighed(method, t, by_weight, curves=None, seeds=3, last=48):
    """Runs of one method: γ → NDCG@20 on validation and test alike."""
    rows = []
    for weight, value in by_weight.items():
        curve = (curves or {}).get(weight, (value / 2, value))
        rows += run(
            "Gowalla", GRAPH, labelled(method, weight), t, value, seeds=seeds, contrast=weight, method=method,
            curve=curve, last=last,
        )  # fmt: skip
    return rows


def framed7(*parts):
    frame = pd.DataFrame([row for part in parts for row in part])
    return frame.assign(val_ndcg20=frame.test_ndcg20)


def judged7(frame):
    return verdicts(fig7_claims.claims(frame, drawn(frame)))


SOON = {0.0: (*[0.001 * k for k in range(1, 41)], 0.039), 0.9: (0.041, 0.05, 0.049)}  # 40 epochs, and 1
LATE = {0.0: (0.03, 0.04, 0.02), 0.9: (0.01, 0.02, 0.03, 0.045)}


def compressed(low, high):
    """Each method at 50 and at 95 %."""
    return [
        row for m in fig7_grids.METHODS for t, own in ((0.5, low), (0.95, high)) for row in weighed(m, t, own)
    ]


def test_sentences_on_infonce_by_hand():
    """Original gains a half, methods at 95 % lose; the best γ falls from .9 to 0."""
    plain = weighed("Original", 0.0, {0.0: 0.10, 0.3: 0.12, 0.9: 0.15}, SOON)
    low, high = {0.0: 0.08, 0.3: 0.09, 0.9: 0.10}, {0.0: 0.06, 0.3: 0.05, 0.9: 0.04}
    frame = framed7(plain, compressed(low, high))
    assert judged7(frame) == {"3.1-1": "holds", "3.1-2": "holds", "6.6-3": "holds", "6.6-5": "holds"}
    turned = framed7(plain, compressed(high, {0.0: 0.04, 0.3: 0.05, 0.9: 0.08}))
    assert judged7(turned) | {"3.1-1": "", "3.1-2": ""} == {
        "3.1-1": "", "3.1-2": "", "6.6-3": "fails", "6.6-5": "fails",
    }  # fmt: skip
    slow = framed7(weighed("Original", 0.0, {0.0: 0.10, 0.9: 0.15}, LATE), compressed(low, high))
    found = judged7(slow)
    assert (found["3.1-1"], found["3.1-2"]) == ("fails", "fails")  # lower at first, and 4 epochs to 2
    assert found["6.6-3"] == "holds"


def test_one_training_tells_nothing_of_convergence():
    plain = weighed("Original", 0.0, {0.0: 0.10, 0.9: 0.15}, SOON, seeds=1)
    assert set(judged7(framed7(plain)).values()) == {"undecided", "untestable"}


def test_pace_by_hand():
    """Without InfoNCE best after the second of three epochs; with it as good after the fourth."""
    frame = framed7(weighed("Original", 0.0, {0.0: 0.10, 0.9: 0.15}, LATE, seeds=1))
    [effect] = fig7.effects(frame)
    [pace] = fig7.paces(effect)
    assert (effect.weight, effect.gain) == (0.9, pytest.approx(0.05))
    assert (pace.without, pace.with_it, pace.times, pace.open) == (2, 4, 0.5, False)
    assert pace.higher == (False, False, True)
    rising = replace_curve(frame, 0.0, (0.01, 0.02, 0.06), last=3)
    [pace] = fig7.paces(next(fig7.effects(rising)))
    assert (pace.without, pace.with_it, pace.times, pace.open) == (3, None, None, True)


def replace_curve(frame, weight, curve, last):
    own = frame.contrast == weight
    curves = [curve if mine else old for mine, old in zip(own, frame.curve, strict=True)]
    return frame.assign(curve=curves, last=last)


def test_a_bound_is_not_a_ratio():
    """20 times as soon as what was still rising may be 50; 60 times may be more."""
    told = lambda times, rising: fig7_claims.as_stated(
        [fig7.Pace(0, times, 1, rising, ()), fig7.Pace(1, times, 1, rising, ())]
    )[0]
    assert (told(20, False), told(20, True)) == (False, None)
    assert (told(60, False), told(60, True), told(200, True)) == (True, True, False)
    assert fig7_claims.agreed([True, False]) is None and fig7_claims.agreed([None, None]) is None


def test_answer_and_tables_of_infonce():
    frame = framed7(weighed("Original", 0.0, {0.0: 0.10, 0.3: 0.15}, LATE | {0.3: LATE[0.9]}))
    grids = fig7_grids.fig7("reference")
    kept = list(results.draws_of(drawn(frame)).values())
    against = get_item(fig7_grids.ITEM).against
    compared = results.carrying(pd.DataFrame(results.comparisons(grids, kept, against)), kept)
    known = decided(compared, frame)
    [said] = fig7.answer(frame, known).sentences
    assert "**Gowalla, Original**: NDCG@20 0.1000 without InfoNCE, 0.1500 with γ = 0.3" in said
    assert "+0.0500 (better)" in said and "after 4.0 epochs as good as without after 2.0. 3 seeds." in said
    [line] = fig7.effect_table(frame, frame[:0], known).plain
    assert line[:2] == ["Original", "0%"] and line[-2:] == ["0.3", "+0.0500 (better)"]
    shown = fig7.WEIGHT.choice_table(fig7.by_method(frame), fig7.by_method(frame[:0]))
    assert shown.plain[0][:4] == ["Original", "0%", "0.3 (border)", "none"]
    assert fig7.answer(frame[:0], known[:0]).sentences == (f"**Gowalla**: {pending.NOT_YET}.",)
    assert pending.NOT_YET in fig7.effect_table(frame[:0], frame[:0], known[:0]).note
    for picture in (fig7.pace_picture(frame), fig7.WEIGHT.picture(fig7.by_method(frame))):
        assert Picture(picture, "").png()


# ---- Figure 2c and 2d


def degrees(users, items, both, kept):
    """Runs on Gowalla whose users and items have these magnitudes by bucket."""
    rows = []
    for seed in (0, 1):
        for field, sizes in (("users", users), ("items", items), (fig2.BOTH, both)):
            rows += [
                {"dataset": "gowalla", "backbone": "lightgcn", "sparsity": 0.5, "seed": seed, "l2": 0.1,
                 "field": field, "least": 2**i, "rows": 1, "magnitude": size, "kept": share, "start": 9.0,
                 "id": f"r{seed}"}
                for i, (size, share) in enumerate(zip(sizes, kept, strict=True))
            ]  # fmt: skip
    return pd.DataFrame(rows)


def test_popular_users_and_items_by_hand():
    up, down = (1.0, 2.0, 3.0, 4.0), (4.0, 3.0, 2.0, 1.0)
    less = tuple(x / 5 for x in down)
    told = lambda *sizes: list(verdicts(fig2_pairs.claims(degrees(*sizes))).values())
    assert told(down, down, down, less) == ["holds", "holds"]
    assert told(down, up, up, less[::-1]) == ["part", "fails"]
    assert told(up, up, up, (0.5,) * 4) == ["fails", "fails"]
    assert told(down, down, down, (0.2, 0.3, 0.25, 0.1)) == ["holds", "holds"]  # most in the mid range
    [claim, _] = fig2_pairs.claims(degrees(down, down, down, less))
    assert claim.found == "users: -1.00 to -1.00; items: -1.00 to -1.00"
    assert fig2_pairs.claims(degrees(down, down, down, less).assign(dataset="planted")) == []


def test_whose_numbers_go_is_of_users_and_items_together():
    frame = degrees((1.0, 2.0), (1.0, 2.0), (1.0, 2.0), (0.25, 0.75))
    shown = fig2.removed_table(frame)
    assert [line[-1] for line in shown.plain] == ["25%", "75%"]
    assert [line[5] for line in fig2.main_table(frame, frame[:0]).plain] == ["lower", "lower", "–"]


def test_only_magprunes_runs_of_table_6_are_asked():
    grids = fig2_pairs.grids("reference", sets="gowalla")
    assert [[arm.label for arm in grid.arms] for grid in grids] == [["MagPrune"]] * 6
    searches, finals = grids[0::2], grids[1::2]  # one of each for each sparsity
    assert {grid.item for grid in grids} == {fig2_pairs.OF} and [one.picks for one in finals] == searches
    shares = [{arm.budget.share for arm in (*a.arms, *b.arms)} for a, b in zip(searches, finals, strict=True)]
    assert shares == [{0.5}, {0.8}, {0.95}]


# ---- the search of collaborative filtering, the third set, verdicts


def test_found_of_searches_of_pairs(tmp_path):
    store = Store(tmp_path)
    grids = search_pairs.searches("reference", sets="gowalla", arms=("Original", "QR"))
    assert repr(search_pairs.found_by_search(grids, store, "x")) == (f"gowalla: {pending.NOT_YET}.")
    searched(grids, store, lambda rate: -abs(rate - 0.01))
    shown = search_pairs.found_by_search(grids, store, "x")
    [chosen, *borders] = shown.parts
    # QR with LightGCN is searched at each sparsity, in intervals of its own
    assert len(chosen.plain) == 6 and len(borders) == 3
    columns = dict(zip(chosen.header[-1], zip(*chosen.plain, strict=True), strict=True))
    assert "validation NDCG@20" in columns
    assert columns["method"] == ("Original", "QR, 50%", "QR, 80%", "QR, 95%", "Original", "QR, 80%")
    assert [cell == "–" for cell in columns["γ"]] == [False] * 4 + [True] * 2
    assert [cell == "–" for cell in columns["dropout"]] == [True] * 4 + [False] * 2
    assert [lines.plain[0][2] for lines in borders] == ["1", "3", "2"]
    assert [[line[:2] for line in lines.plain[1:]] for lines in borders] == [
        [["λ", "0.001 to 0.05"], ["γ", "0.1 to 1"]],
        [["λ", "1e-05 to 0.05"], ["γ", "0 to 1"]],
        [["λ", "0.0001 to 0.1"], ["dropout", "0 to 0.5"]],
    ]
    found = search.trials(grids, store)
    graph = found[(found.arm == "QR") & (found.backbone == "lightgcn")]
    for t, first in (
        (0.5, cf_search.LARGE_START),
        (0.8, cf_search.LARGE_START),
        (0.95, cf_search.WITHOUT_CONTRAST),
    ):
        own = graph[graph.sparsity == t]
        assert list(own.drawn) == [*["start"] * 3, "random", "TPE"]
        assert dict(own.iloc[0][list(first)]) == first
    assert search.trials(grids, store).state.eq("done").all()


def test_a_choice_names_its_sparsity_while_searches_at_the_others_wait(tmp_path):
    store, grids = Store(tmp_path), search_pairs.searches("reference", sets="gowalla", arms=("QR",))
    searched(
        [grid for grid in grids if cf_search.searched_at(grid) == 0.95], store, lambda rate: -abs(rate - 0.01)
    )
    [line] = search_pairs.found_by_search(grids, store, "x").parts[0].plain
    assert "QR, 95%" in line


def test_every_hyper_parameter_of_the_recommenders_stands_beside_the_papers():
    rows = search_pairs.recommender_intervals().plain
    assert len(rows) == 12 and all(row[3] for row in rows)
    assert ["LightGCN", "d", "64", "64", ""] in rows


def test_third_set_needs_no_data_to_be_planned():
    item = get_item(third_grids.ITEM)
    assert set(item.profiles) == {"reference", "paper"}
    [found, *others] = grids = item.grids("reference")
    searches, finals = grids[:4], grids[4:]
    assert found.dataset().fingerprint and [final.picks for final in finals] == searches
    assert [len(grid.arms) for grid in (found, *others)] == [1, 5, 5, 5] * 2
    assert {spec.dataset.name for spec in found.plan(Store("nowhere"))} == {third_grids.NAME}
    assert pending.NOT_YET in third.third_table().caption
    with pytest.raises(LfmpError, match="its own data sets alone"):
        item.on("reference", found.dataset())


def test_a_judge_without_records_says_so():
    none, some = (lambda: pd.DataFrame({"id": []})), (lambda: pd.DataFrame({"id": ["a"]}))

    def refuse(_):
        raise LfmpError("not compared yet")

    judge = Judge("x", "", (), none, refuse)
    assert repr(pending.verdicts_or_reason(judge)) == pending.NOT_YET
    assert repr(pending.verdicts_or_reason(replace(judge, reference=some))) == "not compared yet"
