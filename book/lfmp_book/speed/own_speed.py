"""This machine's own rates, for readers who want to hold them against the committed figures."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from lfmp_core.data import Dataset
from lfmp_core.efficiency import inference_rate
from lfmp_core.efficiency.training_rate import training_rate
from lfmp_core.masking import num_kept
from lfmp_core.models import BackboneSettings, build_model
from lfmp_core.surgery import cut, plan_fields
from lfmp_core.training import TrainingSettings

from ..show.html import HtmlTable, table


def own_speed_table(
    data: Dataset,
    backbones: Sequence[str] = ("deepfm", "xdeepfm"),
    *,
    prune_ratio: float = 0.5,
    batch_size: int = 1024,
    rounds: int = 3,
    seed: int = 0,
) -> HtmlTable:
    """Training and inference of the whole model and of one cut at random, in rows a second.

    Args:
        data: whose training rows are seen in every round.
        backbones: by name, at their default sizes.
        prune_ratio: share of fields cut.
        batch_size: B.
        rounds: timed rounds; medians are shown.
        seed: of the weights and of the cut.
    """
    rows, schema = data.split("train"), data.schema
    order = np.random.default_rng(seed).permutation(schema.num_fields)
    kept = order[: num_kept(schema.num_fields, prune_ratio)].tolist()
    settings = TrainingSettings(batch_size=batch_size)
    shown = []
    for name in backbones:
        whole = build_model(BackboneSettings(name=name), schema.field_sizes, schema.scalar_columns, seed=seed)
        small = cut(whole, plan_fields(whole, kept))
        for title, model in (("whole", whole), (f"cut, τ = {prune_ratio:g}", small)):
            shown.append(
                {
                    "backbone": name,
                    "model": title,
                    "parameters": model.num_parameters(),
                    "training": round(training_rate(model, rows, settings, rounds=rounds)),
                    "inference": round(inference_rate(model, rows, batch_size, rounds=rounds)),
                }
            )
    return table(
        pd.DataFrame(shown),
        caption=f"Rows a second here and now, {len(rows):,} planted rows, batches of {batch_size:,}",
        group="backbone",
    )
