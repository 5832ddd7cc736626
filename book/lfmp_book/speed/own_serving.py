"""What serving a few forms of a small model takes on this machine, now."""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from lfmp_core.data import Dataset
from lfmp_core.efficiency import latencies, percentiles
from lfmp_core.embeddings.quantised import QuantisedTable
from lfmp_core.masking import num_kept
from lfmp_core.models import Backbone, BackboneSettings, build_model
from lfmp_core.surgery import cut, plan_fields
from lfmp_core.training.evaluate import scorer

from ..show.html import Format, HtmlTable, table


def forms_of(data: Dataset, prune_ratio: float, seed: int = 0) -> Mapping[str, Backbone]:
    """DeepFM with random weights: whole, with fields cut at random, and with its tables in 8 bits."""
    sizes, scalars = data.schema.field_sizes, data.schema.scalar_columns
    whole, rounded = (
        build_model(BackboneSettings(name="deepfm"), sizes, scalars, seed=seed) for _ in range(2)
    )
    order = np.random.default_rng(seed).permutation(len(sizes))
    kept = sorted(order[: num_kept(len(sizes), prune_ratio)].tolist())
    rounded.put({name: QuantisedTable.of(own, 8) for name, own in rounded.tables().items()})
    return {"original": whole, f"fields cut, τ = {prune_ratio:g}": cut(whole, plan_fields(whole, kept)),
            "int8": rounded}  # fmt: skip


def own_serving_table(data: Dataset, prune_ratio: float = 0.5, *, calls: int = 50) -> HtmlTable:
    """Percentiles of one row, and of many at once.

    Args:
        data: whose test rows are scored. prune_ratio: share of the fields cut. calls: that are timed.
    """
    rows, shown = data.split("test"), []
    for name, model in forms_of(data, prune_ratio).items():
        model.eval()
        alone = [scorer(model, rows[k : k + 1], 1)[0] for k in range(min(calls, len(rows)))]
        times = percentiles(latencies(alone, calls, warm_up=3))
        whole = percentiles(latencies([scorer(model, rows, len(rows))[0]], 5))["p50"]
        micro = {f"{share}, µs": 1e6 * seconds for share, seconds in times.items()}
        shown.append({"form": name, "bytes": model.num_bytes(), **micro, "all, ms": 1e3 * whole})
    formats: dict[str, Format] = {"bytes": ",.0f", "all, ms": ".2f"}
    formats |= {column: ",.0f" for column in shown[0] if column.endswith("µs")}
    caption = f"Serving here and now by our scoring: one row, and all {len(rows):,} test rows"
    return table(pd.DataFrame(shown), caption=caption, formats=formats)
