"""Compiled loops: the variant for one thread stays on one, whatever was compiled before."""

import os
import subprocess
import sys

SCRIPT = """
import sys
import torch
from lfmp_core.models import kernels
torch.set_num_threads(int(sys.argv[1]))
x = torch.randn(64, 3)
out = kernels.outer(x, x, torch.empty(64, 9))
assert torch.equal(out, (x.unsqueeze(2) * x.unsqueeze(1)).flatten(1))
one, several = kernels._outer
print(sum(one.stats.cache_hits.values()), sum(several.stats.cache_hits.values()), torch.get_num_threads())
"""


def test_variants_are_cached_apart(tmp_path):
    """A process of one thread must not load what one of several has left on disk: its pool would start."""

    def run(threads):
        environment = {**os.environ, "NUMBA_CACHE_DIR": str(tmp_path), "NUMBA_NUM_THREADS": "2"}
        command = [sys.executable, "-c", SCRIPT, str(threads)]
        result = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
        return [int(word) for word in result.stdout.split()]

    assert run(2) == [0, 0, 2]  # compiles and keeps the variant for several threads
    assert run(1) == [0, 0, 1]  # does not take it for its own
    assert run(1) == [1, 0, 1] and run(2) == [0, 1, 2]  # each finds its own again
