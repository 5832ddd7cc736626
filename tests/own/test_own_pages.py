"""Pages on one's own data speak of that data alone, and of all that could be run."""

import re
from dataclasses import replace

import nbformat
import pandas as pd
import pytest
from fake_records import fill

from lfmp_book import notebooks
from lfmp_book.evidence import results
from lfmp_book.lers import grids as lers
from lfmp_book.own import page, tables, words
from lfmp_book.own.pages import PAGES
from lfmp_book.own.ways import OwnRun, ways_of
from lfmp_book.parameters import check, declare, given
from lfmp_core import cli
from lfmp_core.data import own_table
from lfmp_core.data.prepared import prepare_cached
from lfmp_core.experiments.items import get_item
from lfmp_core.experiments.own_data import prepared
from lfmp_core.experiments.profiles import OWN
from lfmp_core.experiments.store import store_for

STRANGE = re.compile("criteo|avazu|movielens|ml-1m|planted|gowalla|verdict|not testable", re.IGNORECASE)
# pages that show their own pairs beside others', that say the same of all data, or are about planted rows
OTHERS = {
    *("lers_conventions", "lers_fig5_nmin", "lers_fig7_infonce", "lers_table7_retain", "lers_walkthrough"),
    *("lightfmp_walkthrough", "planted_recovery", "your_data"),
}
NUMBERS = 16 * 12  # of the plain table: 3 fields of 2, 3 and 4 values, and an id for the unseen of each


@pytest.fixture(scope="module")
def own(tmp_path_factory):
    """600 rows of three columns with few values."""
    folder = tmp_path_factory.mktemp("own")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LFMP_HOME", str(folder / "home"))
        columns = {f"f{k}": [f"v{i % (k + 2)}" for i in range(600)] for k in range(3)}
        clicked = [int(i % 5 < 2) for i in range(600)]
        pd.DataFrame({"y": clicked, **columns}).to_csv(folder / "visits.csv", index=False)
        yield prepare_cached(own_table(folder / "visits.csv", "y"), out=folder / "visits", progress=False)


def shown(own, name, lost=(), **options):
    """What a page shows, its runs made up."""
    asked, ref = PAGES[name], prepared(own.folder)
    grids = page.own_grids(asked, OWN, ref, options)
    fill(grids, store_for(OWN), own, lost)
    return grids, list(page.page_parts(asked, grids, ref, OWN, 1))


@pytest.mark.filterwarnings("ignore:.*is left out on visits")
@pytest.mark.parametrize("name", [name for name, one in PAGES.items() if one.holds == "clicks"])
def test_a_page_speaks_of_ones_own_data_alone(own, name):
    few = {"seeds": 1} if PAGES[name].grids and name != "lers_table4_search" else {}
    few |= {"backbones": "dnn"} if name == "lightfmp_table3_backbones" else {}
    few |= {"trials": 1} if name in ("lers_table4_search", "lers_table5_ctr", "lers_fig2_frequency") else {}
    grids, parts = shown(own, name, **few)
    text = "\n".join(map(repr, parts))
    assert not STRANGE.search(text), STRANGE.search(text)
    assert "visits" in text and (not grids or "482 train rows" in text)
    finals = [grid for grid in grids if grid.seeds and grid.role == "final"]
    if finals and name != "lers_fig2_frequency":
        first, second = map(repr, parts[:2])
        assert first.startswith("On visits the whole model reaches a test AUC of 0.75")
        assert second.startswith("visits: what was removed, and what it costs")


@pytest.fixture(scope="module")
def compressed(own):
    """Table 5 with four methods at its own two sparsities."""
    with pytest.warns(UserWarning, match="is left out on visits"):
        return shown(own, "lers_table5_ctr", arms="Original; smaller dense; QR; PEP", trials=1)


def test_what_cant_be_is_known_and_the_rest_appears(own, compressed):
    grids, parts = compressed
    lines = repr(parts[1]).splitlines()
    found = [re.split(r"  +", line) for line in lines[3:-1]]
    assert [line[:2] for line in found] == [
        ["nothing", "Original"],
        *([f"{t} of the numbers", arm] for t in ("50%", "80%") for arm in ("PEP", "smaller dense", "QR")),
    ]
    # 3 remainders and 4 quotients tell 12 ids apart: at least 7 rows of 16
    assert all("– (needs at least 112 numbers)" in line for line in lines if " QR " in line)
    assert {arm.label for grid in grids for arm in grid.arms} == {"Original", "smaller dense", "PEP"}


def test_bytes_of_the_table_are_those_of_its_numbers(own, compressed):
    """16 numbers an id, four bytes a number; what batch norm keeps besides (24 bytes) is no table's."""
    grids, _ = compressed
    store = store_for(OWN)
    made = OwnRun(
        own,
        grids,
        store,
        OWN,
        results.frame(grids, store),
        results.compare(grids, store, against=("Original",)),
    )
    sizes = {(way.arm, way.budget.share): way.table_bytes for way in ways_of(made)}
    assert sizes["Original", 0.0] == 4 * NUMBERS
    assert sizes["smaller dense", 0.5] == 4 * NUMBERS / 2
    assert sizes["PEP", 0.8] == 4 * round(NUMBERS * 0.2)


def test_fields_are_named_with_the_trainings_that_keep_them(own):
    _, parts = shown(own, "lightfmp_table3_backbones", backbones="dnn", seeds=2)
    [table] = [part for part in parts if "fields that stay, by name" in repr(part)]
    assert all(row[-2:] == ["f0, f1", "–"] for row in table.plain) and len(table.plain) == 3
    assert "Kept in none of them: f2." in repr(parts)
    assert "Better than as many fields at random: " in repr(parts[0])


def test_a_run_that_fails_is_named_and_takes_nothing_away(own, monkeypatch, tmp_path):
    monkeypatch.setenv("LFMP_HOME", str(tmp_path))
    with pytest.warns(UserWarning, match="is left out on visits"):
        _, parts = shown(own, "lers_table5_ctr", lost=("pep",), arms="Original; QR; MagPrune; PEP", trials=1)
    said = "\n".join(map(repr, parts))
    assert "MagPrune" in said and not [line for line in repr(parts[1]).splitlines() if " PEP " in line]


def test_sizes_suit_the_rows_and_the_command_plans_the_same(own, capsys):
    ref = prepared(own.folder)
    grid = get_item("lightfmp_table3").on(OWN, ref).grids(OWN)[0]
    [asked] = page.own_grids(PAGES["lightfmp_table3_backbones"], OWN, ref, {})
    store = store_for(OWN)
    assert [spec.id for spec in grid.plan(store)] == [spec.id for spec in asked.plan(store)]
    assert grid.training.batch_size == 64 and len(grid.seeds) == 3 and len(grid.candidates) == 2
    assert {tuple(backbone["hidden"]) for backbone in grid.backbones} == {(128, 64)}
    with pytest.raises(SystemExit, match="0"):
        cli.main(["plan", "lightfmp_table3", "--dataset", str(own.folder)])
    assert grid.plan(store)[0].id in capsys.readouterr().out


def test_an_arm_that_cant_be_at_the_search_is_searched_where_it_can(own):
    """Hashing can have 6 rows of 16 for half of the 192 numbers, and no 38 for a fifth."""
    with pytest.warns(UserWarning, match="hashing at 80% of the numbers is left out on visits"):
        [search] = lers.table4(OWN, dataset=prepared(own.folder), sets="criteo", arms="hashing; PEP")
    assert {arm.label: arm.budget.share for arm in search.arms} == {"PEP": 0.8, "hashing": 0.5}


def test_every_page_that_takes_rows_has_its_own_page():
    takes = set()
    for name in notebooks.notebook_names():
        path = notebooks.find_notebook(name)
        if "dataset" in notebooks.declared_parameters(path):
            takes.add(name)
            called = f'own_page("{name}", globals())' in "\n".join(
                c.source for c in nbformat.read(path, 4).cells
            )
            assert called == (name in PAGES), name
    assert takes == PAGES.keys() | OTHERS


def test_lfmp_notebook_leaves_out_what_speaks_of_other_data(own, tmp_path):
    made = notebooks.run_notebook("data", tmp_path / "mine.ipynb", {"dataset": str(own.folder)})
    cells = nbformat.read(made, 4).cells
    own_cells = [c.cell_type for c in cells if "injected-parameters" not in c.metadata.get("tags", [])]
    assert own_cells == [
        "markdown", "code", "code",
    ]  # fmt: skip
    said = "\n".join(out.data.get("text/plain", "") for out in cells[-1].outputs if "data" in out)
    assert "Fields of visits" in said and not STRANGE.search(said)
    assert f"lfmp notebook data -o out.ipynb -p dataset {own.folder}" in said


def test_a_default_that_is_given_counts_as_given():
    page = {"profile": "quick", "trials": 2, "In": ["", "the cell of parameters"]}
    declare(page)
    page["In"] += ["# Parameters\nprofile = 'quick'\n", "check(globals())"]
    check(page)
    assert given(page) == {"profile": "quick"}


def test_few_clicks_are_said_first_of_all(own, compressed):
    grids, _ = compressed
    schema = own.schema.model_copy(update={"positives": {**own.schema.positives, "test": 7}})
    store = store_for(OWN)
    data = replace(own, schema=schema)
    run, compared = results.frame(grids, store), results.compare(grids, store, against=("Original",))
    made = OwnRun(data, grids, store, OWN, run, compared)
    assert "With 7 clicks among the test rows hardly anything can be told" in repr(
        words.answer(made, ways_of(made))
    )
    assert tables.picture(made, ways_of(made)) is not None
