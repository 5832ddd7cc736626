"""Batches miss no row, repeat none, and depend on seed and epoch alone."""

import re
from pathlib import Path

import numpy as np
import pytest
import torch
from loops import SIZES, make_model, make_rows

from lfmp_core.data import Rows
from lfmp_core.errors import DataError
from lfmp_core.models import BackboneSettings, build_model
from lfmp_core.training import Batches, Trainer, TrainingSettings, predict
from lfmp_core.training.batches import Numbered, split, to_batch


@pytest.mark.parametrize(("rows", "left_out"), [(17, 1), (18, 0), (16, 0), (15, 0)])
def test_a_last_batch_of_one_row_is_left_out_where_two_are_needed(rows, left_out):
    """All else stays where it is, bit for bit, and in another epoch another row is left out."""
    alone, needed = Batches(numbered(rows), 4, 3), Batches(numbered(rows), 4, 3, least=2)
    for epoch in (0, 1):
        every = visited(alone, epoch)
        assert visited(needed, epoch) == every[: len(every) - left_out]
        assert len(needed) == len(alone) - left_out
        assert visited(needed, epoch, start=2) == visited(needed, epoch)[2:]
    gone = [set(range(rows)) - {n for batch in visited(needed, epoch) for n in batch} for epoch in range(20)]
    assert {len(g) for g in gone} == {left_out} and (not left_out or len(set(map(tuple, gone))) > 1)
    assert len(Batches(numbered(5), 1, 3, least=2)) == 0 == len(Batches(numbered(1), 4, 3, least=2))


@pytest.mark.parametrize("rows", range(2, 12))
def test_no_piece_of_a_batch_is_smaller_than_needed(rows):
    batch = to_batch(numbered(rows), slice(None))
    for pieces in (1, 2, 3, 4):
        parts = split(batch, pieces, least=2)
        assert min(len(part[0]) for part, _ in parts) >= 2 and len(parts) <= pieces
        for k in range(3):
            assert torch.equal(torch.cat([part[k] for part, _ in parts]), batch[k])
        assert sum(share for _, share in parts) == pytest.approx(1)
        plain = [len(ids) for ids in batch[0].chunk(pieces)]
        assert [len(part[0]) for part, _ in split(batch, pieces)] == plain


def test_batch_norm_learns_from_rows_that_leave_one_over():
    """65 rows in batches of 32: torch refuses the last one. Without batch norm it is learnt from."""
    rows = make_rows(65)
    settings = TrainingSettings(batch_size=32, epochs=2)
    for batch_norm, steps in ((True, 4), (False, 6)):
        backbone = BackboneSettings(name="dnn", hidden=(4,), embedding_dim=2, batch_norm=batch_norm)
        trainer = Trainer(build_model(backbone, SIZES, seed=0), rows, settings, seed=0)
        trainer.fit()
        assert trainer.steps == steps and np.isfinite(predict(trainer.model, rows)).all()
    normed = build_model(BackboneSettings(name="dnn", hidden=(4,), batch_norm=True), SIZES, seed=0)
    with pytest.raises(DataError, match="batch norm"):
        Trainer(normed, rows, TrainingSettings(batch_size=1), seed=0)


def test_rows_without_both_classes_stop_no_training_late():
    rows = make_rows(40)
    for few in (rows[:0], Rows(rows.ids, np.ones_like(rows.labels))):
        with pytest.raises(DataError, match=r"validation rows can't be ranked: \d+ of \d+ are clicks"):
            Trainer(make_model(), rows, TrainingSettings(), seed=0, validation=few)


def numbered(count):
    """Rows that carry their own number."""
    ids = np.arange(count, dtype=np.int32)[:, None]
    values = (np.arange(count, dtype=np.float32) / 7)[:, None]
    return Rows(np.concatenate([ids, ids + 1], 1), (np.arange(count) % 3 == 0).astype(np.uint8), values)


def visited(batches, epoch=0, start=0):
    """Row numbers batch by batch."""
    out = []
    for ids, values, labels in batches.epoch(epoch, start):
        number = ids[:, 0].numpy()
        # what belongs to one row stays together
        assert np.array_equal(ids[:, 1].numpy(), number + 1)
        assert np.array_equal(values[:, 0].numpy(), number.astype(np.float32) / 7)
        assert np.array_equal(labels.numpy(), number % 3 == 0)
        out.append(number.tolist())
    return out


def flat(batches):
    return [x for batch in batches for x in batch]


EXCLUDED = np.array([0, 1, 2, 3, 17, 40, 41, 42, 99])


@pytest.mark.parametrize("exclude", [None, EXCLUDED], ids=["all", "rest"])
@pytest.mark.parametrize("block_rows", [1 << 20, 100, 24, 10, 3])
@pytest.mark.parametrize("batch_size", [1, 8, 33, 500])
def test_every_row_once_an_epoch(batch_size, block_rows, exclude):
    batches = Batches(numbered(100), batch_size, 4, exclude, block_rows)
    left = sorted(set(range(100)) - set(() if exclude is None else exclude.tolist()))
    for epoch in (0, 1):
        found = visited(batches, epoch)
        assert sorted(flat(found)) == left
        assert len(found) == len(batches)
        assert max(map(len, found)) <= batch_size
    assert flat(visited(batches, 0)) != flat(visited(batches, 1))


@pytest.mark.parametrize("block_rows", [1 << 20, 24])
def test_batches_by_number_are_those_of_the_epochs(block_rows, monkeypatch):
    """Whatever was asked for before; and in order each block of rows is read once an epoch."""
    batches = Batches(numbered(100), 8, 4, EXCLUDED, block_rows)
    wanted = [*visited(batches, 0), *visited(batches, 1), *visited(batches, 2)]
    count, blocks, taken = len(batches), -(-100 // block_rows), []
    take = Rows.take
    monkeypatch.setattr(Rows, "take", lambda self, index: taken.append(len(index)) or take(self, index))
    by_number = Numbered(batches)
    assert [by_number[k][0][:, 0].tolist() for k in range(3 * count)] == wanted
    assert len(taken) == 3 * blocks
    for k in (count + 1, 2, 3, 2, 2 * count, 0):
        assert by_number[k][0][:, 0].tolist() == wanted[k]


def test_excluded_block_vanishes():
    batches = Batches(numbered(30), 5, 0, np.arange(10, 20), block_rows=10)
    assert len(batches) == len(visited(batches)) == 4
    assert sorted(flat(visited(batches))) == [*range(10), *range(20, 30)]


def test_order_depends_on_seed_and_epoch_alone():
    def order(seed=1, epoch=3):
        np.random.seed(epoch + 5)  # a global state that must not matter
        return visited(Batches(numbered(200), 16, seed, block_rows=64), epoch)

    assert order() == order()
    fresh = Batches(numbered(200), 16, 1, block_rows=64)
    list(fresh.epoch(0))
    assert visited(fresh, 3) == order()  # epochs need no earlier epochs
    assert order(seed=2) != order()
    assert order(epoch=4) != order()
    assert order(seed=2, epoch=2) != order()  # no other pair gives the same


@pytest.mark.parametrize("block_rows", [1 << 20, 24])
def test_start_skips_exactly(block_rows):
    batches = Batches(numbered(100), 8, 4, EXCLUDED, block_rows)
    whole = visited(batches)
    for start in range(len(whole) + 1):
        assert visited(batches, start=start) == whole[start:]


def test_blocks_stay_together_and_in_random_order():
    """A batch comes out of one run of `block_rows` rows; the runs come in an order that changes."""
    batches = Batches(numbered(96), 4, 0, block_rows=15)  # rounded down to whole batches: 12
    orders = []
    for epoch in range(5):
        runs = [{x // 12 for x in batch} for batch in visited(batches, epoch)]
        assert all(len(run) == 1 for run in runs)
        sequence = [run.pop() for run in runs]
        assert [sequence[i] for i in range(0, 24, 3)] == [sequence[i + 2] for i in range(0, 24, 3)]
        orders.append(sequence)
    assert len({tuple(x) for x in orders}) == 5
    # within a run every order occurs: a row's place is not bound to its neighbour's
    assert any(b != sorted(b) for b in visited(batches))


def test_memory_mapped_rows_stay_untouched(tmp_path):
    rows = numbered(50)
    for name in ("ids", "labels", "values"):
        np.save(tmp_path / f"{name}.npy", getattr(rows, name))
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    mapped = [np.load(tmp_path / f"{name}.npy", mmap_mode="r+") for name in ("ids", "labels", "values")]
    batches = Batches(Rows(*mapped), 8, 4)
    assert visited(batches) == visited(Batches(rows, 8, 4))
    for batch in batches.epoch(0):
        for tensor in batch:
            tensor.zero_()  # a batch is a copy
    for tensor in to_batch(Rows(*mapped), slice(0, 9)):
        tensor.zero_()
    for array in mapped:
        array.flush()
    assert before == {path.name: path.read_bytes() for path in tmp_path.iterdir()}


def resident():
    """Bytes of mapped files that count as this process's memory."""
    status = Path("/proc/self/status")
    if not status.exists():
        pytest.skip("the system doesn't tell")
    return 1024 * int(re.search(r"RssFile:\s+(\d+) kB", status.read_text())[1])


def test_rows_that_were_read_don_t_stay_in_memory(tmp_path):
    """Of a file of 24 MB never more than a block of 2; the batches are those of rows in memory."""
    ids = np.arange(300_000 * 20, dtype=np.int32).reshape(-1, 20)
    np.save(tmp_path / "ids.npy", ids)
    labels = np.zeros(len(ids), np.uint8)
    mapped = Rows(np.load(tmp_path / "ids.npy", mmap_mode="r"), labels)
    given = {"batch_size": 1000, "seed": 0, "block_rows": 25_000}
    before, most = resident(), 0
    for ours, theirs in zip(
        Batches(mapped, **given).epoch(0), Batches(Rows(ids, labels), **given).epoch(0), strict=True
    ):
        most = max(most, resident() - before)
        assert torch.equal(ours.ids, theirs.ids)
    assert most < 4e6
    assert mapped.ids[:3].tolist() == ids[:3].tolist()  # what was let go is there again
