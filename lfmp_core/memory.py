"""Memory of the process: kept between steps, given back, capped, counted.

Settings of the whole process, so they are made by what owns one: a run of the engine, a page of the book, a
benchmark; never by who only imports a trainer.
"""

import ctypes
import gc
import os
import resource
import sys
from functools import cache
from pathlib import Path

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


def give_back() -> None:
    """Free what nobody refers to any more, and let the allocator return it to the system, where it can."""
    gc.collect()
    if sys.platform.startswith("linux") and (trim := getattr(ctypes.CDLL(None), "malloc_trim", None)):
        trim(0)


def cap_memory(most: int) -> None:
    """From now on the system refuses this process address space beyond so many bytes, for good.

    Address space is at least what is resident: what fits under the cap fits into as much memory. Allocations
    beyond fail at once, as `MemoryError` or torch's `RuntimeError`.
    """
    resource.setrlimit(resource.RLIMIT_AS, (most, most))


def resident() -> int:
    """Bytes of main memory that this process has now; Linux."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")
