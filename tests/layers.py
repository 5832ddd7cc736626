"""Seeds and rows of the tests of layers."""

import torch


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


# e_1 = (1, 2), e_2 = (3, −1)
TWO_FIELDS = torch.tensor([[[1.0, 2.0], [3.0, -1.0]]])
