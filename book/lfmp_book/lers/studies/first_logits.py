"""Where models start: the first logits of DeepFM over tables with published and with this book's values."""

from dataclasses import dataclass

import torch
from torch import Tensor

from lfmp_core.data.planted import PlantedSettings, blocks, make_plan
from lfmp_core.embeddings import FullTable, table_factory
from lfmp_core.embeddings.qr import QRSettings, QRTable
from lfmp_core.embeddings.tt_rec import TTRecSettings, TTRecTable
from lfmp_core.models import build_model

from .. import grids as lers
from ..counts import NAMES


@dataclass(frozen=True)
class PlantedRows:
    """Rows in Criteo's shape with Criteo's full vocabularies: 39 fields, 1,086,810 ids.

    Attributes:
        ids: [B, 39], global. labels: [B]. field_sizes: ids of each field.
    """

    ids: Tensor
    labels: Tensor
    field_sizes: tuple[int, ...]


def planted_rows(rows: int, seed: int) -> PlantedRows:
    """Draw rows straight from the planted law; nothing is prepared, nothing is missing."""
    plan = make_plan(PlantedSettings(rows=rows, scale=1.0, missing=0.0, seed=seed))
    labels, values = next(blocks(plan))
    sizes = torch.from_numpy(plan.sizes)
    ids = torch.stack([torch.from_numpy(v) for v in values], 1) + sizes.cumsum(0) - sizes
    return PlantedRows(ids, torch.from_numpy(labels).float(), tuple(sizes.tolist()))


@dataclass(frozen=True)
class Start:
    """First logits of one model.

    Attributes:
        name: of the table. start: how it is drawn. theirs: as published, not as here.
        mean, deviation, largest: of the logits; largest in size. loss: log-loss of the rows.
    """

    name: str
    start: str
    theirs: bool
    mean: float
    deviation: float
    largest: float
    loss: float


def starts(rows: PlantedRows, sparsity: float, seed: int) -> list[Start]:
    """First logits of LERS's DeepFM over every table at one sparsity, and as published where that differs.

    QR and TT-Rec as published have the sizes that the paper has for Criteo at 80 %: p = 5, ranks 128 and 96.
    """
    found = [_start(rows, "full", "normal, 0.01", table_factory("full"), seed)]
    for name in ("hashing", "qr", "tt_rec", "dhe", "memcom", "mixed_dimension"):
        factory = table_factory(name, sparsity, tolerance=0.02)
        found.append(_start(rows, name, "as here", factory, seed))
    qr, tt = QRSettings(remainders=5, init="uniform"), TTRecSettings(ranks=(128, 96), init="approx_normal")
    published = (
        ("qr", "U(√(1/n), 1)", lambda sizes, dim, g: QRTable(sizes, dim, qr, generator=g)),
        ("tt_rec", "approx-normal", lambda sizes, dim, g: TTRecTable(sizes, dim, tt, generator=g)),
    )
    found += [_start(rows, name, how, factory, seed, theirs=True) for name, how, factory in published]
    first_order = "full, first-order weights too"
    found.append(_start(rows, first_order, "N(0, 1)", None, seed, theirs=True, linear_std=1.0))
    return found


def _start(
    rows: PlantedRows, name: str, how: str, factory, seed: int, *, theirs=False, linear_std: float = 0.0
) -> Start:
    name = NAMES.get(name, name)
    settings = lers.backbone_for("deepfm", "reference").model_copy(update={"dropout": 0.0})
    model = build_model(settings, rows.field_sizes, seed=seed, table=factory)
    if linear_std:
        generator = torch.Generator().manual_seed(seed)
        model.linear = FullTable(rows.field_sizes, 1, std=linear_std, generator=generator)
    # as in the first step: norms use the batch's own statistics
    with torch.no_grad():
        logits = model.train()(rows.ids)
    loss = torch.nn.functional.binary_cross_entropy_with_logits(logits, rows.labels)
    deviation, largest = logits.std().item(), logits.abs().max().item()
    return Start(name, how, theirs, logits.mean().item(), deviation, largest, loss.item())
