"""Grids of collaborative filtering: every arm of the quick profile can be run, as can one's own pairs."""

import warnings

import numpy as np
import pytest

from lfmp_book.lers import cf_grids
from lfmp_core.data import InteractionData, own_interactions, prepare_interactions
from lfmp_core.data.interactions.planted import plant_interactions
from lfmp_core.errors import LfmpError
from lfmp_core.experiments.executor import task_on
from lfmp_core.experiments.items import get_item
from lfmp_core.experiments.own_data import prepared
from lfmp_core.experiments.spec import plain
from lfmp_core.methods import get_method
from lfmp_core.methods.compression.reach import out_of_reach


@pytest.fixture(scope="module")
def planted_pairs():
    settings = cf_grids.InteractionSettings()
    return InteractionData.of("planted_interactions", plant_interactions(cf_grids.PLANTED), settings)


@pytest.mark.parametrize("name", cf_grids.RECOMMENDERS)
def test_every_sparsity_of_the_quick_profile_is_within_reach(name, planted_pairs):
    """Else a page would end with runs that failed."""
    (search, final, *controls) = cf_grids.table6("quick", recommenders=name)
    task = task_on(planted_pairs, plain(search.backbones[0]))
    arms = [*search.arms, *final.arms]
    assert len(arms) == 10 + 1 + 3 * 9
    assert not [arm.label for arm in arms if out_of_reach(arm.method_settings, arm.budget, task)]
    assert {arm.label for grid in controls for arm in grid.arms} == set(cf_grids.CONTROLS)


def test_public_sets_need_no_data_to_be_planned():
    grids = cf_grids.table6("reference")
    assert all(grid.dataset.fingerprint for grid in grids)
    finals = [grid for grid in grids if grid.picks and len(grid.arms) > 1]
    assert len(finals) == 4
    assert {len(grid.arms) for grid in finals} == {28} and all(grid.picks in grids for grid in finals)
    few = cf_grids.table6("reference", sets="gowalla", recommenders="neumf", sparsities="0.8")
    assert {grid.dataset.name for grid in few} == {"gowalla"}
    assert [len(grid.arms) for grid in few if len(grid.arms) > 1] == [10, 10]


@pytest.fixture
def own(tmp_path, monkeypatch):
    monkeypatch.setenv("LFMP_HOME", str(tmp_path / "home"))
    rng = np.random.default_rng(0)
    rows = {f"{user},{item}" for user in range(150) for item in rng.choice(130, 12, replace=False)}
    (tmp_path / "mine.csv").write_text("\n".join(["who,what", *sorted(rows)]) + "\n")
    source = own_interactions(tmp_path / "mine.csv", "who", "what")
    return prepare_interactions(source, tmp_path / "mine")


def test_ones_own_pairs_take_the_item_and_say_what_is_out_of_reach(own):
    """Of 150 users QR can have a fifth of the numbers, and no twentieth."""
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        item = get_item("lers_table6").on("quick", prepared(own.folder))
    grids = item.profiles["quick"]
    assert {grid.dataset.name for grid in grids} == {"mine"}
    assert any("QR at 95% of the numbers is left out on mine" in str(warning.message) for warning in said)
    for grid in (grid for grid in grids if len(grid.arms) > 1):
        asked = [(arm.label, arm.budget.share) for arm in grid.arms]
        assert {("Original", 0.0), ("QR", 0.8), ("MagPrune", 0.8)} <= set(asked)
        assert ("QR", 0.95) not in asked
        task = task_on(own, plain(grid.backbones[0]))
        assert all(out_of_reach(arm.method_settings, arm.budget, task) is None for arm in grid.arms)


def test_rows_of_clicks_are_not_pairs(planted, tmp_path, monkeypatch):
    monkeypatch.setenv("LFMP_HOME", str(tmp_path / "home"))
    with pytest.raises(LfmpError, match="lightgcn learns from interactions; planted holds clicks"):
        get_item("lers_table6").on("quick", prepared(planted.folder))


def test_pairs_are_not_rows_of_clicks(own):
    with pytest.raises(LfmpError, match="deepfm learns from clicks; mine holds interactions"):
        get_item("lers_table5").on("quick", prepared(own.folder))


def test_rows_that_share_parts_are_searched_where_a_plain_tables_intervals_end_too():
    """Each of their own intervals holds that of plain tables; NeuMF and quick have one for all."""
    grids = {plain(g.backbones[0])["name"]: g for g in cf_grids.searches("reference", sets="gowalla")}
    own = {arm.label: arm.tpe for arm in grids["lightgcn"].arms}
    assert {label for label, tpe in own.items() if tpe} == set(cf_grids.SHARED) < set(cf_grids.METHODS)
    wide, narrow = own["QR"].space, grids["lightgcn"].tpe.space
    assert wide.keys() == narrow.keys() and wide != narrow
    assert all(wide[key].low <= narrow[key].low and narrow[key].high <= wide[key].high for key in narrow)
    quick = cf_grids.searches("quick", recommenders="lightgcn")
    assert not any(arm.tpe for grid in [grids["neumf"], *quick] for arm in grid.arms)


def test_fewer_trials_hold_for_every_search():
    [grid] = cf_grids.searches("reference", sets="yelp2018", recommenders="lightgcn", trials=1)
    assert {grid.tpe_of(arm).trials for arm in grid.arms} == {1}
    assert all(len(grid.tpe_of(arm).starts) == 1 for arm in grid.arms)


def test_rows_that_share_parts_shrink_under_a_penalty_with_which_a_plain_table_learns(planted_pairs):
    """What `SHARED_SPACE` is for: within the intervals of plain tables lie some that leave QR no vectors."""
    recommender = plain(cf_grids.recommender_for("lightgcn", "", "quick"))
    training = cf_grids.training_for("lightgcn", "quick")
    [qr] = [arm for arm in cf_grids.compressions("quick", 0.8) if arm.label == "QR"]

    def learnt(l2, arm):
        task = task_on(
            planted_pairs, recommender, plain(training.model_copy(update={"l2": l2, "contrast": 0.1}))
        )
        model = get_method(arm.method).run(task, arm.budget, 0, settings=arm.method_settings).model
        return model.embeddings().norm(dim=1).mean().item(), task.evaluate(model, "val").metrics["ndcg20"]

    strong = cf_grids.SPACES["lightgcn"]["l2"].high
    size, ndcg = learnt(strong, cf_grids.Arm("plain", "no_selection"))
    shrunk, lost = learnt(strong, qr)
    assert shrunk < size / 5 and lost < ndcg / 5
    _, found = learnt(cf_grids.SHARED_START["l2"], qr)
    assert found > ndcg / 2
