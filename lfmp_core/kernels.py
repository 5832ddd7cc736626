"""How compiled loops are made and run."""

from types import FunctionType
from typing import Any

import numba
import numpy as np
import torch
from numba.extending import overload
from torch import Tensor

BLOCK = 128  # rows of a partial sum, where rows are added up: threads don't meet, and rounding stays small


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


def stored(x, out):
    """x as an array like `out` holds it."""


@overload(stored, inline="always")
def _stored_typed(x, out):
    if out.dtype != numba.uint16:
        return lambda x, out: x

    def nearest_bfloat16(x, out):  # its bits; ties to even
        bits = np.float32(x).view(np.uint32)
        odd = (bits >> np.uint32(16)) & np.uint32(1)
        return np.uint16((bits + np.uint32(0x7FFF) + odd) >> np.uint32(16))

    return nearest_bfloat16


def loaded(x):
    """The number that an array's entry x stands for."""


@overload(loaded, inline="always")
def _loaded_typed(x):
    if x != numba.uint16:
        return lambda x: x
    return lambda x: np.uint32(np.uint32(x) << np.uint32(16)).view(np.float32)


def fits(x: Tensor, *, half: bool = False) -> bool:
    """Whether the loops can work on x; else the plain formula must. `half`: bfloat16 will do too."""
    known = x.dtype == torch.float32 or (half and x.dtype == torch.bfloat16)
    return x.is_cpu and known and not torch.compiler.is_compiling()


def bits(x: Tensor) -> Tensor:
    """bfloat16 as the integers that the loops read and write."""
    return x.view(torch.uint16) if x.dtype == torch.bfloat16 else x
