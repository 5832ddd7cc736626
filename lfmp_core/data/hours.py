"""Avazu's hour (YYMMDDHH) as hour of day, weekday and weekend."""

from collections.abc import Callable
from datetime import datetime

import pyarrow as pa


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
