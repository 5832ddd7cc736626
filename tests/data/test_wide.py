"""Many columns: the work of counting is done in a bounded number of pieces, and its result stays the same."""

import numpy as np
import pyarrow.parquet as pq
import pytest

from lfmp_core.data import own_table, prepare
from lfmp_core.data import vocabulary as module
from lfmp_core.data.canonical import Canonical
from lfmp_core.data.cli import describe_dataset
from lfmp_core.data.notices import Notice, lines
from lfmp_core.data.shown import console, fields_tables
from lfmp_core.data.vocabulary import groups_of


@pytest.fixture
def wide(tmp_path):
    """150 columns by 60 rows, categorical, integer and scalar in turn."""
    rng = np.random.default_rng(0)
    rows, columns = 60, 150
    table = [
        (
            rng.integers(0, 6, rows).astype(str),
            rng.integers(0, 999, rows).astype(str),
            rng.random(rows).astype(str),
        )[j % 3]
        for j in range(columns)
    ]
    kinds = {f"c{j}": ("categorical", "integer", "scalar")[j % 3] for j in range(columns)}
    lines = [",".join(["y", *kinds]), *(f"{i % 2}," + ",".join(c[i] for c in table) for i in range(rows))]
    (tmp_path / "wide.csv").write_text("\n".join(lines) + "\n")
    return own_table(tmp_path / "wide.csv", "y", kinds=kinds)


def test_groups_cover_all_fields_once():
    for m in (1, 39, 64, 65, 300, 10_000):
        groups = groups_of(m)
        assert [field for group in groups for field in group] == list(range(m))
        assert len(groups) == min(m, 64) and max(map(len, groups)) <= -(-m // 64)


def test_what_is_read_to_count_grows_with_the_columns(wide, tmp_path, monkeypatch):
    """Row groups seen by all queries together: with a query and a row group a column it was 150 × 150."""
    seen = []
    real = pq.ParquetFile.iter_batches

    def counting(self, *arguments, **named):
        seen.append(self.num_row_groups)
        return real(self, *arguments, **named)

    monkeypatch.setattr(pq.ParquetFile, "iter_batches", counting)
    prepare(wide, tmp_path / "o", progress=False)
    assert 0 < sum(seen) <= 64 * 64 < 150 * 150


def test_grouping_changes_nothing(wide, tmp_path, monkeypatch):
    prints = {prepare(wide, tmp_path / "o", progress=False).schema.fingerprint}
    words = pq.read_table(tmp_path / "o/vocabulary.parquet")
    for number in (1, 7):
        monkeypatch.setattr(module, "_GROUPS", number)
        prints.add(prepare(wide, tmp_path / "o", progress=False, block_bytes=50_000).schema.fingerprint)
        assert pq.read_table(tmp_path / "o/vocabulary.parquet") == words
    assert len(prints) == 1


def test_texts_of_all_columns_are_spelt_together(wide, tmp_path, monkeypatch):
    """A block's texts are looked at once, however many columns they are of."""
    calls = []
    real = Canonical.__call__

    def counting(self, unique):
        calls.append(len(unique))
        return real(self, unique)

    monkeypatch.setattr(Canonical, "__call__", counting)
    prepare(wide, tmp_path / "o", progress=False)
    assert 2 <= len(calls) <= 5 and max(calls) > 1000


def test_many_fields_are_shown_side_by_side_and_whole(wide, tmp_path, monkeypatch):
    """150 of them in a third of the lines, no name cut, at 80 letters; each with its ids."""
    monkeypatch.setenv("COLUMNS", "80")
    fields = describe_dataset(prepare(wide, tmp_path / "out", progress=False))["fields"]
    terminal = console()
    with terminal.capture() as shown:
        for table in fields_tables(fields, terminal.width):
            terminal.print(table)
    found = shown.get().splitlines()
    assert max(map(len, found)) <= 80 and len(found) < 150 / 2
    cells = " ".join(found).split()
    for field in fields:
        at = [i for i, cell in enumerate(cells) if cell == field["name"]]
        assert [cells[i + 1] for i in at] == [f"{field['size']:,}"], field["name"]


def test_what_differs_by_numbers_alone_is_said_once():
    said = "{} different whole numbers in 5,000 rows"
    found = [Notice("warning", f"c_{n}", said.format(n), f"--kind c_{n}=integer") for n in ("4,895", "97")]
    assert list(lines(found)) == [
        "warning: c_4,895, c_97: 97 to 4,895 different whole numbers in 5,000 rows. --kind FIELD=integer"
    ]
    assert list(lines(found[:1])) == [
        "warning: c_4,895: 4,895 different whole numbers in 5,000 rows. --kind c_4,895=integer"
    ]
