"""The grids of the selection pages hold what their pages say."""

from dataclasses import replace

import fake_runs
import pytest

from lfmp_book.lers import grids as lers
from lfmp_book.lightfmp import (
    choice_grids as lightfmp_choices,
)
from lfmp_book.lightfmp import (
    grids as lightfmp,
)
from lfmp_book.lightfmp import (
    open_grids as lightfmp_open,
)
from lfmp_book.lightfmp import (
    selection_grids as lightfmp_selection,
)
from lfmp_book.sets import CRITEO_SAMPLE
from lfmp_core.budget import Budget
from lfmp_core.data.shadows import shadow_fingerprint
from lfmp_core.errors import LfmpError, UnknownName
from lfmp_core.experiments.record import Record
from lfmp_core.experiments.spec import DatasetRef
from lfmp_core.experiments.store import Store
from lfmp_core.masking import num_kept
from lfmp_core.methods import METHODS


def test_a_search_may_decide_for_an_arm_of_another_name(tmp_path):
    store, search = Store(tmp_path), fake_runs.grid()
    for spec in search.plan(store):
        store.put(
            Record(spec=spec, metrics={"val_auc": 0.7 + (spec.training["learning_rate"] == 0.003) / 10})
        )
    arm = replace(search.arms[1], label="another", budget=Budget(0.25), searched_as="light .5")
    follower = replace(search, item="other", arms=(arm,), candidates=({},), picks=search)
    plan = follower.plan(store)
    assert [s.training["learning_rate"] for s in plan] == [0.003] * 4 and {s.prune_ratio for s in plan} == {
        0.25
    }
    lost = replace(follower, arms=(replace(arm, searched_as="lihgt .5"),))
    with pytest.raises(UnknownName, match=r"light \.5"):
        lost.plan(store)


def test_a_grid_of_choices_plans_choices_alone(tmp_path):
    plan = fake_runs.grid(candidates=({},), role="choice").plan(Store(tmp_path))
    assert {spec.role for spec in plan} == {"choice"} and len(plan) == 8


def test_table2_gives_every_selector_the_same_chances():
    grids = lightfmp_selection.table2("reference")
    assert [g.dataset.name for g in grids] == ["criteo", "ml-1m", "avazu"]
    assert [len(g.seeds) for g in grids] == [3, 3, 10]
    for grid in grids:
        assert len(grid.candidates) == 3 and len({arm.label for arm in grid.arms}) == 21
        used = {arm.method for arm in grid.arms}
        choosing = {m for m in METHODS if METHODS[m].chooser is not None} | {"no_selection"}
        assert used == choosing - {"light_fmp_regrow"}
        assert {arm.budget.share for arm in grid.arms if arm.method != "no_selection"} == {0.5}
    pretraining = [a.method_settings.pretrain_rows for a in grids[2].arms if a.method == "light_fmp"]
    assert max(pretraining) == 27_182  # no more than Avazu has


def test_the_papers_lowest_rates_are_looked_at_on_validation_only(tmp_path):
    grid = lightfmp_selection.paper_rates()
    plan = grid.plan(Store(tmp_path))
    assert {spec.role for spec in plan} == {"search"}
    assert {spec.training["learning_rate"] for spec in plan} == {1e-5, 1e-4}


def test_shadow_choices_keep_as_many_fields_as_without_shadows():
    criteo, movies, avazu = lightfmp_choices.shadows("reference")
    for grid, m in ((criteo, 39), (movies, 7), (avazu, 22)):
        assert {num_kept(2 * m, arm.budget.share) for arm in grid.arms} == {num_kept(m, 0.5)}
        assert grid.role == "choice" and isinstance(grid.dataset, DatasetRef)
    base = CRITEO_SAMPLE.fingerprint
    assert criteo.dataset.fingerprint == shadow_fingerprint(base, criteo.dataset.settings["shadows"])


def test_fig2b_changes_the_weights_alone():
    kept, fresh = lightfmp_selection.fig2b("reference")
    assert kept.item == "lightfmp_table3"  # Table 3's own runs, not run again
    by_label = {arm.label: arm.method_settings for arm in kept.arms}
    for arm in fresh.arms:
        before = by_label[arm.label.removesuffix(", fresh weights")]
        assert (
            before.keep_weights and before.model_copy(update={"keep_weights": False}) == arm.method_settings
        )


def test_fig2d_sizes_take_about_the_same_steps():
    _, sizes = lightfmp_selection.fig2d("reference")
    steps = []
    for arm in sizes.arms:
        own = arm.method_settings
        steps.append(own.pretrain_passes * -(-own.pretrain_rows // own.pretrain_batch_size))
    assert [arm.method_settings.pretrain_rows for arm in sizes.arms] == [
        229,
        458,
        2_000,
        10_000,
        45_840,
        100_000,
    ]
    assert max(steps) <= 2.2 * min(steps)


def test_open_questions_change_one_thing_each():
    grid = lightfmp_open.open_questions("reference")
    arms = {arm.label: arm for arm in grid.arms}
    for label, arm in arms.items():
        if ":" not in label:
            continue
        base, own = arms[label.split(":")[0]].method_settings, arm.method_settings
        changed = {key for key in type(own).model_fields if getattr(own, key) != getattr(base, key, None)}
        assert changed in ({"subset"}, {"tolerance"}, {"regrow_after", "revision"}), label


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (lambda: lightfmp_selection.table2(sets="crito"), "unknown data set 'crito'; did you mean 'criteo'"),
        (lambda: lers.table5("reference", sets=["avazu", "x"]), "unknown data set 'x'"),
        (lambda: lers.table4(backbones="deepfn"), "unknown backbone 'deepfn'; did you mean 'deepfm'"),
        (lambda: lers.table5(sparsities="0.5,half"), "sparsities: numbers with commas between"),
        (lambda: lightfmp.table3(learning_rates="1e-3;1e-2"), "learning_rates: numbers"),
    ],
)
def test_what_a_page_is_given_is_refused_by_name(given, message):
    with pytest.raises(LfmpError, match=message):
        given()


def test_the_quick_profile_has_one_set_whatever_is_named():
    assert len(lers.table4(sets="criteo,avazu")) == len(lightfmp_selection.table2(sets="avazu, criteo")) == 1
    assert [g.dataset.name for g in lers.table4("reference", sets="avazu,criteo")] == ["avazu", "criteo"]
