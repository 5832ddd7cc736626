"""The values of a typed column as the texts that a CSV file of the same table would hold."""

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc


def texts(values: pa.Array) -> pa.StringArray:
    """The text of each value, null where there is none.

    Args:
        values: of any type that is neither nested nor a dictionary [k].
    """
    kind = values.type
    if pa.types.is_floating(kind):
        return _floats(values)
    if pa.types.is_duration(kind):
        spans = pd.to_timedelta(values.to_numpy(zero_copy_only=False))
        return pa.array([str(span) for span in spans], pa.string())
    if pa.types.is_timestamp(kind) and kind.tz is not None:
        values = pc.cast(values, pa.timestamp(kind.unit, "UTC"))
    return pc.cast(values, pa.string())


def _floats(values: pa.Array) -> pa.StringArray:
    """As NumPy writes them, by the shortest text that reads back the same; whole ones without a point."""
    numbers = values.to_numpy(zero_copy_only=False)
    size = np.abs(numbers.astype(np.float64))
    exact = 2.0**24 if numbers.dtype == np.float32 else 2.0**63
    whole = (size < exact) & (size == np.floor(size))
    # within these bounds Arrow writes the same, many times as fast
    plain = ~whole & (size >= 1e-4) & (size < 1e15) & (numbers.dtype != np.float16)
    out = np.empty(len(numbers), object)
    for chosen, text in (
        (whole, lambda found: pc.cast(pa.array(found.astype(np.int64)), pa.string())),
        (plain, lambda found: pc.cast(pa.array(found), pa.string())),
        (~(whole | plain), lambda found: pa.array(found.astype("U32"), pa.string())),
    ):
        if chosen.all():
            return text(numbers)
        out[chosen] = text(numbers[chosen]).to_pylist()
    return pa.array(out, pa.string())
