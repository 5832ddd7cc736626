"""Which training rows are the pretraining subset D_S: drawn blindly, or chosen."""

from collections.abc import Callable
from typing import Literal, get_args

import numpy as np
import torch
from torch.nn import functional

from ..errors import check_name
from ..models import Backbone
from ..seeds import derive
from ..tasks import Clicks
from ..training import Trainer, to_batch
from .train import fresh_model

Kind = Literal["random", "coverage", "coreset"]

# A chosen subset is chosen among at most so many rows, themselves drawn by class.
CANDIDATES = 1 << 17
# Rows, seen once, that the coreset's model learns from.
PROXY_ROWS = 20_000


def pretraining_rows(task: Clicks, kind: Kind, size: int, seed: int) -> np.ndarray:
    """Sorted indices [size] of D_S in the training split.

    Every kind holds as many clicks as the random draw, so that the share of clicks is that of D.

    Args:
        kind: "random": `Dataset.pretrain_rows`, a draw stratified by class, as Light-FMP §3.1.
            "coverage": see `cover`.
            "coreset": see `centres`, over the gradients of `gate_gradients`.
        size: rows.
        seed: of everything random.

    Raises:
        UnknownName: no such kind.
        DataError: fewer training rows than asked for.
    """
    check_name(kind, get_args(Kind), "subset")
    dataset = task.dataset
    drawn, _ = dataset.pretrain_rows(size, seed)
    if kind == "random":
        return drawn
    rows = dataset.split("train")
    clicks = int(np.asarray(rows.labels)[drawn].sum(dtype=np.int64))
    most = max(size, min(len(rows), CANDIDATES))
    candidates, _ = dataset.pretrain_rows(most, derive(seed, "candidates"))
    rng = np.random.default_rng(derive(seed, "subset"))
    # of rows that serve equally well the first is taken: shuffled, it is any of them
    candidates = rng.permutation(candidates)
    own = rows.take(candidates)
    features = own.ids if kind == "coverage" else gate_gradients(proxy(task, seed), task, candidates)
    choose: Callable[..., np.ndarray] = cover if kind == "coverage" else centres
    return np.sort(candidates[choose(features, own.labels, (size - clicks, clicks))])


class Quota:
    """Which rows may still be taken: so many of each class, each once."""

    def __init__(self, labels: np.ndarray, wanted: tuple[int, int]):
        self.labels, self.left = np.asarray(labels), list(wanted)
        self.closed = np.zeros(len(labels), bool)
        for label in (0, 1):
            self._close(label)

    def _close(self, label: int) -> None:
        if not self.left[label]:
            self.closed[self.labels == label] = True

    def take(self, scores: np.ndarray) -> int:
        """The open row of largest score, the first of equals; it is closed from now on."""
        row = int(np.where(self.closed, -np.inf, scores).argmax())
        label = int(self.labels[row])
        self.left[label] -= 1
        self.closed[row] = True
        self._close(label)
        return row


def cover(ids: np.ndarray, labels: np.ndarray, wanted: tuple[int, int]) -> np.ndarray:
    """Rows that greedily cover what the rows hold: positions [sum(wanted)], in the order of choice.

    Maximises C(S) = Σ_i c_i · [id i is in a row of S] / (N·m), where c_i counts the rows of id i: the share
    of all (row, field) cells whose value a model trained on S has met. Each step takes the row that adds
    most, among the classes with room. C is submodular, so the greedy S has at least half of the best C. An
    id is covered once: its rows' scores fall then, in N·m steps over all ids together.

    Args:
        ids: global ids [N, m].
        labels: 0 or 1, [N].
        wanted: rows of class 0 and of class 1.
    """
    m = ids.shape[1]
    flat = np.asarray(ids).ravel()
    counts = np.bincount(flat)
    holders, starts = np.argsort(flat, kind="stable") // m, np.r_[0, counts.cumsum()]
    gain = counts[ids].sum(1).astype(np.float64)
    covered, quota = np.zeros(len(counts), bool), Quota(labels, wanted)
    chosen = np.empty(sum(wanted), np.int64)
    for k in range(len(chosen)):
        chosen[k] = row = quota.take(gain)
        for i in ids[row][~covered[ids[row]]]:
            covered[i] = True
            gain[holders[starts[i] : starts[i + 1]]] -= counts[i]
    return chosen


def covered_share(ids: np.ndarray, subset: np.ndarray) -> float:
    """C(S): share of the cells of ids [N, m] whose value occurs in the rows `subset` of the same column."""
    seen = np.zeros(int(np.max(ids)) + 1, bool)
    seen[np.asarray(ids)[subset]] = True
    return float(seen[ids].mean())


def centres(features: np.ndarray, labels: np.ndarray, wanted: tuple[int, int]) -> np.ndarray:
    """Greedy k-centre: positions [sum(wanted)], in the order of choice.

    The first row is the farthest from the mean, each next one argmax_i min_{j ∈ S} ‖g_i − g_j‖₂ among the
    classes with room: no row's gradient is then far from one that S holds. Takes |S| passes over N·m numbers.

    Args:
        features: g [N, m].
        labels: 0 or 1, [N].
        wanted: rows of class 0 and of class 1.

    Source: Sener and Savarese 2018 (k-centre coresets), Gonzalez 1985 (the greedy rule).
    """
    g = np.ascontiguousarray(features, np.float32)
    norms, quota = np.einsum("nm,nm->n", g, g), Quota(labels, wanted)
    point, nearest = g.mean(0), np.full(len(g), np.inf, np.float32)
    chosen = np.empty(sum(wanted), np.int64)
    for k in range(len(chosen)):
        distance = norms - 2 * (g @ point) + point @ point
        # the mean is where the first distance is measured from, not a centre
        scores = distance if k == 0 else np.minimum(nearest, distance, out=nearest)
        chosen[k] = row = quota.take(scores)
        point = g[row]
    return chosen


def proxy(task: Clicks, seed: int) -> Backbone:
    """The task's backbone after one pass over `PROXY_ROWS` rows in batches of 256."""
    rows = task.dataset.split("train")
    drawn, _ = task.dataset.pretrain_rows(min(len(rows), PROXY_ROWS), derive(seed, "proxy rows"))
    model = fresh_model(task, derive(seed, "proxy"))
    training = task.training.model_copy(update={"batch_size": 256, "epochs": 1})
    Trainer(model, rows.take(drawn), training, seed=derive(seed, "proxy training")).fit()
    return model


def gate_gradients(model: Backbone, task: Clicks, rows: np.ndarray, batch_size: int = 4096) -> np.ndarray:
    """g_if = ∂ℓ_i/∂z_f at z = 1: what row i tells field f's gate, [N, m] float32.

    ℓ_i is the row's log-loss. This is the gradient that pretraining would send to the gates.
    """
    split, out = task.dataset.split("train"), np.empty((len(rows), model.num_fields), np.float32)
    was_training = model.training
    model.eval()
    for a in range(0, len(rows), batch_size):
        ids, values, labels = to_batch(split, rows[a : a + batch_size], task.training.device)
        gate = torch.ones(len(ids), model.num_fields, device=ids.device, requires_grad=True)
        loss = functional.binary_cross_entropy_with_logits(model(ids, values, gate), labels, reduction="sum")
        (gradient,) = torch.autograd.grad(loss, gate)
        out[a : a + batch_size] = gradient.cpu().numpy()
    model.train(was_training)
    return out
