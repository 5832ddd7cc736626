"""How compiled loops are made and run."""

from types import FunctionType
from typing import Any

import numba
import torch
from torch import Tensor


def compiled(function):
    """A loop compiled on first use for one thread and for several, kept on disk.

    Sums may be reordered so that they use vector units, and a division by zero gives infinity instead of an
    exception; nothing else is relaxed.
    """
    options: dict[str, Any] = {
        "fastmath": {"reassoc", "contract", "nsz"},
        "error_model": "numpy",
        "cache": True,
    }
    # numba's cache on disk knows a function by its name and not by its options: under one name whichever
    # variant was compiled first would be loaded for both
    twin = FunctionType(function.__code__, function.__globals__, function.__name__)
    twin.__qualname__ = f"{function.__qualname__}_parallel"
    return numba.njit(**options)(function), numba.njit(parallel=True, **options)(twin)


def run_kernel(kernel, *arguments) -> None:
    """Run a loop on CPU tensors (in place) and plain numbers, on as many threads as torch uses."""
    # a single thread needs no pool, whose hand-over would cost more than a small loop
    threads = min(torch.get_num_threads(), vars(numba.config)["NUMBA_NUM_THREADS"])
    if threads > 1:
        numba.set_num_threads(threads)
    kernel[threads > 1](*(a.detach().numpy() if isinstance(a, Tensor) else a for a in arguments))
