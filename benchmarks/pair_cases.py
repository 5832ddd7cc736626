"""Which recommenders take part, and what each is held against."""

from collections.abc import Callable
from functools import partial
from importlib.util import find_spec

from lfmp_core.data.interactions import Interactions
from lfmp_core.models.lightgcn import LightGCNSettings
from lfmp_core.models.neumf import NeuMFSettings

from .cases import Target
from .in_process import Case, Group
from .pair_contenders import PairBench, PairContender, Ranked, Trained, alike_vectors
from .pair_references import ImplicitBPR, MaskedTopK, TorchLightGCN, TorchNeuMF

Maker = Callable[[PairBench, Interactions], PairContender]

TARGETS = (
    Target("LightGCN, an epoch", "lightgcn", "train", "peer", 4.0),
    Target("Full ranking, LightGCN", "ranking", "serve", "peer", 3.0),
)


def lightgcn(bench: PairBench) -> LightGCNSettings:
    """LightGCN of the bench's sizes."""
    return LightGCNSettings(embedding_dim=bench.dim, layers=bench.layers)


def neumf(bench: PairBench) -> NeuMFSettings:
    """NeuMF of the bench's sizes."""
    return NeuMFSettings(embedding_dim=bench.neumf_dim, hidden=bench.hidden)


def _lightgcn(times: int, contrast: bool, bench: PairBench, pairs: Interactions) -> Trained:
    weight = bench.contrast if contrast else 0.0
    return Trained(bench, pairs, lightgcn(bench), times * bench.batch, contrast=weight)


def _torch_lightgcn(form: str, times: int, bench: PairBench, pairs: Interactions) -> TorchLightGCN:
    return TorchLightGCN(bench, pairs, lightgcn(bench), times * bench.batch, form)


def _neumf(bench: PairBench, pairs: Interactions) -> Trained:
    return Trained(bench, pairs, neumf(bench), bench.batch, bench.negatives)


def _torch_neumf(bench: PairBench, pairs: Interactions) -> TorchNeuMF:
    return TorchNeuMF(bench, pairs, neumf(bench))


Ranking = type[Ranked] | type[MaskedTopK]


def _ranking(kind: Ranking, bench: PairBench, pairs: Interactions) -> Ranked | MaskedTopK:
    return kind(bench, pairs, lightgcn(bench), bench.ranked)


def _ranking_alike(kind: Ranking, bench: PairBench, pairs: Interactions) -> Ranked | MaskedTopK:
    made = _ranking(kind, bench, pairs)
    made.take(*alike_vectors(bench))
    return made


def _ranking_by_network(kind: Ranking, bench: PairBench, pairs: Interactions) -> Ranked | MaskedTopK:
    return kind(bench, pairs, neumf(bench), bench.few)


def _held(make: Maker, name: str, peer: Maker) -> tuple[Case, Case]:
    """Ours and what it is held against."""
    return Case("ours", make, {"peer": (name,)}), Case(name, peer, reference=True)


def _propagating(times: int) -> list[Case]:
    """LightGCN on batches of so many times B."""
    forms = {"torch, COO": "coo", "torch, CSR": "csr"}
    return [
        Case("ours", partial(_lightgcn, times, False), {"peer": tuple(forms)}),
        Case("ours, InfoNCE", partial(_lightgcn, times, True)),
        *(Case(name, partial(_torch_lightgcn, form, times), reference=True) for name, form in forms.items()),
    ]


def groups() -> dict[str, Group]:
    """All groups, by the key that `--groups` takes."""
    large, training = PairBench.large, _propagating(1)
    if find_spec("implicit"):
        training.append(Case("implicit, BPR without neighbours", ImplicitBPR, reference=True, steps=1))
    listed, alike = (
        (partial(rank, Ranked), "torch, −1e9 and topk", partial(rank, MaskedTopK))
        for rank in (_ranking, _ranking_alike)
    )
    by_network = (
        partial(_ranking_by_network, Ranked),
        "torch, user by user",
        partial(_ranking_by_network, MaskedTopK),
    )
    return {
        "lightgcn": Group("LightGCN", "train", tuple(training)),
        "lightgcn_large": Group(f"LightGCN, {large} times the batch", "train", tuple(_propagating(large))),
        "neumf": Group("NeuMF", "train", _held(_neumf, "torch", _torch_neumf)),
        "ranking": Group("Full ranking, LightGCN", "serve", _held(*listed)),
        "ranking_alike": Group("Full ranking, vectors nearly alike", "serve", _held(*alike)),
        "ranking_neumf": Group("Full ranking, NeuMF", "serve", _held(*by_network)),
    }
