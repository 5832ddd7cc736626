"""Avazu: a header, and an hour (YYMMDDHH) that may become hour of day, weekday and weekend."""

from collections.abc import Callable
from datetime import datetime
from typing import ClassVar, Literal

import pyarrow as pa
from pydantic import Field as Setting

from .columns import Column, Reader
from .delimited import DelimitedReader
from .malformed import check_header
from .preparation import PrepareSettings

AVAZU_COLUMNS = (
    "id",
    "click",
    "hour",
    "C1",
    "banner_pos",
    "site_id",
    "site_domain",
    "site_category",
    "app_id",
    "app_domain",
    "app_category",
    "device_id",
    "device_ip",
    "device_model",
    "device_type",
    "device_conn_type",
    "C14",
    "C15",
    "C16",
    "C17",
    "C18",
    "C19",
    "C20",
    "C21",
)


def _part(text_of: Callable[[datetime], str]) -> Callable[[pa.StringArray], pa.StringArray]:
    def derive(unique: pa.StringArray) -> pa.StringArray:
        out = []
        for text in unique.to_pylist():
            try:
                out.append(text_of(datetime.strptime(text, "%y%m%d%H")))
            except ValueError:
                out.append("")
        return pa.array(out, pa.string())

    return derive


HOUR_PARTS = {
    "hour_of_day": _part(lambda t: str(t.hour)),
    "weekday": _part(lambda t: str(t.weekday())),
    "is_weekend": _part(lambda t: str(int(t.weekday() >= 5))),
}


class AvazuSettings(PrepareSettings):
    """How Avazu's rows become ids."""

    former: ClassVar = {"genres": PrepareSettings.former["genres"]}

    avazu_hour: Literal["raw", "parts"] = Setting(
        default="raw", description="hour as one categorical, or hour of day, weekday and is_weekend"
    )


def open_avazu(source, settings: AvazuSettings) -> Reader:
    """Reader of Avazu's train.csv: fields of the hour, then the others as they stand."""
    path = source.file()
    check_header(path, list(AVAZU_COLUMNS))
    columns = [
        Column(name, "categorical", name) for name in AVAZU_COLUMNS if name not in ("id", "click", "hour")
    ]
    if settings.avazu_hour == "raw":
        hours = [Column("hour", "categorical", "hour")]
    else:
        hours = [Column(name, "categorical", "hour", part) for name, part in HOUR_PARTS.items()]
    return DelimitedReader(
        path, AVAZU_COLUMNS, hours + columns, "click", quoted=False, time="hour", closed=True
    )
