"""One's own data: named by content, kept apart, found again by the command in a record's certificate."""

import shlex
import shutil

import fake_runs
import pytest

from lfmp_core.budget import Budget
from lfmp_core.data import Dataset, own_interactions, prepare_interactions
from lfmp_core.errors import DataError, LfmpError, UnknownName
from lfmp_core.experiments import doctor, engine, executor, store
from lfmp_core.experiments.executor import open_dataset, open_pairs, shadowed
from lfmp_core.experiments.items import Arm, Item
from lfmp_core.experiments.own_data import find_own, prepared
from lfmp_core.settings import canonical_json


@pytest.fixture(autouse=True)
def places(tmp_path, monkeypatch):
    """A home and a book of one's own."""
    monkeypatch.setenv("LFMP_HOME", str(tmp_path / "home"))
    monkeypatch.setattr(store, "project_root", lambda: tmp_path / "project")
    return tmp_path


def own_grid(profile="reference", **given):
    rates = ({"learning_rate": 0.003},)
    return fake_runs.grid(profile, backbones=({"name": "dnn"},), candidates=rates, **given)


@pytest.fixture
def items(monkeypatch):
    demo = Item("demo", "demo", "", {"reference": own_grid(), "quick": own_grid("quick")}, own=own_grid)
    monkeypatch.setattr(fake_runs, "ITEMS", {"demo": demo, "public": Item("public", "", "", demo.profiles)})
    return demo


def answers(lfmp, record):
    """What the certificate's command does: (exit code, runs that it computed)."""
    before = len(fake_runs.computed())
    program, *arguments = shlex.split(record.certificate.command)
    code, out, err = lfmp(*arguments, "--workers", "1", "--no-progress")
    assert program == "lfmp" and (code or "1 records" in out), err
    return code, fake_runs.computed()[before:]


def test_no_path_no_committed_place_and_a_command_that_runs(lfmp, items, planted, places):
    ref = prepared(planted.folder)
    made = engine.run_item(
        items.on("reference", ref), "reference", 1, runner=fake_runs.runner, progress=False
    )
    assert len(made) == 4 and not (places / "project").exists()
    for record in made:
        path = store.store_for("reference").path(record.spec)
        assert path.is_relative_to(places / "home") and str(planted.folder.parent) not in path.read_text()
        assert str(planted.folder) not in canonical_json(record)
    assert answers(lfmp, made[0]) == (0, [])
    path.unlink()
    assert answers(lfmp, record) == (0, [record.id]) and path.exists()


def test_what_a_notebook_asked_for_is_found_again(lfmp, items, planted):
    """Runs outside the item's plan: other parameters, one's own data or not."""
    for dataset in (prepared(planted.folder), own_grid().dataset):
        grid = own_grid("quick", dataset=dataset, arms=(Arm("odd", "odd", Budget(0.3)),))
        asked = Item("demo", "", "as asked for by a notebook", {"quick": grid})
        record, _ = engine.run_item(asked, "quick", 1, runner=fake_runs.runner, progress=False, asked=True)
        assert answers(lfmp, record) == (0, [])
        store.store_for("quick").path(record.spec).unlink()
        assert answers(lfmp, record) == (0, [record.id])


def test_the_name_of_ones_own_data(planted, tmp_path):
    folder, ref = planted.folder, prepared(planted.folder)
    assert ref.fingerprint == ref.prepared == planted.schema.fingerprint
    for words in (str(folder), planted.schema.name, ref.prepared, ref.prepared[:12]):
        assert find_own(words) == ref
    assert open_dataset(ref).folder == folder.absolute()
    assert open_dataset(shadowed(ref)).schema.num_fields == 2 * planted.schema.num_fields
    with pytest.raises(UnknownName, match=f"no data set 'other': .* Known: {ref.name}"):
        find_own("other")
    with pytest.raises(DataError, match=r"were never opened here.*--dataset FOLDER"):
        open_dataset(ref.model_copy(update={"settings": {"prepared": "0" * 64}}))
    (tmp_path / "home" / "own" / f"{'0' * 64}.json").write_text(
        canonical_json({"folder": "x", "name": ref.name})
    )
    with pytest.raises(LfmpError, match=f"2 data sets are called '{ref.name}'.*000000000000"):
        find_own(ref.name)
    with pytest.raises(DataError, match="no longer there"):
        open_dataset(find_own("0" * 12))


def test_a_folder_that_holds_other_data_by_now_is_refused(planted, monkeypatch):
    ref = prepared(planted.folder)
    other = planted.schema.model_copy(update={"fingerprint": "1" * 64})
    monkeypatch.setattr(Dataset, "load", lambda folder: Dataset(planted.folder, other))
    with pytest.raises(DataError, match="holds other data"):
        open_dataset(ref)


@pytest.fixture
def pairs(tmp_path):
    """One's own table of pairs, prepared."""
    table = tmp_path / "taken.csv"
    rows = [f"u{user},i{item}" for user in range(40) for item in range(user % 7, 30, 3)]
    table.write_text("\n".join(["user,item", *rows]) + "\n")
    source = own_interactions(table, "user", "item")
    return prepare_interactions(source, tmp_path / "pairs")


def test_ones_own_interactions_are_found_opened_and_refused_like_rows(pairs, planted):
    ref = prepared(pairs.folder)
    assert ref.fingerprint == ref.prepared == pairs.fingerprint and ref.name == "taken"
    for words in (str(pairs.folder), "taken", ref.prepared[:12]):
        assert find_own(words) == ref
    assert open_pairs(ref).folder == pairs.folder.absolute()
    with pytest.raises(LfmpError, match="taken holds interactions, where clicks are asked for"):
        open_dataset(ref)
    with pytest.raises(LfmpError, match="holds clicks, where interactions are asked for"):
        open_pairs(prepared(planted.folder))
    (pairs.folder / "test" / "items.npy").write_bytes(b"")
    with pytest.raises(DataError, match=r"items.npy"):
        prepared(pairs.folder)


def test_pairs_that_no_recommender_can_be_tested_on_say_so(pairs):
    pairs.schema.check_learnable()
    lacking = pairs.schema.model_copy(update={"pairs": {**pairs.schema.pairs, "val": 0}})
    with pytest.raises(DataError, match=r"taken has no pairs of val.*--shares 8,1,1"):
        lacking.check_learnable()


def test_doctor_opens_prepared_sets_of_both_kinds(planted, pairs, places):
    home = places / "home" / "data"
    home.mkdir(parents=True)
    for name, folder in (("rows", planted.folder), ("pairs", pairs.folder)):
        shutil.copytree(folder, home / name)
    found = [str(finding) for finding in doctor._prepared()]
    assert len(found) == 2 and all(line.startswith("ok") and line.endswith("whole") for line in found)
    for name, part in (("rows", "train/ids.npy"), ("pairs", "test/items.npy")):
        path = home / name / part
        path.write_bytes(path.read_bytes()[:-1] + b"\x7f")
    found = [str(finding) for finding in doctor._prepared()]
    assert len(found) == 2 and all(line.startswith("fail") for line in found)


def test_an_item_about_its_own_sets_says_so(lfmp, items, planted):
    code, _, err = lfmp("run", "public", "--dataset", str(planted.folder))
    assert code == 2 and err.strip().endswith("public runs on its own data sets alone; leave --dataset out")
    code, _, err = lfmp("plan", "demo", "--dataset", "nothing")
    assert code == 2 and "no data set 'nothing'" in err and len(err.strip().splitlines()) == 1
    code, out, _ = lfmp("plan", "demo", "--dataset", str(planted.folder))
    assert code == 0 and "4 runs known by now: 0 done" in out


def test_pages_take_a_folder_as_before():
    assert executor.prepared is prepared
