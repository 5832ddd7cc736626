"""The walk of one id, and what LERS's code does: by hand, on tables small enough to see through."""

import math

import numpy as np
import pytest
import torch

from lfmp_book.lers import (
    code as lers_code,
)
from lfmp_book.lers import (
    qr as lers_qr,
)
from lfmp_book.lers import (
    small_tables as lers_small_tables,
)
from lfmp_book.lers import walkthrough as walk
from lfmp_book.lers.studies import first_logits, qr_starts
from lfmp_book.lers.studies.entrywise_thresholds import Problem, entrywise
from lfmp_core.embeddings import FullTable, build_table
from lfmp_core.embeddings.sparse import SparseTable

SIZES, DIM = (5, 40, 15), 8


def generator():
    return torch.Generator().manual_seed(0)


def plain():
    return FullTable(SIZES, DIM, std=1.0, generator=generator())


def ragged():
    return lers_small_tables.ragged_of(plain(), np.arange(60)[::-1], 45, 200, 0)


MADE = {
    "hashing": {"buckets": 7},
    "qr": {"remainders": 7},
    "tt_rec": {"ranks": [3, 2]},
    "dhe": {"hashes": 6, "hidden": [5, 4]},
    "memcom": {"buckets": 7},
    "mixed_dimension": {"dims": [8, 2, 3]},
}


def walks(i):
    made = {name: build_table({"name": name, **own}, SIZES, DIM, generator()) for name, own in MADE.items()}
    whole = plain()
    mask = lers_small_tables.magnitude_mask(whole, 96)
    sparse = SparseTable.of(whole.weight.detach(), mask, SIZES)
    (soft,) = lers_small_tables.thresholded([whole], 96)
    pair = lers_small_tables.pair_of(SIZES, DIM, 9, 50, generator())
    return {
        "full": walk.full(whole, i),
        **{name: getattr(walk, name)(table, i) for name, table in made.items()},
        "pruned": walk.pruned(sparse, mask, i),
        "soft": walk.soft_threshold(soft, i),
        "pair": walk.pair(pair, i),
        "ragged": walk.ragged(ragged(), i),
    }


@pytest.mark.parametrize("i", [0, 4, 5, 44, 59])
def test_every_walk_arrives_where_the_table_does(i):
    found = walks(i)
    assert [name for name, w in found.items() if not w.agrees] == []
    assert all("as the table says: yes" in repr(w) for w in found.values())
    assert all(w.row.abs().sum() > 0 for name, w in found.items() if name not in ("pruned", "ragged", "soft"))


def test_steps_by_hand():
    found = {name: dict(w.steps) for name, w in walks(44).items()}
    assert found["hashing"]["row i mod b"] == 2  # 44 = 6·7 + 2; 2, 9, …, 58 are nine ids
    assert found["hashing"]["other ids in that row"] == 8
    assert [v for k, v in found["qr"].items()] == [(7, 9), 2, 6]
    # 60 is 3·4·5: 44 = 2·20 + 0·5 + 4
    assert found["tt_rec"]["n_k, Π n_k ≥ n"] == (3, 4, 5)
    assert found["tt_rec"]["digits of i, most significant first"] == (2, 0, 4)
    assert found["tt_rec"]["slices r×d×r′"] == "1×2×3 · 3×2×2 · 2×2×1"
    assert found["mixed_dimension"]["row in the field"] == 39
    assert found["pair"]["rows b of each, ⌈n/b⌉"] == (9, 7)
    assert (found["pair"]["row i mod b of P"], found["pair"]["row ⌊i/⌈n/b⌉⌋ of Q"]) == (8, 6)


def test_a_walk_that_goes_astray_says_so():
    whole = plain()
    wrong = walk._walk("full", whole, 3, whole.weight[4], ("row", 4))
    assert not wrong.agrees and "as the table says: NO" in repr(wrong)


def test_budgets_of_the_small_tables():
    """So many numbers stay over a threshold, in a mask and in a pair; at most so many in a ragged one."""
    (soft,) = lers_small_tables.thresholded([plain()], 96)
    assert soft.num_parameters() == 96 == int(lers_small_tables.magnitude_mask(plain(), 96).sum())
    pair = lers_small_tables.pair_of(SIZES, DIM, 9, 50, generator())
    served = lers_small_tables.served(pair)
    assert pair.num_parameters() == served.num_parameters() == 50
    assert torch.equal(pair.weight_view(), served.weight_view())
    rows = ragged()
    assert rows.num_parameters() <= 200
    # the 15 least frequent rows are gone, whole fields have one width
    widths = rows.starts.diff() * rows.unit
    assert widths[45:].eq(0).all() and widths[:5].unique().numel() == 1
    with pytest.raises(ValueError, match="keep fewer rows"):
        lers_small_tables.ragged_of(plain(), np.arange(60), 60, 59, 0)


def test_a_threshold_tells_neighbouring_numbers_apart():
    whole = plain()
    whole.weight.data[0] = torch.tensor([9.0, 9.0]).nextafter(torch.tensor([10.0, 9.0])).repeat(4)
    (soft,) = lers_small_tables.thresholded([whole], 4)
    assert soft.num_parameters() == 4
    (soft,) = lers_small_tables.thresholded([whole], 480)
    assert soft.num_parameters() == 480


def test_a_budget_out_of_reach_gives_the_smallest_table():
    """MEmCom has n + D numbers at least: 60 + 8 of 480."""
    made = lers_small_tables.fresh(SIZES, DIM, 0.9, 0, "memcom")
    assert made.num_parameters() == 68
    assert lers_small_tables.fresh(SIZES, DIM, 0.75, 0, "hashing").num_parameters() == 120


def test_bytes_count_what_stands_beside():
    """96 numbers of 60 rows: 4 bytes each, 2·60 for the masks, 4·61 for the starts."""
    whole = plain()
    sparse = SparseTable.of(whole.weight.detach(), lers_small_tables.magnitude_mask(whole, 96), SIZES)
    shown = repr(lers_small_tables.size_table({"pruned": (sparse, "masks")}, 480)).splitlines()[3]
    assert shown.split()[1:7] == ["96", "20.0%", "384", "364", "748", "39.0%"]


# ---- what the code does


@pytest.fixture(scope="module")
def paths():
    problem = Problem(ids=400, dim=2, rows=64, batches=2, rate=0.05)
    return {decay: entrywise(problem, decay, 120) for decay in (0.0, 1e-5, 1e-2)}


def test_decay_moves_thresholds_whatever_its_size(paths):
    small, large = paths[1e-5], paths[1e-2]
    assert small.moved > 3 and large.moved == pytest.approx(small.moved, abs=0.05)
    assert small.apart < 0.1 and small.loss_share < 0.02 and small.by_loss < 0.02
    assert abs(paths[0.0].moved) < small.moved / 10
    assert paths[0.0].by_loss == 1 and paths[0.0].loss_share == 1


def test_far_down_the_loss_moves_nothing():
    """σ(−150) is 0 in single precision, and so is its slope."""
    problem = Problem(ids=100, dim=2, rows=32, batches=2, start=-150.0)
    path = entrywise(problem, 0.0, 20)
    assert path.moved == 0 and path.least[-1] == path.most[-1] == -150


def test_one_step_of_adam_by_hand():
    """The first step is the learning rate, whatever the gradient."""
    path = entrywise(Problem(ids=50, dim=2, rows=16, batches=1), 1e-3, 1)
    assert path.mean == pytest.approx((-15.0, -14.98), abs=1e-5)
    assert path.one[1] == pytest.approx(-14.98)


def test_planted_rows_have_criteos_vocabularies():
    rows = first_logits.planted_rows(64, 0)
    assert rows.ids.shape == (64, 39) and sum(rows.field_sizes) == 1_086_810
    edges = torch.tensor([0, *rows.field_sizes]).cumsum(0)
    assert (rows.ids >= edges[:-1]).all() and (rows.ids < edges[1:]).all()


def test_published_starts_are_large_and_ours_are_not():
    found = first_logits.starts(first_logits.planted_rows(64, 0), 0.8, 0)
    ours, theirs = ([s for s in found if s.theirs is whose] for whose in (False, True))
    assert len(ours) == 7 and max(s.largest for s in ours) < 6 and max(s.loss for s in ours) < 1.5
    qr, tt, first_order = theirs
    # 16 dimensions of ½·39·38 products near ¼·¼
    assert qr.mean == pytest.approx(16 * 39 * 38 / 2 / 16, rel=0.1)
    assert tt.deviation > 30 and first_order.deviation == pytest.approx(math.sqrt(39), rel=0.3)


def test_integers_by_hand():
    """e^√k: ⌊(ln x)²⌋ passes 2 at 5, 3 at 6; as coded 1 and 2 become −1 and 0."""
    x = np.array([1, 2, 3, 4, 5, 6, 7, 8, 9])
    coded, here = (lers_code.RULES[f"⌊(ln x)²⌋, {whose}"](x).tolist() for whose in ("coded", "here"))
    assert coded == [-1, 0, 1, 1, 2, 3, 3, 4, 4] and here == [1, 2, 1, 1, 2, 3, 3, 4, 4]
    assert lers_code.RULES["⌈log₂ x⌉, printed"](x).tolist() == [1, 2, 2, 2, 3, 3, 3, 3, 4]
    assert list(lers_code.buckets(9).values()) == [4, 6, 4]
    assert lers_code.buckets(100)["⌈log₂ x⌉, printed"] == 7  # 1 … 7


def test_a_bent_layer_has_a_floor():
    assert lers_code.mish_least() == pytest.approx(-0.30884, abs=1e-5)
    linear, activated = lers_code.activated_rows(300, 4, (16,), 3.0, 0)["least entry"]
    assert activated >= lers_code.mish_least() - 1e-6 and linear < -3


def test_widths_by_hand():
    assert lers_code.reachable_sparsity(16) == 0.9375
    last = repr(lers_code.widths_table((16,), (0.8, 0.95))).splitlines()[4]
    assert last.split() == ["16", "95%", "0.8", "–", "1.00", "93.75%", "93.75%"]
    assert "1.44561" in repr(lers_code.widths_table((16,), (0.8,)))
    # 863K of 17.39M; no more rows than numbers
    sparsity, rows = lers_code.printed_optembed()
    assert sparsity == pytest.approx(0.95037, abs=1e-5) and rows == pytest.approx(863 / 1086.81, abs=1e-6)
    # .05·16 numbers a row, 2 at least for those that stay
    assert lers_code.rows_at(0.95, 16) == pytest.approx(0.4) and lers_code.rows_at(0.5, 16) == 1


def test_a_cache_is_paid_for():
    text = repr(lers_code.cache_table())
    assert "12,780" in text and "664,960" in text and "204,480" in text and "23.5%" in text
    rows = repr(lers_code.cache_ranks(100_000, 16, 0.1, (0.8, 0.95))).splitlines()
    assert "50%" in rows[3] and "too large" not in rows[3]
    assert "200%" in rows[4] and "too large" in rows[4]


def test_what_is_learnt_from_where_qr_starts():
    """Near 1 at p = 20, the six ids of a field share a quotient, and no interaction is learnt."""
    found = {start: qr_starts.learn(start, 20, 150, 3) for start in qr_starts.STARTS}
    signs, near, published = (found[start] for start in qr_starts.STARTS)
    assert near.alike > 0.999 and abs(signs.alike) < 0.3 and published.alike > 0.6
    assert signs.auc > 0.98 and near.auc < 0.6 and published.auc < 0.8
    assert all(one.best > 0.98 for one in found.values())
    assert "near 1 and normal" in repr(lers_qr.learnt_table([near]))
    ids, labels, chance = qr_starts.agreeing_rows(2000, 0)
    agree = (ids[:, 0] + ids[:, 1]) % 2 == 0
    assert np.array_equal(chance > 0.5, agree) and labels[agree].mean() > 0.97 > 0.03 > labels[~agree].mean()
