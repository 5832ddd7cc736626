"""Do all contenders compute the same function? The peers' models get this project's weights.

Field sizes are cut down for it (the architecture is the same), and what starts as zeros or ones is made
random, so that no term hides.
"""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from torch import nn

from lfmp_core.training.metrics import auc, log_loss

from .common import zipf_rows
from .contenders import Contender, Ours, Shape
from .peers import DeepCTR, FuxiCTR

ROWS = 2048


def _norms(sources: nn.ModuleList, targets: Iterator[nn.Module]) -> None:
    for source, target in zip(sources, targets, strict=True):
        target.load_state_dict(source.state_dict())


def _tables(ours: Any, vectors: list[nn.Embedding], weights: list[nn.Embedding]) -> None:
    sizes = [table.num_embeddings for table in vectors]
    for own, tables in ((ours.table, vectors), (ours.linear, weights)):
        for part, table in zip(own.weight_view().split(sizes), tables, strict=True):
            table.weight.copy_(part)


def _copy(source: nn.Linear, target: nn.Linear) -> None:
    target.weight.copy_(source.weight)
    if source.bias is not None and target.bias is not None:
        target.bias.copy_(source.bias)


def into_deepctr(ours: Any, peer: Any, names: list[str]) -> None:
    """Its perceptron's last layer and its CIN's have no bias: one bias stands for all."""
    first = peer.linear_model.embedding_dict
    _tables(ours, [peer.embedding_dict[n] for n in names], [first[n] for n in names])
    *hidden, last = ours.deep.linears
    for source, target in zip([*hidden, last], [*peer.dnn.linears, peer.dnn_linear], strict=True):
        _copy(source, target)
    _norms(ours.deep.norms, peer.dnn.bn)
    peer.out.bias.fill_(float(ours.bias + last.bias))
    if hasattr(ours, "cin"):
        for weight, bias, layer in zip(ours.cin.weights, ours.cin.biases, peer.cin.conv1ds, strict=True):
            layer.weight.copy_(weight.flatten(1).unsqueeze(-1))
            layer.bias.copy_(bias)
        _copy(ours.cin_out, peer.cin_linear)


def into_fuxictr(ours: Any, peer: Any, names: list[str]) -> None:
    """Its CIN pairs the fields first, then the maps: the two inner axes change places."""
    first = peer.first if hasattr(peer, "cin") else peer.first.lr_layer
    vectors = peer.embedding_layer.embedding_layer.embedding_layers
    weights = first.embedding_layer.embedding_layer.embedding_layers
    _tables(ours, [vectors[n] for n in names], [weights[n] for n in names])
    linears = [layer for layer in peer.mlp.mlp if isinstance(layer, nn.Linear)]
    for source, target in zip(ours.deep.linears, linears, strict=True):
        _copy(source, target)
    _norms(ours.deep.norms, iter(layer for layer in peer.mlp.mlp if isinstance(layer, nn.BatchNorm1d)))
    if not hasattr(peer, "cin"):
        first.bias.fill_(float(ours.bias))
        return
    layers = peer.cin.cin_layer.values()
    for weight, bias, layer in zip(ours.cin.weights, ours.cin.biases, layers, strict=True):
        layer.weight.copy_(weight.transpose(1, 2).flatten(1).unsqueeze(-1))
        layer.bias.copy_(bias)
    _copy(ours.cin_out, peer.cin.fc)
    peer.cin.fc.bias.fill_(float(ours.bias))


PEERS = {"DeepCTR-Torch": (DeepCTR, {"l2": 0.0}, into_deepctr), "FuxiCTR": (FuxiCTR, {}, into_fuxictr)}


@torch.no_grad()
def agreement(shape: Shape) -> dict[str, dict[str, float]]:
    """Of each contender with the same weights: parameters, AUC, log-loss, the logits' spread and, of a peer,
    the largest difference of its logits from ours."""
    small = replace(shape, sizes=tuple(max(2, size // 1000) for size in shape.sizes))
    rows, device = zipf_rows(small.sizes, ROWS, 1.1, 0, permuted=True), torch.device("cpu")
    own = Ours(small, rows, ROWS, device, {})
    generator = torch.Generator().manual_seed(0)
    for name, tensor in own.model.state_dict().items():
        if name.startswith("table."):
            tensor.mul_(0.1 / tensor.std())
        elif tensor.is_floating_point() and tensor.min() == tensor.max():  # starts as zeros or ones
            tensor.add_(0.2 * torch.rand(tensor.shape, generator=generator))

    def figures(one: Contender) -> tuple[np.ndarray, dict[str, float]]:
        one.train(False)
        scores, labels = one.score(0), np.asarray(rows.labels)
        logits = np.log(scores) - np.log1p(-scores)
        quality = {"auc": auc(labels, scores), "logloss": log_loss(labels, logits)}
        return logits, {"parameters": one.parameters(), "spread": float(np.std(logits)), **quality}

    expected, found = figures(own)
    result = {"ours": found}
    for name, (kind, options, transplant) in PEERS.items():
        peer: Any = kind(small, rows, ROWS, device, options)
        transplant(own.model, peer.model, small.fields)
        logits, found = figures(peer)
        result[name] = {**found, "difference": float(np.abs(logits - expected).max())}
    return result
