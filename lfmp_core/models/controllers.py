"""Gates over fields that are computed anew for every example, between the table and the interaction."""

from abc import abstractmethod
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from .layers import Dropout


class FieldGates(nn.Module):
    """e'_f = s_f(e)·ē_f, with gates s [B, m] that a small network computes from all field vectors.

    Nothing is removed: table and interaction stay whole, and the network comes on top.

    Attributes:
        gating: False passes ē through, for pretraining without gates; a stored model always gates.
    """

    kind: ClassVar[str]
    uncuttable = "its gates weigh each field against all others: choose the fields before it is trained"

    def __init__(self, num_fields: int, dim: int):
        super().__init__()
        self.num_fields, self.dim, self.gating = num_fields, dim, True

    @abstractmethod
    def gate(self, e: Tensor) -> Tensor:
        """Gates [B, m] of the vectors ē [B, m, D]."""

    def vectors(self, e: Tensor) -> Tensor:
        """ē [B, m, D], what is gated; the vectors themselves unless a subclass normalises them."""
        return e

    def forward(self, e: Tensor) -> Tensor:
        e = self.vectors(e)
        return e * self.gate(e).unsqueeze(-1) if self.gating else e

    def config(self) -> dict[str, Any]:
        """Arguments that make a module of this shape again."""
        return {"num_fields": self.num_fields, "dim": self.dim}


def _linear(inputs: int, outputs: int, generator: torch.Generator | None) -> nn.Linear:
    layer = nn.Linear(inputs, outputs)
    nn.init.xavier_normal_(layer.weight, generator=generator)
    nn.init.zeros_(layer.bias)
    return layer


class AdaptiveGates(FieldGates):
    """AdaFS' controller: w = softmax(Dropout(ReLU(BN(W·ē + b)))) over fields, ē = BN(e).

    The first BN has D channels, its statistics are over batch and fields. All of w is the gate, or with
    `keep` its k largest entries, scaled to sum to 1, and 0 for the rest.

    Args:
        num_fields, dim: m, D.
        keep: k; None gates softly.
        generator: source of W; Xavier-normal.

    Source: AdaFS (Lin et al. 2022), eq. 5–9. Dropout on the logits of the gates is the authors' code's.
    """

    kind = "adaptive_gates"

    def __init__(
        self,
        num_fields: int,
        dim: int,
        keep: int | None = None,
        *,
        generator: torch.Generator | None = None,
    ):
        super().__init__(num_fields, dim)
        self.keep = keep
        self.norm = nn.BatchNorm1d(dim)
        self.controller = nn.Sequential(
            _linear(num_fields * dim, num_fields, generator),
            nn.BatchNorm1d(num_fields),
            nn.ReLU(),
            Dropout(0.2),
        )

    def config(self) -> dict[str, Any]:
        return super().config() | {"keep": self.keep}

    def vectors(self, e: Tensor) -> Tensor:
        return self.norm(e.reshape(-1, self.dim)).view_as(e)

    def gate(self, e: Tensor) -> Tensor:
        w = self.controller(e.flatten(1)).softmax(1)
        if self.keep is None:
            return w
        largest, fields = w.topk(self.keep, 1)
        return torch.zeros_like(w).scatter(1, fields, largest / largest.sum(1, keepdim=True))


class MultiViewGates(FieldGates):
    """MvFS' controller: K views of how important each field is, mixed, and pushed through a threshold.

    c^k = softmax(ReLU(BN(W_k·e + b_k))) over fields; r = σ(W_g·[c¹ … c^K] + b_g); I = Σ_k r_k c^k;
    s_f = ½(1 + tanh(t·(I_f − l))).

    t starts at 1 and grows by `growth` with every training batch up to `limit`.

    With the authors' l = .1 no gate closes: I_f ≥ 0, so s_f ≥ ½(1 − tanh(5·.1)) = .27, and the m entries
    of I share Σ_k r_k ≤ K, so that their mean, at most 5/39 = .13 and at the start half of it, lies at l or
    under it: most gates stay near one half. A smaller l moves them all up together; a larger limit of t
    tells fields apart.

    Args:
        num_fields, dim: m, D.
        views: K.
        threshold: l.
        growth, limit: of t.
        generator: source of the weights; Xavier-normal.

    Source: MvFS (Lee et al. 2023), eq. 3–7; K sigmoids, l, growth and limit as in the authors' code.
    """

    kind = "multi_view_gates"
    temperature: Tensor

    def __init__(
        self,
        num_fields: int,
        dim: int,
        views: int = 5,
        *,
        threshold: float = 0.1,
        growth: float = 0.001,
        limit: float = 5.0,
        generator: torch.Generator | None = None,
    ):
        super().__init__(num_fields, dim)
        self.views, self.threshold, self.growth, self.limit = views, threshold, growth, limit
        self.networks = _linear(num_fields * dim, views * num_fields, generator)
        self.norm = nn.BatchNorm1d(views * num_fields)
        self.mixer = _linear(views * num_fields, views, generator)
        self.register_buffer("temperature", torch.ones(()))

    def config(self) -> dict[str, Any]:
        own = {"views": self.views, "threshold": self.threshold, "growth": self.growth, "limit": self.limit}
        return super().config() | own

    def gate(self, e: Tensor) -> Tensor:
        logits = torch.relu(self.norm(self.networks(e.flatten(1))))
        c = logits.view(-1, self.views, self.num_fields).softmax(2)
        r = self.mixer(c.flatten(1)).sigmoid()
        importance = (r.unsqueeze(2) * c).sum(1)
        s = 0.5 * (1 + torch.tanh(self.temperature * (importance - self.threshold)))
        if self.training:
            # a new tensor: backward still needs the old one
            self.temperature = (self.temperature + self.growth).clamp(max=self.limit)
        return s
