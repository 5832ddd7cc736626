"""The least time that a case can take on a machine of given rates: arithmetic only, nothing is measured here.

    floor = FLOP / (matrix rate) + bytes moved / (memory rate) + bytes looked up / (gather rate)

Counted are the products that can't be avoided, after the savings that are exact: the first CIN layer is
symmetric, the last one needs only sums over d. Not counted are dropout, batch normalisation's arithmetic,
the CIN's elementwise products, and every overhead. So it is a bound, and no implementation reaches it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

NUMBER = 4  # bytes of a float32
# Adam reads weight, gradient and two moments, and writes weight and moments.
ADAM_PASSES = 7
# Each activation is written and read forward; backward it is read, its gradient written and read.
TRAIN_PASSES, INFER_PASSES = 5, 2


@dataclass(frozen=True)
class Work:
    """What one batch asks of the machine: floating-point operations, and bytes streamed and looked up."""

    flop: float
    streamed: float
    gathered: float

    def seconds(self, matrix: float, memory: float, gather: float) -> dict[str, float]:
        """Time by part at `matrix` GFLOP/s, `memory` and `gather` GB/s."""
        return {
            "matrix products": self.flop / matrix / 1e9,
            "memory": self.streamed / memory / 1e9,
            "look-ups": self.gathered / gather / 1e9,
        }


def mlp_macs(inputs: int, hidden: Sequence[int]) -> int:
    """Multiply-adds of one row through the perceptron and its one output."""
    return sum(a * b for a, b in pairwise([inputs, *hidden, 1]))


def cin_macs(fields: int, dim: int, maps: Sequence[int], *, plain: bool = False) -> int:
    """Multiply-adds of one row through the CIN, biases and pooling left out.

    Layer k makes H_k maps of d numbers from H_{k−1}·m products each. Least work: the first layer has
    m(m+1)/2 distinct products; the last needs X^{L−1} X^0ᵀ (H_{L−1}·m·d) and one product of that with the
    weights (H_{L−1}·m·H_L), without d.

    Args:
        plain: as the formula stands, without these savings.
    """
    inputs = [fields, *maps[:-1]]
    total = 0
    for k, (below, size) in enumerate(zip(inputs, maps, strict=True)):
        last, first = k == len(maps) - 1, k == 0
        if plain or (first and last):
            total += dim * below * fields * size
        elif last:
            total += below * fields * dim + below * fields * size
        elif first:
            total += dim * fields * (fields + 1) // 2 * size
        else:
            total += dim * below * fields * size
    return total + sum(maps)


def work(
    fields: int,
    dim: int,
    hidden: Sequence[int],
    cin: Sequence[int],
    batch: int,
    *,
    training: bool,
    moved: int,
    plain: bool = False,
) -> Work:
    """Work of a batch of DeepFM (no CIN) or xDeepFM.

    Args:
        fields, dim, hidden, cin, batch: m, D, widths, maps (empty: none), B.
        training: forward, both gradients, and Adam; else forward alone.
        moved: parameters that Adam moves in a step.
        plain: see `cin_macs`.
    """
    inputs = fields * dim
    macs = mlp_macs(inputs, hidden) + (cin_macs(fields, dim, cin, plain=plain) if cin else 0)
    kept = NUMBER * batch * (inputs + sum(hidden) + dim * sum(cin[:-1]))
    looked_up = NUMBER * batch * fields * (dim + 1)
    if not training:
        return Work(2 * macs * batch, INFER_PASSES * kept, looked_up)
    # the gradient of a looked-up row is read, added to and written
    return Work(6 * macs * batch, TRAIN_PASSES * kept + ADAM_PASSES * NUMBER * moved, 3 * looked_up)


def parameters(sizes: Sequence[int], dim: int, hidden: Sequence[int], cin: Sequence[int]) -> int:
    """Learnable numbers of the model: tables, perceptron with batch normalisation, CIN, bias."""
    fields = len(sizes)
    widths = [fields * dim, *hidden, 1]
    deep = sum((a + 1) * b for a, b in pairwise(widths)) + 2 * sum(hidden)
    maps = sum((below * fields + 1) * size for below, size in pairwise([fields, *cin])) + sum(cin)
    return sum(sizes) * (dim + 1) + deep + (maps if cin else 0) + 1
