"""Where the time of xDeepFM's interaction network goes, each part by itself, beside the machine's rate.

    python -m benchmarks.cin_parts --threads 2 --out book/performance/cin.json

The floor of `floors` divides the work by the rate of a large square product. What keeps the network from it
is either that its own products, long and 64 wide, run at another rate, or what stands between them.
"""

import sys
from collections.abc import Sequence
from functools import partial
from typing import Any

import torch

from lfmp_book.speed import cin_speed
from lfmp_core.models import kernels
from lfmp_core.models.cin import CIN, rows_of_batch

from .floors import cin_macs
from .in_process import Case, Group, command, enter, parser_of, take_turns
from .peaks import measure_peaks

FIELDS, DIM, MAPS = 39, 10, (64, 64, 64)
PACKAGES = ("torch", "numpy", "numba")
PRECISIONS = {"float32": torch.float32, "bfloat16": torch.bfloat16}


class Part:
    """One part of a batch's pass through the network.

    Args:
        batch: B.
        precision: of the products, see `PRECISIONS`.
        training: forward and backward; else forward alone.
    """

    parameters = bytes = 0

    def __init__(self, batch: int, precision: str, training: bool):
        self.batch, self.dtype, self.training = batch, PRECISIONS[precision], training
        generator = torch.Generator().manual_seed(0)
        self.cin = CIN(FIELDS, MAPS, generator=generator)
        self.e = torch.randn(batch, FIELDS, DIM, generator=generator)
        self.widths = (FIELDS * (FIELDS + 1) // 2, *(size * FIELDS for size in MAPS[:-2]))
        self.step = rows_of_batch(DIM, max(*self.widths, MAPS[-2] * FIELDS))
        rows, chunk = batch * DIM, self.step * DIM
        self.rows = torch.randn(rows, FIELDS, generator=generator)
        self.maps = [torch.randn(rows, size, generator=generator) for size in MAPS[:-1]]
        self.products = [torch.ones(chunk, width, dtype=self.dtype) for width in self.widths]

    def chunks(self) -> list[slice]:
        """Rows of B·D that are worked on at a time."""
        size = self.step * DIM
        return [slice(a, min(a + size, self.batch * DIM)) for a in range(0, self.batch * DIM, size)]


class Whole(Part):
    """What a training step has of it, or scoring."""

    def act(self, k: int) -> None:
        e = self.e.detach().requires_grad_(self.training)
        half = self.dtype == torch.bfloat16
        with torch.set_grad_enabled(self.training), torch.autocast("cpu", torch.bfloat16, enabled=half):
            out = self.cin(e)
        if self.training:
            out.backward(torch.ones_like(out))


class MatrixProducts(Part):
    """The products that the network calls for, of the same shapes and chunks, made of nothing."""

    def __init__(self, batch: int, precision: str, training: bool):
        super().__init__(batch, precision, training)
        self.weights = [
            torch.ones(size, width, dtype=self.dtype) for size, width in zip(MAPS, self.widths, strict=False)
        ]
        self.last = torch.ones(MAPS[-1], MAPS[-2] * FIELDS)
        self.grads = [torch.ones(self.step * DIM, size, dtype=self.dtype) for size in MAPS[:-1]]
        self.grad_products = [torch.empty_like(products) for products in self.products]

    def act(self, k: int) -> None:
        for part in self.chunks():
            n = part.stop - part.start
            layers = list(zip(self.products, self.weights, self.grads, self.grad_products, strict=True))
            for products, weight, _, _ in layers:
                torch.mm(products[:n], weight.t())
            x0, top = (x[part].view(n // DIM, DIM, -1) for x in (self.rows, self.maps[-1]))
            gram = torch.bmm(top.transpose(1, 2), x0).flatten(1)
            out = torch.mm(gram, self.last.t())
            if not self.training:
                continue
            torch.mm(out.t(), gram)
            grad_gram = torch.mm(out, self.last).view(n // DIM, -1, FIELDS)
            torch.bmm(top, grad_gram)
            torch.bmm(x0, grad_gram.transpose(1, 2))
            for products, weight, grad, grad_products in reversed(layers):
                torch.mm(grad[:n].t(), products[:n])
                torch.mm(grad[:n], weight, out=grad_products[:n])


class Between(Part):
    """The products of maps and fields, made in both passes, and their gradients."""

    def __init__(self, batch: int, precision: str, training: bool):
        super().__init__(batch, precision, training)
        self.grad_maps = [torch.zeros_like(x) for x in self.maps[:-1]]
        self.grad_rows = torch.zeros_like(self.rows)

    def act(self, k: int) -> None:
        below = self.maps[:-1]  # of all layers but the first and the last
        for part in self.chunks():
            n = part.stop - part.start
            for _ in range(2 if self.training else 1):
                kernels.triangle(self.rows[part], self.products[0][:n])
                for x, products in zip(below, self.products[1:], strict=True):
                    kernels.outer(x[part], self.rows[part], products[:n])
            if not self.training:
                continue
            kernels.triangle_backward(self.products[0][:n], self.rows[part], self.grad_rows[part])
            for x, grad, products in zip(below, self.grad_maps, self.products[1:], strict=True):
                kernels.outer_backward(
                    products[:n], x[part], self.rows[part], grad[part], self.grad_rows[part]
                )


PARTS: dict[str, type[Part]] = {
    cin_speed.WHOLE: Whole,
    cin_speed.PRODUCTS: MatrixProducts,
    cin_speed.BETWEEN: Between,
}


def groups() -> dict[str, Group]:
    """All groups, by the key that `--groups` takes."""
    return {
        f"{measure}_{precision}": Group(f"CIN, {words}, {precision}", measure, _cases(precision, measure))
        for measure, words in cin_speed.MEASURES.items()
        for precision in PRECISIONS
    }


def _cases(precision: str, measure: str) -> tuple[Case, ...]:
    own = partial(_made, precision, measure == "train")
    return tuple(Case(name, partial(own, kind), steps=2) for name, kind in PARTS.items())


def _made(precision: str, training: bool, kind: type[Part], batch: int) -> Part:
    return kind(batch, precision, training)


def run_group(
    group: Group, batch: int, rounds: int, stamp: dict[str, Any], names: set[str]
) -> dict[str, Any]:
    """All parts in turns, and the machine's rates before and after them."""
    before = measure_peaks("cpu", 3)
    entrants = enter(group, names, "cpu", batch)
    take_turns(group, entrants, rounds)
    rates = {name: before[name] + found for name, found in measure_peaks("cpu", 3).items()}
    return {
        "title": group.title,
        "measure": group.measure,
        "made": stamp,
        "shape": {"fields": FIELDS, "dim": DIM, "maps": MAPS},
        "flop": (6 if group.measure == "train" else 2) * batch * cin_macs(FIELDS, DIM, MAPS),
        "peaks": rates,
        "entries": [one.written(group.measure, {}) for one in entrants],
    }


def main(arguments: Sequence[str] | None = None) -> int:
    parser = parser_of("python -m benchmarks.cin_parts", __doc__ or "", groups(), "part")
    parser.add_argument("--batch", type=int, default=4096, help="rows a batch")
    options = parser.parse_args(arguments)
    options.device = "cpu"
    options.batch = 64 if options.quick else options.batch

    def run(group: Group, stamp: dict[str, Any], names: set[str]) -> dict[str, Any]:
        return run_group(group, options.batch, options.rounds, stamp, names)

    return command(parser, options, groups(), "part", PACKAGES, run, cin_speed.tables)


if __name__ == "__main__":
    sys.exit(main())
