"""What may count: bytes, seconds or columns of a finished run."""

from collections.abc import Callable

from lfmp_core.experiments.record import Record

COLUMNS, BYTES = "columns", "bytes"


def table_bytes(record: Record) -> float:
    """Bytes of the tables: of all that is served less the four of each number outside of them."""
    sizes = record.sizes
    return sizes["bytes"] - 4 * (sizes["parameters"] - sizes["embedding_parameters"])


COUNTS: dict[str, Callable[[Record], float]] = {
    BYTES: table_bytes,
    "model bytes": lambda record: record.sizes["bytes"],
    "training seconds": lambda record: sum(record.details["cpu_seconds"].values()),
    "scoring seconds": lambda record: record.phases["IT"],
    COLUMNS: lambda record: record.sizes["fields_kept"],
}
TITLES = {
    BYTES: "bytes of the table",
    "model bytes": "bytes of the model",
    "training seconds": "processor seconds to train, choosing what stays included",
    "scoring seconds": "seconds to score a million rows",
    COLUMNS: "columns to collect",
}
