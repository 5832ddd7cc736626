"""What the machine can do: the rates that a floor is divided by."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from .common import seconds_of

# (rows, inner, columns): a big square, and the layers of the multilayer perceptrons at B = 4,096
GEMMS = {
    "4096³": (4096, 4096, 4096),
    "4096×624×400": (4096, 624, 400),
    "4096×400×400": (4096, 400, 400),
    "4096×390×400": (4096, 390, 400),
    "40960×780×64": (40960, 780, 64),
}
TRIAD = 1 << 26  # numbers in each of three arrays: 768 MiB together
TABLE, LOOKUPS = 1_086_810, 159_744  # rows of 64 bytes, and how many a batch of 4,096 × 39 reads


def measure_peaks(device: str, repeats: int) -> dict[str, list[float]]:
    """Rates by name, one for each repeat: GFLOP/s of matrix products, GB/s of memory."""
    place = torch.device(device)
    generator = torch.Generator(place).manual_seed(0)
    rates: dict[str, list[float]] = {}

    def note(name: str, work: float, call: Callable[..., Tensor], *tensors: Tensor, **options: Any) -> None:
        def action(_: int) -> None:  # returns nothing: the result is not to be read
            call(*tensors, **options)

        rates[name] = [work / s / 1e9 for s in seconds_of(action, 1 + repeats, place)[1:]]

    def normal(*shape: int, dtype: torch.dtype) -> Tensor:
        return torch.randn(shape, generator=generator, device=place).to(dtype)

    kinds = {"fp32": torch.float32, "bf16": torch.bfloat16}
    for kind, dtype in kinds.items():
        for name, (n, k, m) in GEMMS.items():
            a, b, out = normal(n, k, dtype=dtype), normal(k, m, dtype=dtype), normal(n, m, dtype=dtype)
            note(f"{kind} GEMM {name}", 2 * n * k * m, torch.mm, a, b, out=out)
    if place.type == "cuda":
        torch.set_float32_matmul_precision("high")
        a, out = normal(4096, 4096, dtype=torch.float32), normal(4096, 4096, dtype=torch.float32)
        note("TF32 GEMM 4096³", 2 * 4096**3, torch.mm, a, a, out=out)
        torch.set_float32_matmul_precision("highest")
    x, y, z = (torch.ones(TRIAD, device=place) for _ in range(3))
    note("triad", 3 * 4 * TRIAD, torch.add, x, y, alpha=2.0, out=z)
    table = normal(TABLE, 16, dtype=torch.float32)
    ids = torch.randint(TABLE, (LOOKUPS,), generator=generator, device=place)
    out = torch.empty(LOOKUPS, 16, device=place)
    note("random gather", 64 * LOOKUPS, torch.index_select, table, 0, ids, out=out)
    return rates
