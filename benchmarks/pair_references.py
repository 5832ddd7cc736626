"""What recommenders are held against: LightGCN, NeuMF and ranking in plain torch, as public code has them."""

from typing import Any

import numpy as np
import torch
from scipy.sparse import csr_matrix
from torch import Tensor, nn
from torch.nn import functional

from lfmp_core.data.interactions import Interactions
from lfmp_core.models.lightgcn import LightGCN, LightGCNSettings
from lfmp_core.models.neumf import NeuMF, NeuMFSettings
from lfmp_core.models.recommender import RecommenderSettings

from .pair_contenders import MOST, PairBench, PairContender, block, first_batches, own

MASKED = -1e9


class TorchLightGCN(PairContender):
    """LightGCN of LightGCN-PyTorch and RecBole: at each step every layer of every node, by a product with the
    normalised adjacency as a sparse tensor, and autograd back through all of it.

    Args:
        bench: sizes.
        pairs: to learn from.
        settings: of the recommender.
        batch: B.
        form: of the adjacency: "coo", as both have it, or "csr".
    """

    def __init__(
        self, bench: PairBench, pairs: Interactions, settings: LightGCNSettings, batch: int, form: str
    ):
        ours = own(settings, pairs, bench.seed)
        assert isinstance(ours, LightGCN)
        self.first, self.layers, self.l2 = pairs.num_users, settings.layers, bench.l2
        self.e = nn.Parameter(ours.embeddings().detach().clone())
        self.adjacency = adjacency(pairs).to_sparse_csr() if form == "csr" else adjacency(pairs)
        self.optimizer = torch.optim.Adam([self.e])
        self.batches = first_batches(bench, pairs, batch, 1)
        self.units = -(-len(pairs) // batch)
        self.parameters, self.bytes = self.e.numel(), 4 * self.e.numel()

    def vectors(self) -> Tensor:
        """Mean over layers of every node's vectors [n, D]."""
        layers = [self.e]
        for _ in range(self.layers):
            layers.append(torch.sparse.mm(self.adjacency, layers[-1]))
        return torch.stack(layers, 1).mean(1)

    def act(self, k: int) -> Tensor:
        users, taken, others = self.batches[k % len(self.batches)]
        rows = users, taken + self.first, others[:, 0] + self.first
        v = self.vectors()
        u, i, j = (v[own] for own in rows)
        loss = functional.softplus((u * j).sum(1) - (u * i).sum(1)).mean()
        loss = loss + self.l2 / (2 * len(users)) * sum(self.e[own].square().sum() for own in rows)
        self.optimizer.zero_grad()
        loss.backward()
        self.optimizer.step()
        return loss.detach()

    @torch.no_grad()
    def says(self) -> Tensor:
        v = self.vectors()
        return v[: min(64, self.first)] @ v[self.first :].T


def adjacency(pairs: Interactions) -> Tensor:
    """D^{-½} A D^{-½} of users, then items, as a coalesced COO tensor."""
    users = torch.from_numpy(pairs.users().astype(np.int64))
    items = torch.from_numpy(pairs.items.astype(np.int64)) + pairs.num_users
    places = torch.stack([torch.cat([users, items]), torch.cat([items, users])])
    degrees = torch.from_numpy(np.concatenate([pairs.degrees(), pairs.item_degrees()]))
    scale = degrees.clamp(min=1).rsqrt()
    size = pairs.num_users + pairs.num_items
    return torch.sparse_coo_tensor(places, scale[places].prod(0), (size, size)).coalesce()


class TorchNeuMF(PairContender):
    """NeuMF in plain torch: four embeddings with dense gradients, and the network on every pair of a batch.

    Args:
        bench: sizes.
        pairs: to learn from.
        settings: of the recommender.
    """

    def __init__(self, bench: PairBench, pairs: Interactions, settings: NeuMFSettings):
        ours = own(settings, pairs, bench.seed)
        assert isinstance(ours, NeuMF)
        self.model, self.l2 = PlainNeuMF(ours), bench.l2
        self.optimizer = torch.optim.Adam(self.model.parameters())
        self.batches = first_batches(bench, pairs, bench.batch, bench.negatives)
        self.items, self.units = pairs.num_items, -(-len(pairs) // bench.batch)
        self.parameters = sum(p.numel() for p in self.model.parameters())
        self.bytes = 4 * self.parameters

    def act(self, k: int) -> Tensor:
        users, taken, others = self.batches[k % len(self.batches)]
        items = torch.cat([taken[:, None], others], 1)
        logits, rows = self.model(users[:, None].expand_as(items).reshape(-1), items.reshape(-1))
        logits = logits.view_as(items)
        loss = functional.softplus(-logits[:, 0]).mean() + functional.softplus(logits[:, 1:]).mean()
        # a user counts once, however many items stand beside it
        once = [own[:: items.shape[1]] if k % 2 == 0 else own for k, own in enumerate(rows)]
        loss = loss + self.l2 / (2 * len(users)) * sum(own.square().sum() for own in once)
        self.optimizer.zero_grad()
        loss.backward()
        self.optimizer.step()
        return loss.detach()

    @torch.no_grad()
    def says(self) -> Tensor:
        users = torch.arange(min(64, self.model.tables[0].num_embeddings))
        return torch.stack([self.model.of_user(user, self.items) for user in users])


class PlainNeuMF(nn.Module):
    """NeuMF as its formula stands, with the weights of another.

    Args:
        like: whose weights.
    """

    def __init__(self, like: NeuMF):
        super().__init__()
        weights = [table.weight_view().detach().clone() for table in like.tables().values()]
        self.tables = nn.ModuleList(nn.Embedding.from_pretrained(w, freeze=False) for w in weights)
        linears = [nn.Linear(one.in_features, one.out_features) for one in like.network.linears]
        self.network = nn.Sequential(
            *(part for one in linears[:-1] for part in (one, nn.ReLU())), linears[-1]
        )
        self.product = nn.Linear(like.product.in_features, 1)
        others = [*like.network.linears, like.product]
        for mine, theirs in zip([*linears, self.product], others, strict=True):
            mine.load_state_dict(theirs.state_dict())

    def forward(self, users: Tensor, items: Tensor) -> tuple[Tensor, list[Tensor]]:
        """(logits [B] of pairs, the vectors that they are made of)."""
        rows = [table(ids) for table, ids in zip(self.tables, (users, items, users, items), strict=True)]
        deep = self.network(torch.cat(rows[2:], -1))
        return (self.product(rows[0] * rows[1]) + deep).squeeze(-1), rows

    def of_user(self, user: Tensor, items: int) -> Tensor:
        """Logits of all items."""
        return self(user.expand(items), torch.arange(items))[0]


class MaskedTopK(PairContender):
    """Ranking of LightGCN-PyTorch and RecBole: all scores of a block, −1e9 where an item was taken, `topk`.

    Args:
        bench: sizes.
        pairs: left out of the ranking.
        settings: of the recommender.
        users: of a block.
    """

    def __init__(self, bench: PairBench, pairs: Interactions, settings: RecommenderSettings, users: int):
        self.pairs, self.units = pairs, users
        model = own(settings, pairs, bench.seed).eval()
        self.parameters, self.bytes = model.num_parameters(), model.num_bytes()
        self.plain: Any = PlainNeuMF(model) if isinstance(model, NeuMF) else None
        if isinstance(model, LightGCN):
            with torch.no_grad():
                self.users, self.items = model.vectors().split([pairs.num_users, pairs.num_items])

    def take(self, users: Tensor, items: Tensor) -> None:
        """Rank by other vectors x [U, D], y [I, D] than the recommender's."""
        self.users, self.items = users, items

    @torch.inference_mode()
    def best(self, k: int) -> Tensor:
        """Scores of the lists of block k, best first [b, 20]."""
        users = block(self.pairs.num_users, int(self.units), k)
        if self.plain is not None:
            scores = torch.stack([self.plain.of_user(torch.tensor(u), self.pairs.num_items) for u in users])
        else:
            scores = self.users[torch.from_numpy(users)] @ self.items.T
        starts = self.pairs.starts
        rows = np.repeat(np.arange(len(users)), starts[users + 1] - starts[users])
        taken = self.pairs.items[starts[users[0]] : starts[users[-1] + 1]]  # of users that follow each other
        scores[torch.from_numpy(rows), torch.from_numpy(taken.astype(np.int64))] = MASKED
        return scores.topk(MOST).values

    def act(self, k: int) -> None:
        self.best(k)

    def says(self) -> Tensor:
        return self.best(0).clone()


class ImplicitBPR(PairContender):
    """Factors by BPR of the package `implicit`, pair by pair in C++: no neighbours, so another model.

    Args:
        bench: sizes.
        pairs: to learn from.
    """

    def __init__(self, bench: PairBench, pairs: Interactions):
        from implicit.cpu.bpr import BayesianPersonalizedRanking

        threads, self.units = torch.get_num_threads(), 1
        self.model = BayesianPersonalizedRanking(
            factors=bench.dim, iterations=1, num_threads=threads, random_state=bench.seed
        )
        shape = pairs.num_users, pairs.num_items
        self.matrix = csr_matrix((np.ones(len(pairs), np.float32), pairs.items, pairs.starts), shape)
        self.parameters = sum(shape) * (bench.dim + 1)
        self.bytes = 4 * self.parameters

    def act(self, k: int) -> None:
        self.model.fit(self.matrix, show_progress=False)

    def says(self) -> Tensor:
        raise NotImplementedError("it computes another function")
