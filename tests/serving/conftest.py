"""A prepared log of one's own, small enough that no test trains for long."""

from types import SimpleNamespace

import pytest
from raw_log import log

from lfmp_core.data import PrepareSettings, own_table, prepare


@pytest.fixture(scope="session")
def own(tmp_path_factory):
    """`data`, the prepared rows; `rows`, the same as a table; `file`, the same as Parquet."""
    folder, rows = tmp_path_factory.mktemp("log"), log()
    file = folder / "log.parquet"
    rows.to_parquet(file, index=False)
    source = own_table(
        file, "clicked", kinds={"views": "integer", "price": "scalar"}, multi={"tags": "flags:2"}
    )
    settings = PrepareSettings(split="in_order", shares=(2, 1, 1), threshold=2)
    return SimpleNamespace(
        data=prepare(source, folder / "data", settings, progress=False), rows=rows, file=file
    )
