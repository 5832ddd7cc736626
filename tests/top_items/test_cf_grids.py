"""Grids of collaborative filtering: every arm of the quick profile can be run, as can one's own pairs."""

import json
import warnings

import numpy as np
import pytest

from lfmp_book.lers import cf_arms, cf_grids
from lfmp_book.lers import cf_search as tuning
from lfmp_core.data import InteractionData, own_interactions, prepare_interactions
from lfmp_core.data.interactions.planted import plant_interactions
from lfmp_core.errors import LfmpError
from lfmp_core.experiments.executor import execute, task_on
from lfmp_core.experiments.items import get_item
from lfmp_core.experiments.own_data import prepared
from lfmp_core.experiments.search import TPE
from lfmp_core.experiments.spec import plain
from lfmp_core.experiments.store import Store
from lfmp_core.methods import get_method
from lfmp_core.methods.compression.reach import out_of_reach
from lfmp_core.settings import canonical_json
from lfmp_core.tasks import TopItems


@pytest.fixture(scope="module")
def planted_pairs():
    settings = cf_arms.InteractionSettings()
    return InteractionData.of("planted_interactions", plant_interactions(cf_arms.PLANTED), settings)


@pytest.mark.parametrize("name", cf_arms.RECOMMENDERS)
def test_every_sparsity_of_the_quick_profile_is_within_reach(name, planted_pairs):
    """Else a page would end with runs that failed."""
    (original, search, whole, final, *controls) = cf_grids.table6("quick", recommenders=name)
    task = task_on(planted_pairs, plain(search.backbones[0]))
    arms = [*original.arms, *search.arms, *whole.arms, *final.arms]
    assert len(arms) == 10 + 1 + 3 * 9
    assert not [arm.label for arm in arms if out_of_reach(arm.method_settings, arm.budget, task)]
    assert {arm.label for grid in controls for arm in grid.arms} == set(cf_arms.CONTROLS)


def test_public_sets_need_no_data_to_be_planned():
    grids = cf_grids.table6("reference")
    assert all(grid.dataset.fingerprint for grid in grids)
    finals = [grid for grid in grids if grid.picks and grid.arms[0].label not in cf_arms.CONTROLS]
    cells = [
        (grid.dataset.name, plain(grid.backbones[0])["name"], arm.label, arm.budget.share)
        for grid in finals
        for arm in grid.arms
    ]
    assert len(cells) == len(set(cells)) == 4 * 28 and all(grid.picks in grids for grid in finals)
    few = cf_grids.table6("reference", sets="gowalla", recommenders="neumf", sparsities="0.8")
    assert {grid.dataset.name for grid in few} == {"gowalla"}
    assert [len(grid.arms) for grid in few if len(grid.arms) > 1] == [9, 9]


def test_a_final_run_says_which_loops_were_timed(tmp_path, monkeypatch):
    """A record from before these loops has the same numbers and another time."""
    monkeypatch.setenv("LFMP_HOME", str(tmp_path))
    [grid] = cf_grids.conventions("quick", recommenders="lightgcn")
    record, _ = execute(grid.plan(Store(tmp_path))[0])
    assert record.spec.role == "final" and record.details["timed"] == TopItems.timed
    details = {key: value for key, value in record.details.items() if key != "timed"}
    assert record.same_result(record.model_copy(update={"details": details}))
    assert not record.same_result(record.model_copy(update={"details": {**details, "sparsity": 0.5}}))


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
    models = [grid for grid in grids if grid.arms[0].label not in cf_arms.CONTROLS]
    for name in cf_arms.RECOMMENDERS:
        of = [grid for grid in models if plain(grid.backbones[0])["name"] == name]
        searched = [(arm.label, arm.budget.share) for grid in of if grid.tpe for arm in grid.arms]
        assert {("Original", 0.0), ("QR", 0.8), ("MagPrune", 0.8)} <= set(searched)
    for grid in models:
        assert ("QR", 0.95) not in [(arm.label, arm.budget.share) for arm in grid.arms]
        task = task_on(own, plain(grid.backbones[0]))
        assert all(out_of_reach(arm.method_settings, arm.budget, task) is None for arm in grid.arms)


def test_rows_of_clicks_are_not_pairs(planted, tmp_path, monkeypatch):
    monkeypatch.setenv("LFMP_HOME", str(tmp_path / "home"))
    with pytest.raises(LfmpError, match="lightgcn learns from interactions; planted holds clicks"):
        get_item("lers_table6").on("quick", prepared(planted.folder))


def test_pairs_are_not_rows_of_clicks(own):
    with pytest.raises(LfmpError, match="deepfm learns from clicks; mine holds interactions"):
        get_item("lers_table5").on("quick", prepared(own.folder))


def reference_tunings(name):
    """By sparsity that is searched at: the grid, and the sparsities that it decides for."""
    found = cf_grids.tunings("reference", sets="gowalla", recommenders=name)
    return {tuning.searched_at(grid): (grid, serves) for grid, serves in found}


def test_lightgcn_is_searched_at_each_sparsity():
    """As in LERS, whose best γ falls with the sparsity (Fig. 7); no choice serves another sparsity."""
    found = reference_tunings("lightgcn")
    assert {t: serves for t, (_, serves) in found.items()} == {0.0: (), **{t: (t,) for t in (0.5, 0.8, 0.95)}}
    every = list(cf_arms.METHODS)
    arms = {t: [arm.label for arm in grid.arms] for t, (grid, _) in found.items()}
    assert arms == {0.0: ["Original"], 0.5: every, 0.8: every, 0.95: every}
    for grid in cf_grids.table6("reference", sets="gowalla", recommenders="lightgcn"):
        if grid.picks:
            assert len({arm.budget.share for arm in (*grid.arms, *grid.picks.arms)}) == 1
    latent = {t: serves for t, (_, serves) in reference_tunings("neumf").items()}
    assert latent == {0.0: (), 0.8: (0.5, 0.8, 0.95)}


def test_tables_that_were_cut_before_are_trained_with_more_patience_and_no_more_epochs():
    """Under much InfoNCE they fall for some epochs before they rise; in trials and finals alike."""
    grids = cf_grids.table6("reference", sets="gowalla", recommenders="lightgcn")
    grids = [grid for grid in grids if plain(grid.backbones[0])["name"] == "lightgcn"]
    own = {tuning.searched_at(grid): [] for grid in grids}
    for grid in grids:
        training = plain(grid.training)
        own[tuning.searched_at(grid)].append((training["patience"], training["epochs"]))
    four, eight, all_of_a_trial = ([(n, 16), (n, 24)] for n in (4, 8, 16))
    assert own == {0.0: four, 0.5: eight, 0.8: all_of_a_trial, 0.95: all_of_a_trial}


def test_a_search_is_left_out_where_nothing_of_its_sparsities_is_asked_for():
    def searched(sparsity):
        grids = cf_grids.table6("reference", sets="gowalla", recommenders="lightgcn", sparsities=sparsity)
        tuned = [grid for grid in grids if grid.tpe and plain(grid.backbones[0])["name"] == "lightgcn"]
        return [(arm.label, arm.budget.share) for grid in tuned for arm in grid.arms]

    every = list(cf_arms.METHODS)
    assert searched("0.5") == [("Original", 0.0), *((label, 0.5) for label in every)]
    assert searched("0.95") == [("Original", 0.0), *((label, 0.95) for label in every)]


def test_where_and_from_what_lightgcn_is_searched():
    """At one sparsity all methods alike, in wider intervals than Original."""
    found = {t: grid for t, (grid, _) in reference_tunings("lightgcn").items()}
    [original] = found.pop(0.0).arms
    plain_tpe = found[0.5].tpe
    assert original.tpe is None
    alike = {t: {canonical_json(arm.tpe) for arm in grid.arms} for t, grid in found.items()}
    searches = {t: TPE(**json.loads(one)) for t, [one] in alike.items()}
    given = [tuning.SHARED_START, tuning.SMALL_START]
    many = [tuning.LARGE_START, *given]
    few = [tuning.WITHOUT_CONTRAST, *given]
    assert {t: list(tpe.starts) for t, tpe in searches.items()} == {0.5: many, 0.8: many, 0.95: few}
    assert {tpe.trials for tpe in [plain_tpe, *searches.values()]} == {5}
    for wide in searches.values():
        assert wide.space.keys() == plain_tpe.space.keys() and wide.space != plain_tpe.space
        assert all(
            wide.space[key].low <= narrow.low and narrow.high <= wide.space[key].high
            for key, narrow in plain_tpe.space.items()
        )
    quick = [grid for grid, _ in cf_grids.tunings("quick", recommenders="lightgcn")]
    latent = [grid for grid, _ in reference_tunings("neumf").values()]
    assert not any(arm.tpe for grid in [*latent, *quick] for arm in grid.arms)


def test_no_trial_of_a_compression_of_lightgcn_is_stopped_for_being_behind():
    """A training that ends best can be the last after its first epoch."""
    found = {t: grid for t, (grid, _) in reference_tunings("lightgcn").items()}
    stops = {t: {grid.tpe_of(arm).median_pruning for arm in grid.arms} for t, grid in found.items()}
    assert stops == {0.0: {True}, 0.5: {False}, 0.8: {False}, 0.95: {False}}


def test_fewer_trials_hold_for_every_search():
    found = cf_grids.tunings("reference", sets="yelp2018", recommenders="lightgcn", trials=1)
    tpes = [grid.tpe_of(arm) for grid, _ in found for arm in grid.arms]
    assert len(tpes) == 1 + 3 * 9 and all(tpe.trials == len(tpe.starts) == 1 for tpe in tpes)


def learnt(pairs, arm, **changes):
    """Mean size of LightGCN's vectors, and validation NDCG@20."""
    training = cf_arms.training_for("lightgcn", "quick").model_copy(update={"contrast": 0.1, **changes})
    task = task_on(pairs, plain(cf_arms.recommender_for("lightgcn", "", "quick")), plain(training))
    model = get_method(arm.method).run(task, arm.budget, 0, settings=arm.method_settings).model
    return model.embeddings().norm(dim=1).mean().item(), task.evaluate(model, "val").metrics["ndcg20"]


PLAIN = cf_grids.Arm("plain", "no_selection")


def test_rows_that_share_parts_shrink_under_a_penalty_with_which_a_plain_table_learns(planted_pairs):
    """What `COMPRESSED_SPACE` is for: some of what suits plain tables leaves QR no vectors."""
    [qr] = [arm for arm in cf_arms.compressions("quick", 0.8) if arm.label == "QR"]
    strong = tuning.SPACES["lightgcn"]["l2"].high
    size, ndcg = learnt(planted_pairs, PLAIN, l2=strong)
    shrunk, lost = learnt(planted_pairs, qr, l2=strong)
    assert shrunk < size / 5 and lost < ndcg / 5
    _, found = learnt(planted_pairs, qr, l2=tuning.SHARED_START["l2"])
    assert found > ndcg / 2


def test_infonce_that_a_plain_table_bears_leaves_nothing_of_one_with_few_numbers(planted_pairs):
    """What the search at 95 % and its trial without InfoNCE are for."""
    [pep] = [arm for arm in cf_arms.compressions("quick", 0.95) if arm.label == "PEP"]
    (plain_without, plain_with), (few_without, few_with) = (
        [learnt(planted_pairs, arm, contrast=weight)[1] for weight in (0.0, 0.1)] for arm in (PLAIN, pep)
    )
    assert plain_with > 0.8 * plain_without
    assert few_with < 0.2 * few_without and few_without > 0.3 * plain_without
