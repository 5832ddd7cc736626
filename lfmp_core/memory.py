"""Memory kept between steps.

A setting of the whole process, so it is made by what owns one: a run of the engine, a page of the book, a
benchmark; never by who only imports a trainer.
"""

import ctypes
import sys
from functools import cache

# mallopt's names for: most blocks that are mapped one by one; free memory at the top that is kept; extra
# memory asked for at a time (malloc.h of glibc)
M_MMAP_MAX, M_TRIM_THRESHOLD, M_TOP_PAD = -4, -1, -2
TOP_PAD = 64 << 20


@cache
def keep_memory() -> bool:
    """Ask the allocator to keep what a step frees, for the next one; whether it agreed.

    By default glibc maps each large block afresh and unmaps it when it is freed, so that every step pays a
    page fault for every 4 KiB of activations and gradients: a fifth of a DeepFM step. The process then
    stays as large as its largest step. Elsewhere than on glibc nothing changes.
    """
    if not sys.platform.startswith("linux"):
        return False
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is None:
        return False
    wanted = ((M_MMAP_MAX, 0), (M_TRIM_THRESHOLD, 2**31 - 1), (M_TOP_PAD, TOP_PAD))
    return all(mallopt(*pair) for pair in wanted)
