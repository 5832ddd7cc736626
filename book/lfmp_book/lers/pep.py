"""PEP's thresholds: one for each number, as published, beside the single one of this book."""

from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd
import torch
from matplotlib.figure import Figure
from torch import Tensor
from torch.nn import functional

from lfmp_core.methods.compression.threshold import Threshold

from ..show.curves import bare
from ..show.html import HtmlTable, table

COLOURS = ("#9aa0a6", "#1f77b4", "#dd8452", "#0b6e4f")


@dataclass(frozen=True)
class Problem:
    """Clicks that depend on a quarter of the ids of a small table.

    Attributes:
        ids, dim: n and D. rows: in a batch. fields: ids a row. batches: that are gone through in turns.
        rate: learning rate of s; the weights' is 1e-3. start: s₀.
    """

    ids: int = 1000
    dim: int = 4
    rows: int = 256
    fields: int = 10
    batches: int = 8
    rate: float = 0.02
    start: float = -15.0
    seed: int = 0

    def draw(self) -> tuple[Tensor, Tensor, Tensor]:
        """Starting weights [n, D], ids [batches, rows, fields], labels [batches, rows]."""
        generator = torch.Generator().manual_seed(self.seed)
        v = torch.randn(self.ids, self.dim, generator=generator) * 0.01
        shape = (self.batches, self.rows, self.fields)
        rows = torch.randint(0, self.ids, shape, generator=generator)
        effect = torch.randn(self.ids, generator=generator) * (torch.arange(self.ids) < self.ids // 4)
        noise = torch.randn(self.batches, self.rows, generator=generator)
        return v, rows, (effect[rows].sum(2) + noise > 0).float()


@dataclass(frozen=True)
class Path:
    """What the thresholds of one training did.

    Attributes:
        decay: weight decay on s. mean, least, most: of all s, before each step and after the last.
        one: the single s(t) of `Threshold` on the same steps.
        loss_share: of the summed sizes of s's gradient, what the loss gave; the rest is the decay's.
        pruned: share of numbers at zero at the end.
    """

    decay: float
    mean: tuple[float, ...]
    least: tuple[float, ...]
    most: tuple[float, ...]
    one: tuple[float, ...]
    loss_share: float
    pruned: float

    @property
    def moved(self) -> float:
        """How far s went, on average."""
        return self.mean[-1] - self.mean[0]

    @property
    def by_loss(self) -> float:
        """The share of how far s went that the decay alone does not give."""
        alone = self.one[-1] - self.one[0] if self.decay else 0.0
        return abs(self.moved - alone) / abs(self.moved) if self.moved else 0.0

    @property
    def apart(self) -> float:
        """Greatest distance of any s from the single one, at any step."""
        ends = zip(self.least, self.most, self.one, strict=True)
        return max(max(abs(low - s), abs(high - s)) for low, high, s in ends)


def entrywise(problem: Problem, decay: float, steps: int) -> Path:
    """Train v and one s for each of its numbers: v̂ = sign(v)·ReLU(|v| − σ(s)), Adam with weight decay on s.

    The logit of a row is the sum of its vectors' numbers.
    """
    start, rows, labels = problem.draw()
    v = start.requires_grad_()
    s = torch.full_like(v, problem.start).requires_grad_()
    one = Threshold(problem.start, problem.rate)
    by_loss = torch.optim.Adam([v], lr=1e-3, weight_decay=1e-5)
    by_both = torch.optim.Adam([s], lr=problem.rate, weight_decay=decay)
    trace = [_spread(s, one)]
    sizes = torch.zeros(2, dtype=torch.float64)
    for step in range(steps):
        hat = v.sign() * torch.relu(v.abs() - s.sigmoid())
        batch = step % problem.batches
        loss = functional.binary_cross_entropy_with_logits(hat[rows[batch]].sum((1, 2)), labels[batch])
        v.grad, s.grad = torch.autograd.grad(loss, [v, s])
        sizes += torch.stack([s.grad.abs().sum().double(), (decay * s.detach()).abs().sum().double()])
        by_loss.step()
        by_both.step()
        one.advance()
        trace.append(_spread(s, one))
    mean, least, most, single = (tuple(column) for column in zip(*trace, strict=True))
    share = float(sizes[0] / sizes.sum()) if sizes.sum() else float("nan")
    pruned = float((v.abs() <= s.sigmoid()).float().mean())
    return Path(decay, mean, least, most, single, share, pruned)


def _spread(s: Tensor, one: Threshold) -> tuple[float, float, float, float]:
    values = s.detach()
    return values.mean().item(), values.min().item(), values.max().item(), one.s


def paths_table(paths: Sequence[Path]) -> HtmlTable:
    """How far the thresholds went under each weight decay, and what moved them."""
    rows = [
        {
            "weight decay of s": path.decay,
            "s at the end, mean": path.mean[-1],
            "least": path.least[-1],
            "most": path.most[-1],
            "moved": path.moved,
            "of it by the loss": path.by_loss,
            "gradient from the loss": path.loss_share,
            "the single s": path.one[-1] if path.decay else None,
            "farthest from it": path.apart if path.decay else None,
            "numbers at zero": path.pruned,
        }
        for path in paths
    ]
    keys = ("s at the end, mean", "least", "most", "moved", "the single s", "farthest from it")
    formats: dict = dict.fromkeys(keys, ".3f")
    formats |= {"weight decay of s": "g", "numbers at zero": ".1%"}
    formats |= dict.fromkeys(("of it by the loss", "gradient from the loss"), ".2%")
    steps, start = len(paths[0].mean) - 1, paths[0].mean[0]
    note = (
        f"{steps} steps from s₀ = {start:g}. The single s: this book's threshold, which knows no loss. Of it "
        "by the loss: what of the movement that one lacks. Gradient from the loss: its share of the summed "
        "sizes of all entries' gradients."
    )
    return table(pd.DataFrame(rows), caption="PEP's thresholds under Adam", formats=formats, note=note)


def paths_picture(paths: Sequence[Path]) -> Figure:
    """s over the steps: all entries as a band, the single s dashed."""
    figure = Figure(figsize=(7.5, 3.2), layout="constrained")
    axis = figure.subplots()
    steps = range(len(paths[0].mean))
    for k, (path, colour) in enumerate(zip(paths, COLOURS, strict=False)):
        axis.fill_between(steps, path.least, path.most, color=colour, alpha=0.25, lw=0)
        # lines that lie on each other are seen by their widths
        axis.plot(steps, path.mean, color=colour, lw=7 - 2 * k, label=f"weight decay {path.decay:g}")
    axis.plot(steps, paths[-1].one, color="#222222", lw=1, ls="--", label="the single s")
    axis.legend(frameon=False, fontsize=9)
    bare(axis, xlabel="step", ylabel="s")
    return figure
