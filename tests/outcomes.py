"""What tests of methods share."""

import torch

from lfmp_core.budget import NOTHING, Budget
from lfmp_core.methods import get_method


def share_of(method, share):
    """A budget of what the method removes; none where it takes none."""
    removes = get_method(method).removes
    return Budget(share, removes[0]) if removes else NOTHING


def assert_same_outcome(a, b):
    assert a.kept_fields == b.kept_fields
    first, second = a.model.state_dict(), b.model.state_dict()
    assert first.keys() == second.keys()
    for key in first:
        assert torch.equal(first[key], second[key]), key
    clocks = ("seconds", "cpu_seconds", "finding_seconds")
    assert [{k: v for k, v in row.items() if k not in clocks} for row in a.history] == [
        {k: v for k, v in row.items() if k not in clocks} for row in b.history
    ]
    assert {k: v for k, v in a.details.items() if k not in clocks} == {
        k: v for k, v in b.details.items() if k not in clocks
    }
