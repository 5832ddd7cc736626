"""What every backbone, table and method computes in some twenty steps on tiny planted rows.

Nothing here is true or false by itself. The numbers say whether the code still computes what it did, to the
last bit, when the records were made: their digests are the stamps of records (see `stamp`). Small as the rows
are, the loops meet what they meet in earnest: several blocks, odd sizes, a last batch that is shorter, L2,
batch norm and dropout, float32 and bfloat16.
"""

import hashlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache, partial
from itertools import product
from typing import Any, get_args
from unittest.mock import patch

import numpy as np
import torch

from ..budget import NOTHING, Budget
from ..embeddings import TABLES, FullTable
from ..embeddings.entry_mask import EntryMask
from ..embeddings.field_columns import FieldColumnsTable
from ..embeddings.masked import FixedWidths, MaskedRows, field_of_ids, widths_by_id
from ..embeddings.packed import Bits, Per
from ..embeddings.pair import PairTable
from ..embeddings.quantised import QuantisedTable
from ..embeddings.ragged import RaggedTable
from ..embeddings.soft_threshold import SoftThresholdTable
from ..embeddings.sparse import SparseTable
from ..methods.base import METHODS, Outcome, get_method
from ..models import BackboneSettings
from ..models.backbone import REGISTRY
from ..models.recommender import Recommender
from ..models.recommenders import RECOMMENDERS, recommender_settings
from ..tasks import Clicks, TopItems
from ..training import Loop, TrainingSettings, predict
from ..training.pairs import PairTrainingSettings
from .stamp import SINGLE_PHASE, UNTRAINED, VARIANTS
from .tiny import SIZES, planted, planted_pairs

BATCH = 301  # five batches a pass, the last one shorter
PASSES = 4
SHOWN = 4  # numbers of an array that a pin shows, beside its mean

# shorter than the defaults, and with more steps where these would leave a path out
_FOREST = {"trees": 5, "min_samples_leaf": 5}
_SHORT: dict[str, dict[str, Any]] = {
    "light_fmp": {"pretrain_rows": 499, "pretrain_batch_size": 101, "pretrain_passes": 4},
    "light_fmp_regrow": {"pretrain_rows": 499, "pretrain_batch_size": 101, "pretrain_passes": 4},
    "light_fmp_stream": {"min_steps": 8, "check_every": 1},
    "random_forest": _FOREST,
    "gbdt": {"trees": 5, "repeats": 1},
    "permutation": {**_FOREST, "repeats": 1},
    "xgboost": {"trees": 5, "max_depth": 3},
    "sfs": {"batches": 3},
    "adafs": {"pretrain_epochs": 1, "update_every": 2},
    "mvfs": {"pretrain_epochs": 1},
    "optfs": {"search_epochs": 2},
    "optembed": {"search_epochs": 2, "threshold_rise": 0.05, "evolution": {"generations": 1}},
    "optembed_budget": {
        "search": {"search_epochs": 2, "threshold_rise": 0.05, "evolution": {"generations": 1}}
    },
    "optembed_d": {"search_epochs": 2, "evolution": {"generations": 1}},
    "pep": {"rise_epochs": 2.0, "find_epochs": 4},
    "cerp": {"rise_epochs": 2.0, "find_epochs": 4},
    "deeplight": {"prune_every": 2},
    "autodim": {"find_epochs": 2, "tolerance": 0.5},
    "smaller_dense": {"tolerance": 0.5},
    "ials": {"confidence": 5.0, "regularisation": 1.0},
    "table": {"table": "full"},
}
_TABLES: dict[str, dict[str, Any]] = {
    "dhe": {"table_settings": {"hashes": 33}, "tolerance": 0.1},
    "tt_rec": {"tolerance": 0.3},
    "mixed_dimension": {"tolerance": 0.1},
    "memcom": {"tolerance": 0.1},
}


@dataclass(frozen=True)
class Pin:
    """What one component computed.

    Attributes:
        numbers: by what they are, the first few of an array and its mean.
        bits: digest of all numbers, to the last bit.
    """

    numbers: dict[str, list[float]]
    bits: str


def pin(arrays: Mapping[str, Any]) -> Pin:
    """Pin some arrays of numbers, in their order."""
    numbers, sha = {}, hashlib.sha256()
    for name, values in arrays.items():
        array = np.ascontiguousarray(values)
        sha.update(f"{name} {array.shape}".encode() + array.tobytes())
        flat = array.astype(np.float64).reshape(-1)
        numbers[name] = [*flat[:SHOWN].tolist(), float(flat.mean())]
    return Pin(numbers, sha.hexdigest()[:12])


def task_of(backbone: Mapping[str, Any], half: bool, **training: Any) -> Clicks:
    """A task on the planted rows."""
    sizes = {"embedding_dim": 16, "hidden": (24, 17), "init_std": 0.1, **backbone}
    given: dict[str, Any] = {
        "learning_rate": 3e-3,
        "l2": 1e-3,
        "batch_size": BATCH,
        "epochs": PASSES,
        "patience": PASSES,
    }
    if half:
        given["precision"] = "bfloat16"
    settings = TrainingSettings.model_validate({**given, **training})
    return Clicks(planted(), BackboneSettings.model_validate(sizes), settings)


# methods that make factors of their own
CONTROLS = ("ials", "popularity")
# what everything but the backbones is pinned on: a first-order term and an MLP, the parts that most share
PLAIN = {"name": "wide_deep"}


def pairs_of(name: str, **settings: Any) -> TopItems:
    """A task on the planted pairs."""
    sizes = {
        "name": name,
        "embedding_dim": 16,
        **({"hidden": (24, 17)} if name == "neumf" else {}),
        **settings,
    }
    training = {
        "learning_rate": 1e-2,
        "l2": 1e-2,
        "batch_size": BATCH,
        "epochs": PASSES,
        "patience": PASSES,
        "negatives": 2,
        "contrast": 0.5,
        "contrast_rows": 50,
    }
    own = PairTrainingSettings.model_validate(training)
    return TopItems(planted_pairs(), recommender_settings(sizes), own)


def trained(outcome: Outcome) -> Pin:
    """Pin a trained model: its validation logits as served, the losses on the way, the fields it reads.

    Of a recommender: the scores of all users for all items.
    """
    history = outcome.history
    if isinstance(outcome.model, Recommender):
        outcome.model.eval()
        with torch.no_grad():
            scores = outcome.model.scorer()(torch.arange(outcome.model.num_users))
        shown = ("train_loss", "val_ndcg20") if history else ()
        return pin({"logits": scores.numpy(), **{key: [float(row[key]) for row in history] for key in shown}})
    return pin(
        {
            "logits": predict(outcome.model, planted().split("val")),
            **{key: [float(row[key]) for row in history] for key in ("train_loss", "val_logloss")},
            "kept_fields": list(outcome.kept_fields or ()),
        }
    )


def _backbone(settings: dict[str, Any], half: bool) -> Pin:
    return trained(get_method("no_selection").run(task_of(settings, half), seed=1))


def _training(half: bool, **training: Any) -> Pin:
    return trained(get_method("no_selection").run(task_of(PLAIN, half, **training), seed=1))


def _recommender(name: str, **settings: Any) -> Pin:
    return trained(get_method("no_selection").run(pairs_of(name, **settings), seed=1))


def _table_of_pairs(name: str, settings: dict[str, Any]) -> Pin:
    given = {"table": name, **_TABLES.get(name, {}), "tolerance": 0.3, **settings}
    return trained(get_method("table").run(pairs_of("lightgcn"), _of_table(name), 1, settings=given))


@contextmanager
def _watched() -> Iterator[list[float]]:
    """Yield a list that gets the loss of every optimiser step, whichever phase of a method makes it."""
    losses: list[float] = []
    step = Loop.step

    def watched(trainer: Loop, *batch: Any) -> torch.Tensor:
        loss = step(trainer, *batch)
        losses.append(float(loss))
        return loss

    with patch.object(Loop, "step", watched):
        yield losses


def _said(value: Any) -> Iterator[float]:
    """The numbers that a method says of itself, without those of a clock."""
    if isinstance(value, Mapping):
        for key, own in value.items():
            yield from () if str(key).endswith("seconds") else _said(own)
    elif isinstance(value, list | tuple):
        for own in value:
            yield from _said(own)
    elif isinstance(value, int | float):
        yield float(value)


@cache
def _method(name: str, way: str, half: bool, pairs: bool = False) -> dict[str, Pin]:
    """What a method makes, and what it saw on the way there."""
    settings = VARIANTS[name][way] if way else {}
    method = get_method(name)
    given = {**_SHORT.get(name, {}), **settings}
    known = {key: value for key, value in given.items() if key in method.settings_type.model_fields}
    half_of = next(iter(method.removes), None) if name not in ("quantise", "table") else None
    budget = Budget(0.5, half_of) if half_of else NOTHING
    # half of the steps choose, half train what was chosen
    with _watched() as losses:
        of_pairs = "mf" if name in CONTROLS else "neumf"
        task = pairs_of(of_pairs) if pairs else task_of(PLAIN, half)
        outcome = method.run(task.with_training(epochs=PASSES // 2), budget, 1, settings=known)
    way_there = {"losses": losses or [0.0], "said": list(_said(outcome.details)) or [0.0]}
    return {"method": trained(outcome), "search": pin(way_there)}


def _of_method(part: str, name: str, way: str, half: bool, pairs: bool = False) -> Pin:
    return _method(name, way, half, pairs)[part]


def _choice(name: str) -> Pin:
    choice = get_method(name).choose(task_of(PLAIN, False), Budget(0.5), 1, settings=_SHORT.get(name, {}))
    return pin({"fields": list(choice.fields), "scores": list(choice.scores) or [0.0]})


def _table(name: str, settings: dict[str, Any], half: bool) -> Pin:
    given = {"table": name, **_TABLES.get(name, {}), **settings}
    return trained(get_method("table").run(task_of(PLAIN, half), _of_table(name), 1, settings=given))


def _of_table(name: str) -> Budget:
    return NOTHING if name == "full" else Budget(0.5, "numbers")


def _made(make: Callable[[torch.Generator], Any]) -> Pin:
    """Pin a table that only methods make: its rows, and those that a batch looks up."""
    table = make(torch.Generator().manual_seed(5))
    ids = torch.from_numpy(planted().split("val").ids)
    with torch.no_grad():
        return pin({"vectors": table(ids).numpy(), "rows": table.weight_view().numpy()})


def _weight(generator: torch.Generator) -> torch.Tensor:
    return torch.randn(sum(SIZES), 16, generator=generator)


def _made_tables() -> dict[str, Callable[[torch.Generator], Any]]:
    def full(g: torch.Generator, sizes: tuple[int, ...] = SIZES) -> FullTable:
        return FullTable(sizes, 16, std=1.0, generator=g)

    def thresholded(g: torch.Generator) -> SoftThresholdTable:
        table = SoftThresholdTable(full(g))
        table.threshold.fill_(0.7)
        return table

    def ragged(g: torch.Generator, unit: int) -> RaggedTable:
        widths = torch.randint(0, 16 // unit + 1, (sum(SIZES),), generator=g) * unit
        return RaggedTable.pack(_weight(g), widths, SIZES)

    def columns(g: torch.Generator) -> FieldColumnsTable:
        kept = torch.rand(len(SIZES), 16, generator=g) < 0.5
        return FieldColumnsTable.of(_weight(g), kept[field_of_ids(SIZES).long()], SIZES)

    def sparse(g: torch.Generator) -> SparseTable:
        return SparseTable.of(_weight(g), torch.rand(sum(SIZES), 16, generator=g) < 0.3, SIZES)

    return {
        "sparse": sparse,
        "soft_threshold": thresholded,
        "ragged": partial(ragged, unit=1),
        "ragged:rows": partial(ragged, unit=16),
        "field_columns": columns,
        "masked": lambda g: MaskedRows(full(g), EntryMask(torch.rand(sum(SIZES), 16, generator=g) < 0.3)),
        "masked:widths": lambda g: MaskedRows(full(g), FixedWidths(widths_by_id(range(1, 10), SIZES), 16)),
        "pair": lambda g: PairTable(SIZES, full(g, (101,)), full(g, (101,))),
    }


def _rounded() -> Pin:
    """Pin a plain and a pruned table in few bits, of each number and each kind of scale."""
    made, found = _made_tables(), {}
    ids = torch.from_numpy(planted().split("val").ids)
    for name, bits, per in product(("masked", "sparse"), get_args(Bits), get_args(Per)):
        table = made[name](torch.Generator().manual_seed(5))
        table = QuantisedTable.of(table.table if name == "masked" else table, bits, per)
        found[f"{name} {bits} {per}"] = table(ids).numpy()
    return pin(found)


def cases() -> Iterator[tuple[str, Callable[[], Pin]]]:
    """(component, what computes its pin) of everything that is registered here and now."""
    regular = {"batch_norm": True, "dropout": 0.2}
    for half, mark in ((False, ""), (True, ":bfloat16")):
        yield f"training{mark}", partial(_training, half, epochs=2 * PASSES, patience=1)
        yield f"training:either{mark}", partial(_training, half, progress="either", patience=2)
        yield f"training:lazy{mark}", partial(_training, half, optimizer="lazy")
        for name in REGISTRY:
            for own, sizes in backbone_cases(name).items():
                yield f"backbone:{name}{own}{mark}", partial(_backbone, {"name": name, **sizes}, half)
                yield (
                    f"backbone:{name}{own}:regular{mark}",
                    partial(_backbone, {"name": name, **sizes, **regular}, half),
                )
        for name in TABLES:
            yield f"table:{name}{mark}", partial(_table, name, {}, half)
        cached = {"tolerance": 0.3, "table_settings": {"cache_share": 0.05}}
        yield f"table:tt_rec:cached{mark}", partial(_table, "tt_rec", cached, half)
        for name in methods_on(Clicks):
            for way in ("", *VARIANTS.get(name, {})):
                for part in ("method",) if name in SINGLE_PHASE else ("method", "search"):
                    own = f"{part}:{name}:{way}" if way else f"{part}:{name}"
                    yield own + mark, partial(_of_method, part, name, way, half)
    yield from _cases_of_pairs()
    for name in UNTRAINED:
        yield f"choice:{name}", partial(_choice, name)
    for name, make in _made_tables().items():
        yield f"table:{name}", partial(_made, make)
    yield "table:quantised", _rounded


def _cases_of_pairs() -> Iterator[tuple[str, Callable[[], Pin]]]:
    yield "training:pairs", partial(_recommender, "neumf", hidden=(9,))
    for name in RECOMMENDERS:
        yield f"backbone:{name}", partial(_recommender, name)
    yield "backbone:neumf:regular", partial(_recommender, "neumf", dropout=0.2)
    for name in TABLES:
        yield f"table:{name}:pairs", partial(_table_of_pairs, name, {})
    cached = {"table_settings": {"cache_share": 0.05}}
    yield "table:tt_rec:cached:pairs", partial(_table_of_pairs, "tt_rec", cached)
    for name in methods_on(TopItems):
        for part in ("method",) if name in SINGLE_PHASE else ("method", "search"):
            yield f"{part}:{name}:pairs", partial(_of_method, part, name, "", False, pairs=True)


def methods_on(task: type) -> list[str]:
    """Methods that work on a kind of task."""
    return [name for name, method in METHODS.items() if issubclass(task, method.task)]


def backbone_cases(name: str) -> dict[str, dict[str, Any]]:
    """Settings of a backbone by what they add to its component's name."""
    if name == "xdeepfm":  # where a row has few products its loops work on longer chunks
        return {"": {"cin": (72, 6, 5)}, ":narrow": {"cin": (8, 6, 5)}}
    if name == "pnn":
        return {"": {}, ":outer": {"product": "outer"}}
    if name == "dcn_mix":
        sizes = {"rank": 8, "experts": 3, "cross_layers": 2}
        return {"": sizes, ":softmax": {**sizes, "gate": "softmax"}}
    return {"": {}}
