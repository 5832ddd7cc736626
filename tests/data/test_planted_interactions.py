"""Planted pairs follow their law, and the same settings give the same pairs every time."""

import numpy as np
import pytest

from lfmp_core.data import PlantedInteractionSettings, open_interactions
from lfmp_core.data.interactions import interaction_law
from lfmp_core.data.interactions.planted import plant_interactions
from lfmp_core.errors import WrongValue


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return open_interactions("planted_interactions", out=tmp_path_factory.mktemp("planted") / "pairs")


def test_preferences_by_hand():
    """Two blocks of two items, a = 1/2, z = 1: own block ½ · (⅔, ⅓), everything ½ · (⅓, ⅙, ⅓, ⅙)."""
    settings = PlantedInteractionSettings(
        users=2, items=4, blocks=2, affinity=0.5, zipf=1, least_pairs=1, mean_pairs=1.5
    )
    law = interaction_law(settings)
    found = law.preferences(np.arange(2))
    own = law.item_block[None] == law.user_block[:, None]
    high = law.popularity == 1
    expected = np.where(own, np.where(high, 3 / 6, 1.5 / 6), np.where(high, 1 / 6, 0.5 / 6))
    np.testing.assert_allclose(found, expected)
    np.testing.assert_allclose(found.sum(1), 1)


def test_blocks_are_even_and_tell_nothing_by_their_numbers():
    law = interaction_law(PlantedInteractionSettings(users=402, items=803, blocks=8))
    assert sorted(np.bincount(law.user_block).tolist()) == [50] * 6 + [51] * 2
    assert sorted(np.bincount(law.item_block).tolist()) == [100] * 5 + [101] * 3
    assert abs(np.corrcoef(np.arange(803), law.item_block)[0, 1]) < 0.15
    assert abs(np.corrcoef(np.arange(803), law.popularity)[0, 1]) < 0.15


def test_first_items_are_drawn_by_the_law():
    """With one pair a user the share of each item is its preference, within four deviations."""
    settings = PlantedInteractionSettings(
        users=40_000, items=20, blocks=2, least_pairs=1, mean_pairs=1.0001, seed=3
    )
    found, law = plant_interactions(settings), interaction_law(settings)
    assert (np.bincount(found.users) == 1).mean() > 0.999
    of = law.user_block[found.users] == 0
    counts = np.bincount(found.items[of], minlength=20)
    p = law.preferences(np.flatnonzero(law.user_block == 0)[:1])[0]
    assert (abs(counts - of.sum() * p) < 4 * np.sqrt(of.sum() * p * (1 - p))).all()


def test_pairs_of_a_user_differ_and_have_a_tail():
    settings = PlantedInteractionSettings()
    found = plant_interactions(settings)
    assert len(np.unique(found.keys())) == len(found.users)
    degrees = np.bincount(found.users)
    assert degrees.min() == settings.least_pairs and degrees.max() == settings.most_pairs
    taken = np.sort(np.bincount(found.items, minlength=settings.items))[::-1]
    assert taken[:80].sum() > 0.3 * taken.sum()  # a tenth of the items has a third of the pairs and more
    law = interaction_law(settings)
    own = law.user_block[found.users] == law.item_block[found.items]
    # .8 and an eighth of the rest, less what a block of 100 items lacks for users who took half of it
    assert 0.7 < own.mean() < 0.8 + 0.2 / 8


def test_who_knows_the_law_ranks_far_better_than_who_knows_popularity(data):
    law = interaction_law(PlantedInteractionSettings(**data.schema.truth["settings"]))
    assert data.schema.truth["item_block"] == law.item_block.tolist()
    assert data.schema.truth["user_block"] == law.user_block.tolist()
    train, test = data.splits["train"], data.splits["test"]

    def recall(scores):
        scores[train.users(), train.items] = -1
        top = np.argsort(-scores, axis=1)[:, :20]
        return np.mean([np.isin(test[u], top[u]).mean() for u in range(data.num_users) if len(test[u])])

    oracle = recall(law.preferences(np.arange(data.num_users)))
    popular = recall(np.tile(train.item_degrees().astype(float), (data.num_users, 1)))
    assert oracle > 0.4 and popular < 0.5 * oracle


def test_the_same_settings_give_the_same_pairs_every_time(tmp_path, monkeypatch):
    planted = PlantedInteractionSettings(users=60, items=80, blocks=4, least_pairs=4, mean_pairs=6)
    prints = []
    for place in ("a", "b"):
        monkeypatch.setenv("LFMP_HOME", str(tmp_path / place))
        prints += [open_interactions("planted_interactions", planted=planted).fingerprint for _ in range(2)]
    assert len(set(prints)) == 1
    other = open_interactions("planted_interactions", planted=planted.model_copy(update={"seed": 1}))
    assert other.fingerprint != prints[0]


def test_default_rows_are_pinned(data):
    """A change of these is a change of every quick result that was computed on them."""
    assert data.fingerprint.startswith("b80726ad69fd")


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"blocks": 700}, "700 blocks of 600 users and 800 items"),
        ({"least_pairs": 60, "mean_pairs": 70}, "60 pairs a user, where half a block has 50"),
        ({"mean_pairs": 10}, "mean_pairs is 10: it must be above least_pairs, 10"),
    ],
)
def test_what_can_not_be_planted_is_refused(changed, said):
    with pytest.raises(WrongValue, match=said):
        PlantedInteractionSettings(**changed)
