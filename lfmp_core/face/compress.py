"""Put a smaller table into any model, in place."""

from collections.abc import Iterable, Mapping
from typing import TypeVar

from torch import nn

from ..embeddings import Table
from ..errors import LfmpError, check_name
from ..models.model import Model
from ..seeds import derive
from .tables import TableConfig

Own = TypeVar("Own", bound=nn.Module)
# what an nn.Embedding may be told to do that a table does not, with what says that it was not told
PLAIN = {"padding_idx": None, "max_norm": None, "scale_grad_by_freq": False, "sparse": False}


def compress_(
    model: Own, config: TableConfig, *, where: str | Iterable[str] | None = None, seed: int = 0
) -> Own:
    """Replace tables of a model by fresh, smaller ones, in place; returns the model.

    Of a backbone or a recommender those are its tables, of any other module each `nn.Embedding` and each
    table that was put there. The new ones have the old ones' shape, dtype and device. What the old ones
    had learnt is gone: train the model, with an optimiser that is made afterwards. All is refused before
    anything is replaced.

    Args:
        model: a backbone, or any module.
        config: what kind, and how small: `TTRec(sparsity=0.8)`.
        where: paths of the embeddings to replace, as `named_modules` has them; None takes all (but
            first-order weights, `linear`).
        seed: of the starting values; each table has its own stream, by its path.

    Raises:
        UnknownName: there is no embedding at a path.
        LfmpError: nothing to replace, an embedding that does what a table does not, or a table that can't
            have so few parameters, or so many.

    Example:
        >>> import torch
        >>> from lfmp_core import QR, DeepFM, TTRec, compress_
        >>> model = DeepFM([1000, 2000, 3000], embedding_dim=16)
        >>> compress_(model, TTRec(sparsity=0.8)).table.num_parameters()
        19110
        >>> class Mine(torch.nn.Module):
        ...     def __init__(self):
        ...         super().__init__()
        ...         self.user, self.item = torch.nn.Embedding(5000, 16), torch.nn.Embedding(9000, 16)
        ...     def forward(self, user, item):
        ...         return (self.user(user) * self.item(item)).sum(-1)
        >>> mine = compress_(Mine(), QR(sparsity=0.5), where="item", seed=0)
        >>> mine.user, type(mine.item).__name__
        (Embedding(5000, 16), 'QRTable')
        >>> mine(torch.tensor([1, 2]), torch.tensor([3, 8999])).shape
        torch.Size([2])
    """
    if not isinstance(config, TableConfig):
        raise LfmpError(f"compress_ needs what says how small, such as TTRec(sparsity=0.8), not {config!r}")
    found = chosen_tables(model, where)
    for path, old in found.items():
        if any(not p.requires_grad for p in old.parameters()):
            raise LfmpError(
                f"the embedding {path!r} is frozen, and a fresh table has all to learn: "
                "name the others in `where`"
            )
    return replace(model, {path: _made(path, old, config, seed) for path, old in found.items()})


def chosen_tables(model: nn.Module, where: str | Iterable[str] | None) -> dict[str, nn.Module]:
    """By path: the tables of backbones and recommenders and the embeddings of all else, or those of `where`,
    which may name first-order weights too.

    Raises:
        UnknownName: there is none at a path.
        LfmpError: there is none at all, or one that does what a table does not.
    """
    known: dict[str, nn.Module] = {}
    beside: set[str] = set()
    for path, part in model.named_modules():
        if isinstance(part, Model):
            beside |= {f"{path}.{name}".lstrip(".") for name, _ in part.named_children()}
            beside -= {f"{path}.{name}".lstrip(".") for name in part.tables()}
        within = any(path.startswith(f"{table}.") for table, at in known.items() if isinstance(at, Table))
        if isinstance(part, Table | nn.Embedding) and not within:
            known[path] = part
    found = [path for path in known if path not in beside]
    if not found:
        raise LfmpError(f"nothing to replace: {type(model).__name__} is no backbone and has no nn.Embedding")
    paths = found if where is None else [where] if isinstance(where, str) else list(where)
    named = {check_name(path, known, "embedding"): known[path] for path in paths}
    for path, old in named.items():
        _refuse_special(model, path, old)
    return named


def replace(model: Own, tables: Mapping[str, nn.Module]) -> Own:
    """Put tables in their places, by path; returns the model."""
    for path, table in tables.items():
        parent, _, name = path.rpartition(".")
        setattr(model.get_submodule(parent), name, table)
    return model


def _made(path: str, old: nn.Module, config: TableConfig, seed: int) -> Table:
    if isinstance(old, nn.Embedding):
        sizes: tuple[int, ...] = (old.num_embeddings,)
        dim = old.embedding_dim
    else:
        assert isinstance(old, Table)
        sizes, dim = old.field_sizes, old.dim
    try:
        table = config.make(sizes, dim, seed=derive(seed, path))
    except LfmpError as error:
        raise LfmpError(f"in the place of {path!r} ({sum(sizes):,} × {dim}): {error}") from error
    like = next(old.parameters())
    return table.to(like.device, like.dtype).train(old.training)


def _refuse_special(model: nn.Module, path: str, old: nn.Module) -> None:
    """Refuse what would silently become something else."""
    name = f"the embedding {path!r}" if path else f"this {type(old).__name__}"
    if not path:
        raise LfmpError(f"{name} can't be replaced within itself: give the module that holds it")
    if isinstance(old, nn.Embedding):
        if type(old) is not nn.Embedding or [key for key, _ in old.named_parameters()] != ["weight"]:
            raise LfmpError(
                f"{name} is more than an nn.Embedding (a {type(old).__name__}): replace it by hand"
            )
        if told := [key for key, plain in PLAIN.items() if getattr(old, key) != plain]:
            raise LfmpError(f"{name} has {told[0]}={getattr(old, told[0])}, which a table does not keep")
    own = {id(p) for p in old.parameters()}
    everywhere = [key for key, p in model.named_parameters(remove_duplicate=False) if id(p) in own]
    if other := [key for key in everywhere if not key.startswith(f"{path}.")]:
        raise LfmpError(f"{name} shares its weight with {other[0]}: they would part")
