"""A prepared folder is as it was written, or refused with the file that is wrong."""

import json
import shutil

import numpy as np
import pytest

from lfmp_core.data import InteractionData, PlantedInteractionSettings, get_source, prepare_interactions
from lfmp_core.errors import DataError

SMALL = PlantedInteractionSettings(users=40, items=60, blocks=2, least_pairs=5, mean_pairs=8)


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    out = tmp_path_factory.mktemp("interactions") / "d"
    return prepare_interactions(get_source("planted_interactions"), out, planted=SMALL).folder


@pytest.fixture
def copy(whole, tmp_path):
    return shutil.copytree(whole, tmp_path / "d")


def test_what_is_opened_is_what_was_prepared(whole):
    data, again = InteractionData.load(whole), InteractionData.load(whole)
    assert data.fingerprint == again.fingerprint and data.schema == again.schema
    for part in data.splits.values():
        assert isinstance(part.items, np.memmap) and not part.items.flags.writeable
        for user in range(data.num_users):
            assert (np.diff(part[user]) > 0).all()


def change(path, turn):
    array = np.array(np.load(path))
    np.save(path, turn(array))


def wrong_item(items):
    items[7] = 60
    return items


def not_ascending(items):
    items[[0, 1]] = items[[1, 0]]
    return items


def twice(items):
    items[1] = items[0]
    return items


def other(items):
    free = next(i for i in range(60) if i not in items[:8])
    items[0] = free
    return np.concatenate([np.sort(items[:1]), items[1:]])


def backward(starts):
    starts[3] = starts[5]
    return starts


@pytest.mark.parametrize(
    ("file", "turn", "said"),
    [
        (
            "train/items.npy",
            wrong_item,
            r"train/items\.npy: 60 in place 7 \(from 0\), where 0 to 59 may stand",
        ),
        ("train/items.npy", not_ascending, r"train/items\.npy: the items of user 0 don't ascend"),
        ("train/items.npy", twice, r"train/items\.npy: the items of user 0 don't ascend"),
        ("val/items.npy", lambda a: a[:-1], r"val/items\.npy: shape .* where the schema says"),
        ("val/items.npy", lambda a: a.astype(np.int64), r"val/items\.npy: int64 numbers where int32 belong"),
        ("val/starts.npy", lambda a: a + 1, r"val/starts\.npy: the rows don't lead from 0"),
        ("train/starts.npy", backward, r"train/starts\.npy: the rows don't lead from 0"),
    ],
)
def test_a_damaged_array_is_named_with_the_remedy(copy, file, turn, said):
    change(copy / file, turn)
    with pytest.raises(DataError, match=said) as caught:
        InteractionData.load(copy)
    assert "prepare the dataset again" in str(caught.value)


def test_a_pair_of_two_splits_is_refused(copy):
    data = InteractionData.load(copy)
    user = int(np.flatnonzero(data.splits["test"].degrees())[0])
    place = int(data.splits["test"].starts[user])
    taken = int(data.splits["train"][user][0])

    def turn(items):
        items[place] = taken
        return items

    change(copy / "test" / "items.npy", turn)
    with pytest.raises(DataError, match=f"user {user} and item {taken} are a pair of train too"):
        InteractionData.load(copy)


def test_other_pairs_than_were_prepared_are_refused(copy):
    data = InteractionData.load(copy)
    free = np.setdiff1d(np.arange(60), np.concatenate([part[0] for part in data.splits.values()]))

    def turn(items):
        own = len(data.splits["train"][0])
        items[:own] = np.sort([free[0], *items[1:own]])
        return items

    change(copy / "train" / "items.npy", turn)
    with pytest.raises(DataError, match="not those that were prepared"):
        InteractionData.load(copy)


@pytest.mark.parametrize("file", ["train/items.npy", "test/starts.npy", "schema.json"])
@pytest.mark.parametrize("how", ["gone", "cut"])
def test_a_file_that_is_gone_or_cut_off_is_named(copy, file, how):
    if how == "gone":
        (copy / file).unlink()
    else:
        (copy / file).write_bytes((copy / file).read_bytes()[:100])
    with pytest.raises(DataError, match=r"file is missing|not a whole array|schema|no prepared dataset"):
        InteractionData.load(copy)


def test_an_edited_schema_is_refused(copy):
    stored = json.loads((copy / "schema.json").read_text())
    (copy / "schema.json").write_text(json.dumps(stored | {"name": "other"}))
    with pytest.raises(DataError, match="edited"):
        InteractionData.load(copy)


def test_another_s_folder_stays(tmp_path):
    (tmp_path / "o").mkdir()
    (tmp_path / "o" / "mine.txt").write_text("x")
    with pytest.raises(DataError, match="nothing there was touched"):
        prepare_interactions(get_source("planted_interactions"), tmp_path / "o", planted=SMALL)
    assert [p.name for p in tmp_path.iterdir()] == ["o"]


def test_older_interactions_are_replaced_only_when_asked(copy):
    source = get_source("planted_interactions")
    with pytest.raises(DataError, match="there is an older prepared set of interactions"):
        prepare_interactions(source, copy, planted=SMALL, replace=False)
    changed = SMALL.model_copy(update={"seed": 1})
    before = InteractionData.load(copy).fingerprint
    assert prepare_interactions(source, copy, planted=changed).fingerprint != before
    assert [p.name for p in copy.parent.iterdir()] == ["d"]
