"""Many numbers in few bits, with a step and an offset for each field or each row."""

from collections.abc import Sequence
from functools import cache
from itertools import accumulate
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor, nn

from ..axes import FieldAxis
from ..kernels import run_kernel
from . import rounding
from .unpacking import read_rows

Bits = Literal[2, 4, 8]
Per = Literal["field", "row"]


class Packed(nn.Module):
    """Numbers o + s·q with codes q of 2, 4 or 8 bits, where a weight would hold them in float32.

    The numbers lie in runs, one for each field, each from a byte of its own on: so fields can be cut. Scales
    are (s, o), float32 for each run or float16 for each row, and keep their type whatever the model's is.

    Args:
        shape: of the weight.
        runs: numbers of each run.
        rows: rows of each run; where all rows have equally many numbers, `forward` reads them.
        bits: of a code.
        per: what has a scale: "field", each run; "row".
    """

    codes: Tensor
    scale: Tensor
    like: Tensor

    def __init__(self, shape: Sequence[int], runs: Sequence[int], rows: Sequence[int], bits: Bits, per: Per):
        super().__init__()
        self.shape, self.runs, self.rows = tuple(shape), tuple(runs), tuple(rows)
        self.bits, self.per = bits, per
        self.sizes = [rounding.packed_bytes(count, bits) for count in runs]
        self.edges = np.array([0, *accumulate(rows)])
        self.begins = np.array([0, *accumulate(self.sizes)])[:-1]
        scales, kept = (len(runs), torch.float32) if per == "field" else (sum(rows), torch.float16)
        self.kept: Any = np.float32 if per == "field" else np.float16
        self.codes = nn.Parameter(torch.zeros(sum(self.sizes), dtype=torch.uint8), requires_grad=False)
        self.scale = nn.Parameter(torch.zeros(scales, 2, dtype=kept), requires_grad=False)
        # empty: it has the type and the device that the model is given
        self.register_buffer("like", torch.empty(0), persistent=False)
        self.register_load_state_dict_post_hook(lambda packed, keys: packed._check())

    @torch.no_grad()
    def fill(self, weight: Tensor, lengths: Tensor) -> None:
        """Round a weight of this shape; `lengths`: numbers of each row [Σ rows]."""
        parts = weight.reshape(-1).split(list(self.runs)), lengths.split(list(self.rows))
        codes, scales = [], []
        for own, counts in zip(*parts, strict=True):  # run by run, which bounds memory
            values = own.cpu().double().numpy()
            groups = counts.cpu().numpy() if self.per == "row" else np.array([len(values)])
            scale = rounding.scales(values, groups, self.bits, self.kept)
            codes.append(rounding.pack(rounding.coded(values, groups, scale, self.bits), self.bits))
            scales.append(scale)
        self.codes.copy_(torch.from_numpy(np.concatenate(codes)))
        self.scale.copy_(torch.from_numpy(np.concatenate(scales)))

    def lie_by_field(self) -> None:
        """Say that the runs are fields, so that they can be cut."""
        scales = self.rows if self.per == "row" else (1,) * len(self.rows)
        self.field_axes = {
            "codes": {0: (FieldAxis(tuple(self.sizes)),)},
            "scale": {0: (FieldAxis(scales),)},
        }

    @property
    def count(self) -> int:
        """The numbers that the codes stand for."""
        return sum(self.runs)

    def __len__(self) -> int:
        return int(self.shape[0])

    def _apply(self, fn, recurse=True):
        kept = self.scale.dtype
        super()._apply(fn, recurse)
        self.scale.data = self.scale.data.to(kept)
        return self

    def _check(self) -> None:
        if not self.scale.isfinite().all():
            raise ValueError("the scales of these packed numbers are damaged")

    def compiled(self, index: Tensor) -> bool:
        """Whether the loops can read for some index; exporters know no compiled loop."""
        return index.is_cpu and self.codes.is_cpu and not torch.compiler.is_compiling()

    def stored(self) -> tuple[Tensor, int, Tensor]:
        """Codes, bits and scales as the loops read them."""
        scale = self.scale.view(torch.uint16) if self.per == "row" else self.scale
        return self.codes, self.bits, scale

    def forward(self, index: Tensor) -> Tensor:
        """Rows [..., width] by their numbers [...], where all rows have equally many numbers."""
        flat, width = index.reshape(-1), self.count // sum(self.rows)
        if self.compiled(flat):
            out = torch.empty(len(flat), width)
            run_kernel(read_rows, flat, self.edges, self.begins, *self.stored(), out)
        else:
            out = self._rows(flat.long(), width)
        return out.view(*index.shape, width).to(self.like.dtype)

    def _rows(self, rows: Tensor, width: int) -> Tensor:
        """What the compiled loop does, in tensor operations, of rows [k]."""
        each = 8 // self.bits
        if width % each == 0:  # then no run has a byte that is not full
            codes = self._codes(self.codes.view(-1, width // each)[rows]).flatten(1)
            return self.numbers(codes, self.scales(rows).unsqueeze(1))
        starts = width * torch.arange(sum(self.rows) + 1, device=rows.device)
        first = self.first(rows, starts)
        return self.at(first.unsqueeze(1) + torch.arange(width, device=rows.device), rows)

    def first(self, rows: Tensor, starts: Tensor) -> Tensor:
        """Places of the first numbers of rows [k], counted in codes from the first byte on.

        Args:
            starts: numbers before each row, whatever its run [Σ rows + 1].
        """
        edges, begins = (torch.from_numpy(x).to(rows.device) for x in (self.edges[:-1], self.begins))
        run = self.runs_of(rows)
        return begins[run] * (8 // self.bits) + starts[rows] - starts[edges[run]]

    def at(self, places: Tensor, rows: Tensor) -> Tensor:
        """Numbers [k, …] at some places, counted in codes from the first byte on, of rows [k]."""
        each = 8 // self.bits
        shift = 2 ** (self.bits * torch.arange(each, dtype=torch.int32, device=places.device))
        words = self.codes[places.div(each, rounding_mode="floor")].int()
        codes = words.div(shift[places.remainder(each)], rounding_mode="floor").remainder(1 << self.bits)
        return self.numbers(codes, self.scales(rows).unsqueeze(1))

    def runs_of(self, rows: Tensor) -> Tensor:
        """The run of each row [k]; in operations that exporters know."""
        if torch.compiler.is_exporting():
            # a byte for each row in the graph: comparing each with all edges took as long as the network
            runs = np.repeat(np.arange(len(self.rows)), self.rows)
            kept = np.uint8 if len(self.rows) <= 256 else np.int32
            return torch.from_numpy(runs.astype(kept)).to(rows.device)[rows].long()
        later = torch.from_numpy(self.edges[1:-1]).to(rows.device)
        return (rows.unsqueeze(1) >= later).sum(1)

    def scales(self, rows: Tensor) -> Tensor:
        """(s, o) of rows [k]: [k, 2], float32."""
        return self.scale[rows if self.per == "row" else self.runs_of(rows)].float()

    def _codes(self, words: Tensor) -> Tensor:
        """Codes [..., 8/b] of bytes [...]."""
        if self.bits == 8:
            return words.unsqueeze(-1)
        if torch.compiler.is_exporting():
            return torch.nn.functional.embedding(words.int(), torch.from_numpy(_spread(self.bits)))
        shift = 2 ** (self.bits * torch.arange(8 // self.bits, dtype=torch.int32, device=words.device))
        spread = words.int().unsqueeze(-1).div(shift, rounding_mode="floor")
        return spread.remainder(1 << self.bits)

    @staticmethod
    def numbers(codes: Tensor, scale: Tensor) -> Tensor:
        """o + s·q of codes [...] and scales [..., 2]."""
        return scale[..., 1] + scale[..., 0] * codes.float()

    def dense(self, lengths: Tensor | None = None) -> Tensor:
        """All numbers, in the weight's shape; `lengths`: numbers of each row, where they differ in a run."""
        codes = [
            self._codes(own).flatten()[:count]
            for own, count in zip(self.codes.split(self.sizes), self.runs, strict=True)
        ]
        if self.per == "row" and lengths is not None:
            scale = self.scale.float().repeat_interleave(lengths, 0, output_size=self.count)
            found = self.numbers(torch.cat(codes), scale)
        else:
            groups = self.scale.float().split(list(self.rows) if self.per == "row" else 1)
            found = torch.cat(
                [
                    self.numbers(own.view(len(scale), len(own) // len(scale)), scale.unsqueeze(1)).flatten()
                    for own, scale in zip(codes, groups, strict=True)
                ]
            )
        return found.view(self.shape).to(self.like.dtype)


@cache
def _spread(bits: Bits) -> np.ndarray:
    """The codes that each byte holds [256, 8/b], float32."""
    shifts = bits * np.arange(8 // bits)
    codes = np.arange(256)[:, None] >> shifts & ((1 << bits) - 1)
    return codes.astype(np.float32)


def count_numbers(module: nn.Module) -> int:
    """The numbers that a module stores, whatever the bits of each; scales and other side tables are none."""
    packed = [part for part in module.modules() if isinstance(part, Packed)]
    inside = {id(p) for part in packed for p in part.parameters()}
    return sum(part.count for part in packed) + sum(
        p.numel() for p in module.parameters() if id(p) not in inside
    )
