"""What the descriptions of Light-FMP's data sets answer."""

from collections.abc import Mapping

from lfmp_core.experiments.spec import DatasetRef

from ..evidence.datasets import auc_error, description, rows_used, total
from ..show.answer import Answer
from ..show.words import listed
from .values import size


def answer(sets: Mapping[str, DatasetRef]) -> Answer:
    """How much of the paper's rows there is here, and how finely an AUC on so few can be told.

    Args:
        sets: the paper's name → what reference runs are planned on.
    """
    shares, used, errors = [], [], {}
    for name, ref in sets.items():
        described = description(ref.name)
        shares.append(
            f"{name} {total(described):,} rows ({total(described) / size(name, 'total').middle:.2%})"
        )
        used.append(f"{name} {rows_used(ref, described)['train']:,}")
        clicks, rows = described["positives"]["test"], described["rows"]["test"]
        errors[name] = auc_error(0.75, clicks, rows - clicks)
    told = listed([f"{name} ± {1.96 * error:.4f}" for name, error in errors.items()])
    return Answer(
        (
            f"**The reference runs stand on a small part of the paper's rows**: {listed(shares)}.",
            f"They train on {listed(used)} rows.",
            f"An AUC of 0.75 on the test rows is known to {told} (95 %).",
        ),
        "Counts are of the prepared sets, pinned by a fingerprint. Two models on the same rows differ more "
        "surely than one is known: the pages compare in pairs.",
    )
