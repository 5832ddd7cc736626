"""What ran when, and how long."""

from collections.abc import Mapping
from typing import Any

import pandas as pd

from ..experiments.items import registry
from ..experiments.store import store_for
from .html import Table, table


def pages_table(pages: Mapping[str, Mapping[str, Any]]) -> Table:
    """Executed pages: when, how long, with which parameters.

    Args:
        pages: see `lfmp_core.book.executed_pages`.
    """
    rows = [
        {
            "page": name,
            "finished (UTC)": page["finished"][:16].replace("T", " "),
            "seconds": page["seconds"],
            "parameters": ", ".join(f"{k}={v}" for k, v in page["parameters"].items()) or "defaults",
        }
        for name, page in pages.items()
    ]
    columns = ["page", "finished (UTC)", "seconds", "parameters"]
    return table(
        pd.DataFrame(rows, columns=columns), caption="Pages of this build", formats={"seconds": ".0f"}
    )


def records_table() -> Table:
    """Reference records by item: how many, how long, from which commits, on what."""
    store, rows = store_for("reference"), []
    for name in sorted(set(store.items()) | set(registry())):
        records = store.all(name)
        marks = [r.certificate for r in records if r.certificate]
        rows.append(
            {
                "item": name,
                "search runs": sum(r.spec.role == "search" for r in records),
                "final runs": sum(r.spec.role == "final" for r in records),
                "core hours": sum(m.seconds * m.threads for m in marks) / 3600,
                "from": min((m.started[:10] for m in marks), default=None),
                "to": max((m.started[:10] for m in marks), default=None),
                "commits": ", ".join(sorted({m.commit[:9] + "*" * m.dirty for m in marks})),
                "hardware": ", ".join(sorted({f"{m.hardware.cpu}, {m.hardware.cores} cores" for m in marks})),
            }
        )
    note = "A star marks a commit with uncommitted changes to the source."
    caption = "Reference records"
    return table(pd.DataFrame(rows), caption=caption, formats={"core hours": ".1f"}, note=note)
