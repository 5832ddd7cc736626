"""Pages on one's own pairs of users and items speak of these alone, and of what knows less first."""

import re

import numpy as np
import pandas as pd
import pytest
from fake_records import fill

from lfmp_book.evidence import results
from lfmp_book.lers import cf_search
from lfmp_book.lers.grids import ORIGINAL
from lfmp_book.own import page, words
from lfmp_book.own.pages import PAGES
from lfmp_book.own.ways import OwnRun, beside_whole, ways_of
from lfmp_core.data import own_interactions, prepare_interactions
from lfmp_core.errors import LfmpError
from lfmp_core.experiments.grid import fitted
from lfmp_core.experiments.own_data import prepared
from lfmp_core.experiments.own_sizes import batch_of_pairs
from lfmp_core.experiments.profiles import OWN
from lfmp_core.experiments.spec import plain
from lfmp_core.experiments.store import store_for

STRANGE = re.compile("gowalla|yelp|planted|click|field|AUC|verdict|not testable", re.IGNORECASE)


@pytest.fixture(scope="module")
def own(tmp_path_factory):
    """120 users of ten items each, of forty."""
    folder = tmp_path_factory.mktemp("own")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LFMP_HOME", str(folder / "home"))
        users = np.repeat(np.arange(120), 10)
        items = (users * 7 + np.tile(np.arange(10), 120) * 3) % 40
        pd.DataFrame({"who": users, "what": items}).to_csv(folder / "visits.csv", index=False)
        source = own_interactions(folder / "visits.csv", "who", "what")
        yield prepare_interactions(source, out=folder / "visits")


@pytest.fixture(scope="module")
def shown(own):
    """Table 6 with three methods at one sparsity, its runs made up."""
    ref = prepared(own.folder)
    made = page.own_grids(PAGES["lers_table6_cf"], OWN, ref, {"sparsities": "0.5", "seeds": 2, "trials": 1})
    fill(made, store_for(OWN), own)
    return made, list(page.page_parts(PAGES["lers_table6_cf"], made, ref, OWN, 1))


@pytest.mark.filterwarnings("ignore:.*is left out on visits")
def test_table_6_speaks_of_ones_own_pairs(shown):
    _, (said, table, picture, controls, ran) = shown
    text = "\n".join(map(repr, (said, table, picture, controls, ran)))
    assert not STRANGE.search(text), STRANGE.search(text)
    assert repr(said).startswith(
        "On visits the whole model reaches a test NDCG@20 of 0.2005 for 120 users of 40 items."
    )
    assert "What knows less: popularity 0.1000; iALS 0.1005 and iALS, own size 0.1005." in repr(said)
    assert "120 users with test items, 2 seeds a line" in repr(said)
    lines = [line for line in repr(table).splitlines() if line.startswith(("nothing", "50%"))]
    assert lines[0].startswith("nothing             Original") and "smaller dense" in repr(table)
    whole, half = 64 * 160 * 4 / 1e3, 64 * 160 * 4 / 2e3
    [dense] = [line for line in lines if " smaller dense  " in line]
    assert f"{half:.1f}" in dense and "50.0%" in dense and f"{whole:.1f}" in lines[0]
    assert "popularity" in repr(controls) and "iALS" in repr(controls)
    assert "960 train pairs, 120 val pairs, 120 test pairs; 120 users, 40 items." in repr(ran)


def test_a_whole_model_below_popularity_is_said_first(own, shown):
    grids, _ = shown
    store = store_for(OWN)
    run, compared = results.frame(grids, store), results.compare(grids, store, against=("Original",))
    better = run.assign(test_ndcg20=run.test_ndcg20.where(run.arm != "popularity", 0.3))
    told = OwnRun(own, grids, store, OWN, better, compared)
    said = repr(words.answer(told, beside_whole(ways_of(told))))
    assert "**What knows less is as good and better**: popularity 0.3000; iALS 0.1005" in said
    assert "First the whole model has to beat it." in said


def test_lightgcn_and_what_is_cut_from_it_are_searched_alike_in_batches_that_suit_the_pairs(own):
    ref = prepared(own.folder)
    made = page.own_grids(
        PAGES["lers_table6_cf"], OWN, ref, {"sparsities": "0.5", "recommenders": "lightgcn"}
    )
    searches = [grid for grid in made if grid.tpe and plain(grid.backbones[0])["name"] == "lightgcn"]
    spaces = {str(grid.tpe_of(arm)) for grid in searches for arm in grid.arms}
    assert len(spaces) == 1 and "0.0" in spaces.pop()
    assert searches[0].tpe.space == cf_search.COMPRESSED_SPACE
    assert {plain(grid.training)["batch_size"] for grid in searches} == {batch_of_pairs(960)} == {64}
    assert batch_of_pairs(726_000) == 16_384 and batch_of_pairs(10**8) == 16_384
    assert fitted(made, ref)[0].training.batch_size == 64
    assert ORIGINAL in {arm.label for grid in searches for arm in grid.arms}


def test_the_sets_page_describes_them(own):
    [told] = page.page_parts(PAGES["lers_table3_cf_datasets"], (), prepared(own.folder), OWN, 1)
    assert "visits: 120 users, 40 items" in repr(told)


def test_a_page_of_the_other_kind_names_those_that_fit(own):
    with pytest.raises(LfmpError, match="is about clicks, and visits holds interactions: take one of lers_t"):
        page.show_own("lers_table5_ctr", {"_lfmp_given": {"dataset": str(own.folder)}})
