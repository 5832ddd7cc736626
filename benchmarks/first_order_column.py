"""First-order weights in a table of their own, or as one more column of the vectors' table.

    python -m benchmarks.first_order_column --out book/performance/layouts.json

Both layouts look the same ids up, hand the same gradients back and make one step of Adam over every row;
they take turns, and the ratio is taken round by round.
"""

import argparse
import json
import time
from statistics import median

import numpy as np
import torch
from threadpoolctl import threadpool_limits
from torch import Tensor, nn

from lfmp_core.data.planted import CRITEO_SIZES
from lfmp_core.files import atomic_write
from lfmp_core.memory import keep_memory
from lfmp_core.training.row_adam import RowAdam, RowIndex

from .common import figures, zipf_rows


class TwoTables:
    """[n, D] and [n, 1], with one index of the batch's distinct rows."""

    def __init__(self, n: int, dim: int):
        index = RowIndex(n)
        weights = (nn.Parameter(torch.zeros(n, width)) for width in (dim, 1))
        self.parts = [RowAdam(w, 1e-3, 1e-5, lazy=False, index=index) for w in weights]

    def lookup(self, ids: Tensor) -> tuple[Tensor, Tensor]:
        e, w = (part.lookup(ids) for part in self.parts)
        return e.flatten(1), w.sum((1, 2))

    def step(self) -> None:
        for part in self.parts:
            part.step()


class OneTable:
    """[n, D + 1]; the vectors are copied out, since an MLP wants them without the column."""

    def __init__(self, n: int, dim: int):
        self.dim = dim
        self.rows = RowAdam(nn.Parameter(torch.zeros(n, dim + 1)), 1e-3, 1e-5, lazy=False)

    def lookup(self, ids: Tensor) -> tuple[Tensor, Tensor]:
        both = self.rows.lookup(ids)
        return both[..., : self.dim].flatten(1), both[..., self.dim].sum(1)

    def step(self) -> None:
        self.rows.step()


def seconds(layout: TwoTables | OneTable, batches: list[Tensor], grad: Tensor) -> list[float]:
    """Wall-clock of lookup, backward and step for each batch."""
    found = []
    for ids in batches:
        started = time.perf_counter()
        e, w = layout.lookup(ids)
        torch.autograd.backward((e, w), (grad, grad[:, 0]))
        layout.step()
        found.append(time.perf_counter() - started)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--dims", type=int, nargs="+", default=[10, 16], help="D")
    parser.add_argument("--batch", type=int, default=4096)
    parser.add_argument("--rounds", type=int, default=7, help="counted, after one that is not")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--out", type=figures("options", "layouts"), help="write the figures as JSON here")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    keep_memory()
    rows = zipf_rows(CRITEO_SIZES, 6 * options.batch, 1.1, 0, permuted=True)
    batches = [torch.from_numpy(np.array(part)) for part in np.split(rows.ids, 6)]
    results = {}
    with threadpool_limits(options.threads):
        for dim in options.dims:
            n = sum(CRITEO_SIZES)
            layouts: dict[str, TwoTables | OneTable] = {
                "two tables": TwoTables(n, dim),
                "one table": OneTable(n, dim),
            }
            grad = torch.randn(options.batch, len(CRITEO_SIZES) * dim)
            rounds: dict[str, list[float]] = {name: [] for name in layouts}
            for turn in range(1 + options.rounds):
                for name, layout in layouts.items():
                    spent = median(seconds(layout, batches, grad))
                    if turn:
                        rounds[name].append(spent)
            ratios = sorted(a / b for a, b in zip(rounds["two tables"], rounds["one table"], strict=True))
            results[str(dim)] = {
                **{name: median(spent) for name, spent in rounds.items()},
                "ratio": median(ratios),
                "low": ratios[0],
                "high": ratios[-1],
            }
            print(f"D = {dim}: {results[str(dim)]}")
    if options.out:
        asked = {key: value for key, value in vars(options).items() if key != "out"}
        atomic_write(options.out, json.dumps({"options": asked, "layouts": results}, indent=1) + "\n")


if __name__ == "__main__":
    main()
