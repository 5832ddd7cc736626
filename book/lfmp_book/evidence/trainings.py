"""Which trainings two means are of, where arms of a seed may be one training that is cut in several ways."""

from collections.abc import Collection, Iterable, Sequence

import pandas as pd

from lfmp_core.experiments.record import Record

from .stamps import Named

Block = tuple[str, str, float]


def in_all_arms(found: Iterable[Named], shared: Collection[str]) -> list[Named]:
    """Runs in their order; of arms that are one training, those of the seeds that every arm of the block has.

    Else a mean of two trainings would stand beside one of the first alone. A block is a data set, a backbone
    and what is removed.

    Args:
        shared: ids of the runs whose arms are one training.
    """
    runs = list(found)
    blocks: dict[Block, dict[str, set[int]]] = {}
    for arm, record in runs:
        if record.id in shared:
            blocks.setdefault(_block(record), {}).setdefault(arm, set()).add(record.spec.seed)
    common = {block: set.intersection(*arms.values()) for block, arms in blocks.items()}
    return [(arm, r) for arm, r in runs if r.id not in shared or r.spec.seed in common[_block(r)]]


def _block(record: Record) -> Block:
    return record.spec.dataset.id, record.spec.backbone["name"], record.spec.budget.share


def independent_samples(one: pd.DataFrame, other: pd.DataFrame, column: str) -> Sequence[Sequence[float]]:
    """A column of the runs that two means are of, as independent samples.

    Of arms that are one training the differences seed by seed: what the training did drops out. Else each
    one's own.

    Args:
        one, other: runs of a cell each; see `results.frame`.
    """
    both = pd.concat([one, other])
    if not both.one_training.all() or len(both[["dataset", "backbone", "budget"]].drop_duplicates()) > 1:
        return one[column].tolist(), other[column].tolist()
    ours, theirs = (own.set_index("seed")[column] for own in (one, other))
    return [(ours - theirs).tolist()]
