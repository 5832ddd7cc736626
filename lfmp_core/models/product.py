"""Products of pairs of field vectors (PNN)."""

import torch
from torch import Tensor, nn

from ..axes import FieldAxis


class InnerProduct(nn.Module):
    """p_ij = ⟨e_i, e_j⟩ for i < j: [B, m, D] → [B, m(m−1)/2]. Source: Qu et al. 2016, IPNN."""

    flat: Tensor

    def __init__(self, num_fields: int):
        super().__init__()
        pairs = torch.triu_indices(num_fields, num_fields, 1)
        self.register_buffer("flat", pairs[0] * num_fields + pairs[1], persistent=False)

    def forward(self, e: Tensor) -> Tensor:
        return torch.bmm(e, e.transpose(1, 2)).flatten(1).index_select(1, self.flat)


class OuterProduct(nn.Module):
    """p_ij = e_iᵀ K_ij e_j for i < j with a D×D kernel per pair: [B, m, D] → [B, m(m−1)/2].

    One matrix product per field i serves all its pairs, so that no [B, pairs, D] copy of the
    vectors is gathered. Source: Qu et al. 2016, OPNN with full kernels.
    """

    def __init__(self, num_fields: int, dim: int, *, generator: torch.Generator):
        super().__init__()
        self.kernel = nn.Parameter(torch.empty(num_fields * (num_fields - 1) // 2, dim, dim))
        bound = (3 / dim) ** 0.5
        nn.init.uniform_(self.kernel, -bound, bound, generator=generator)
        self.field_axes = {"kernel": {0: (FieldAxis.field_pairs(num_fields),)}}

    def forward(self, e: Tensor) -> Tensor:
        m = e.shape[1]
        products, start = [], 0
        for i in range(m - 1):
            kernel = self.kernel[start : start + m - 1 - i]
            start += m - 1 - i
            left = e[:, i] @ kernel.transpose(0, 1).flatten(1)
            products.append((left.view(e.shape[0], m - 1 - i, -1) * e[:, i + 1 :]).sum(2))
        return torch.cat(products, 1) if products else e.new_zeros(e.shape[0], 0)
