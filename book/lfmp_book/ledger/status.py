"""What ran when, and how long."""

from collections.abc import Mapping
from typing import Any

import pandas as pd

from lfmp_core.errors import DataError
from lfmp_core.experiments.items import registry
from lfmp_core.experiments.stamp import tally_stale
from lfmp_core.experiments.store import store_for

from ..show.html import HtmlTable, table


def pages_table(pages: Mapping[str, Mapping[str, Any]]) -> HtmlTable:
    """Executed pages: when, how long, with which parameters.

    Args:
        pages: see `lfmp_book.executor.executed_pages`.
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


def records_table() -> HtmlTable:
    """Reference records by item: how many, how long, from which commits, on what."""
    store, rows, wrong = store_for("reference"), [], {}
    for name, item in sorted(registry().items()):
        try:
            records = item.records("reference", store)
        except DataError as error:
            records, wrong[str(error)] = [], name
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
    note = (
        f"{store.count()} records in all; one that several items show counts for each of them. "
        "A star marks a commit with uncommitted changes to the source."
    )
    for problem, name in wrong.items():
        note += f" Not shown, {name}: {problem}."
    caption = "Reference records"
    return table(pd.DataFrame(rows), caption=caption, formats={"core hours": ".1f"}, note=note)


def stale_table() -> HtmlTable:
    """Stale reference records by item: how many, and the components whose numbers have changed since."""
    store, rows = store_for("reference"), []
    for name, item in sorted(registry().items()):
        records = item.records("reference", store) if "reference" in item.profiles else []
        count, components = tally_stale(records)
        causes = ", ".join(f"{component} ({n})" for component, n in components.items())
        rows.append({"item": name, "records": len(records), "stale": count, "because of": causes or "none"})
    note = (
        "Stale: made when a component computed other numbers than it does now. "
        "Anew: lfmp run ITEM --profile reference --stale."
    )
    return table(pd.DataFrame(rows), caption="Stale reference records", note=note)
