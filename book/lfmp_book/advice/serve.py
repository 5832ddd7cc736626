"""What is recommended, as a folder that scores raw rows."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lfmp_core.experiments.executor import cpu_threads, open_dataset, task_on
from lfmp_core.methods import get_method
from lfmp_core.serving.folder import Served, save_served

from ..claims.claim import Prose, literal
from ..parameters import notebook_options
from .advise import Advice, Held
from .words import what_stays


def serve(best: Held, folder: Path | str, command: str) -> Served:
    """Train the recommended way once more, with the seed that is best on validation rows, and write it.

    A record keeps no weights; the same seed on the same machine gives the same model.

    Args:
        best: what is recommended. folder: a new or an empty one, or that of an older model.
        command: that asked for it.

    Raises:
        DataError: the folder holds something else.
    """
    record = max(best.option.own, key=lambda own: own.metrics["val_auc"])
    spec = record.spec
    data = open_dataset(spec.dataset)
    with cpu_threads(spec.threads):
        task = task_on(data, spec.backbone, spec.training)
        outcome = get_method(spec.method).run(task, spec.budget, spec.seed, settings=spec.own_settings)
        made = {
            "title": what_stays(best.option),
            "training": spec.training,
            "method": {"name": spec.method, **spec.method_settings, "prune_ratio": spec.prune_ratio},
            "seed": spec.seed,
            "phases": outcome.phases,
        }
        return save_served(outcome.model, data, folder, replace=True, made=made, command=command)


def served_model(advice: Advice, folder: str, given: Mapping[str, Any] | None = None) -> Prose:
    """Write what is recommended to a folder, where one is named, and say what lies there.

    Args:
        given: parameters of the page that asks, for the command on the card; the folder alone by default.
    """
    if advice.best is None:
        return Prose(("No model was written: nothing is recommended.",))
    if not folder:
        return Prose(("No model was written: no folder was named.",))
    command = f"lfmp notebook your_data{notebook_options(given or {'model': folder})}"
    served = serve(advice.best, folder, command)
    card = served.card
    score = card.scores["test"]
    return Prose(
        (
            f"{literal(folder)}: {literal(card.title)}, seed {card.seed}; {card.bytes:,} bytes of numbers; "
            f"AUC {score.told} on {score.rows:,} test rows; one row in "
            f"{card.latency.graph_row_us:,.0f} µs on one thread.",
            f"Raw rows need the columns {', '.join(map(literal, card.columns))}.",
            f"Score rows: `lfmp predict {folder} rows.csv --out scores.parquet`.",
        )
    )
