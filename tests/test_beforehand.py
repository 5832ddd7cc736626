"""What is wrong with a page's parameters is said before its kernel starts, over all pages."""

import numpy as np
import pytest

from lfmp_book import notebooks
from lfmp_book.beforehand import folder_parameters
from lfmp_core.data import InteractionSettings, load_prepared, own_interactions, prepare_interactions
from lfmp_core.data.load import holds_pairs
from lfmp_core.errors import DataError, LfmpError, UnknownName, WrongValue

NAMES = notebooks.notebook_names()
FOLDERS = {"dataset", "pairs", "clicks"}
# texts that only a page's cell can tell: what stands in a file or in one's own data, or is a matter of words
IN_A_CELL = {"only", "paper", "removes", "figures", "field", "model", "variant"}
OF_A_WALK = {("lightfmp_walkthrough", "backbone")}  # a page without grids


@pytest.fixture(autouse=True)
def no_data(monkeypatch):
    """Nothing is read to tell whether names are right."""
    monkeypatch.delenv("LFMP_DATA", raising=False)


@pytest.fixture
def pairs(tmp_path):
    users, items = np.divmod(np.arange(80), 8)
    lines = (f"u{user},i{item}\n" for user, item in zip(users, items, strict=True))
    (tmp_path / "visits.csv").write_text("who,what\n" + "".join(lines))
    source = own_interactions(tmp_path / "visits.csv", "who", "what")
    prepare_interactions(source, tmp_path / "visits", InteractionSettings())
    return tmp_path / "visits"


def page(name):
    path = notebooks.find_notebook(name)
    return path, notebooks.declared_parameters(path)


@pytest.mark.parametrize("name", NAMES)
def test_every_text_is_held_against_what_the_page_knows(name):
    path, declared = page(name)
    texts = {key for key, default in declared.items() if isinstance(default, str)}
    for key in texts - IN_A_CELL:
        if (name, key) not in OF_A_WALK:
            with pytest.raises(LfmpError, match="zzz"):
                notebooks.check_parameters(path, {key: "zzz"})
    sources = [cell.source for cell in notebooks.read_notebook(path).cells]
    assert folder_parameters(sources).keys() == declared.keys() & FOLDERS


@pytest.mark.parametrize("name", NAMES)
def test_what_a_page_has_by_itself_is_right(name):
    path, declared = page(name)
    profiles = ("quick", "reference") if declared.get("profile") else ("",)
    for profile in profiles:
        given = declared | ({"profile": profile} if profile else {})
        assert notebooks.check_parameters(path, given) == given


@pytest.mark.parametrize(
    ("name", "key", "value", "refused"),
    [
        ("lers_table6_cf", "sparsities", "1.5", "sparsities is 1.5: it must be at least 0 and below 1"),
        ("lers_table6_cf", "sparsities", "80", "sparsities is 80.0"),
        ("lers_table7_retain", "sparsities", "half", "sparsities: numbers with commas between, not 'half'"),
        ("lightfmp_fig2c_prune_ratio", "prune_ratios", "0,2", "prune_ratios is 2.0"),
        ("lightfmp_fig2a_phase_times", "learning_rates", "-1", "learning_rates is -1.0"),
    ],
)
def test_numbers_in_a_list_have_bounds(name, key, value, refused):
    with pytest.raises(WrongValue, match=refused):
        notebooks.check_parameters(notebooks.find_notebook(name), {key: value})


def test_names_in_a_list_are_named():
    path = notebooks.find_notebook("lers_table6_cf")
    with pytest.raises(UnknownName, match="unknown recommender 'lightgnc'; did you mean 'lightgcn'"):
        notebooks.check_parameters(path, {"recommenders": "neumf, lightgnc"})
    given = {"recommenders": "lightgcn", "sparsities": "0.5, 0.8", "seeds": 2}
    assert notebooks.check_parameters(path, given) == given


def test_a_folder_is_looked_for_and_into(pairs, planted, tmp_path):
    """Of both kinds: the nearest beside it, and which kind belongs there."""
    of_pairs, of_rows = map(notebooks.find_notebook, ("lers_table6_cf", "lers_table5_ctr"))
    for path, folder in ((of_pairs, pairs), (of_rows, planted.folder)):
        assert notebooks.check_parameters(path, {"dataset": str(folder)}) == {"dataset": str(folder)}
        with pytest.raises(LfmpError, match=r"[Dd]id you mean '.*visits'"):
            notebooks.check_parameters(path, {"dataset": str(tmp_path / "visit")})
    with pytest.raises(
        DataError, match=r"holds rows of clicks, where dataset takes pairs.*--user and --item"
    ):
        notebooks.run_notebook(of_pairs, tmp_path / "out.ipynb", {"dataset": str(planted.folder)})
    with pytest.raises(DataError, match=r"holds pairs of users and items, where dataset takes rows.*--label"):
        notebooks.run_notebook(of_rows, tmp_path / "out.ipynb", {"dataset": str(pairs)})
    assert not [*tmp_path.glob("*.ipynb"), *tmp_path.glob(".*.ipynb")]


def test_which_kind_a_folder_holds_is_what_opens(pairs, planted, tmp_path):
    for folder in (pairs, planted.folder):
        assert holds_pairs(folder) == hasattr(load_prepared(folder), "num_users")
    with pytest.raises(DataError, match=r"no prepared dataset here\. Prepare the dataset again"):
        holds_pairs(tmp_path / "somewhere else" / "none")
