"""What a model is given to learn from: a few rows, or a few pairs."""

from typing import NamedTuple

from torch import Tensor


class ClickBatch(NamedTuple):
    """Rows of a click log.

    Attributes:
        ids: global ids [B, m]. values: of scalar fields [B, s], where there are any. labels: 0 or 1, [B].
    """

    ids: Tensor
    values: Tensor | None
    labels: Tensor


class PairBatch(NamedTuple):
    """Items that users took, each beside items that the same user did not take.

    Attributes:
        users: [B]. taken: items [B]. others: items [B, K]. All count from 0.
    """

    users: Tensor
    taken: Tensor
    others: Tensor


Batch = ClickBatch | PairBatch
