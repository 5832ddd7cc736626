"""A fixed choice of a table's numbers, as a gate for `MaskedRows`."""

from torch import Tensor, nn


class EntryMask(nn.Module):
    """g_i = M[i] with a binary M [n, D]: neither values nor gradients pass where M is 0.

    One byte an entry, while training; `SparseTable.of` makes the form to serve.
    """

    mask: Tensor

    def __init__(self, mask: Tensor):
        super().__init__()
        self.register_buffer("mask", mask)

    def forward(self, ids: Tensor, e: Tensor) -> Tensor:
        return self.mask.index_select(0, ids.reshape(-1)).view(e.shape)
