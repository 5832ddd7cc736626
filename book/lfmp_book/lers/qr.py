"""What QR's start hides: ids of a small field that share a quotient, and a click that tells them apart."""

from dataclasses import dataclass

import pandas as pd
import torch
from torch import Tensor
from torch.nn import functional

from lfmp_core.embeddings.qr import QRSettings, QRTable
from lfmp_core.models import DeepFMSettings, build_model
from lfmp_core.training.metrics import auc

from ..show.html import HtmlTable, table

STARTS = ("signs and normal", "near 1 and normal", "U(√(1/n), 1)")
WHOSE = dict(zip(STARTS, ("here", "a natural choice", "published"), strict=True))
SIZES = (6, 6, 4, 20, 700, 700, 700)  # the click depends on the first two alone, and on neither alone
STD, RATE, BATCH, HELD_OUT = 0.01, 0.01, 256, 4_000


@dataclass(frozen=True)
class Learnt:
    """What a DeepFM over one QR table has learnt.

    Attributes:
        start: of `STARTS`. remainders: p. alike: mean cosine of two starting rows of the first field.
        auc: on rows that were not trained on; .5 is chance, `best` what the law of the clicks allows.
    """

    start: str
    remainders: int
    alike: float
    auc: float
    best: float


def agreeing_rows(count: int, generator: torch.Generator) -> tuple[Tensor, Tensor, Tensor]:
    """Global ids [B, 7], labels [B] and click probabilities [B]: likely if the first two ids agree mod 2."""
    local = [torch.randint(0, size, (count,), generator=generator) for size in SIZES]
    chance = torch.sigmoid(5.0 * (1 - 2.0 * ((local[0] + local[1]) % 2)))
    labels = (torch.rand(count, generator=generator) < chance).float()
    edges = torch.tensor([0, *SIZES]).cumsum(0)[:-1]
    return torch.stack(local, 1) + edges, labels, chance


def made(start: str, remainders: int, generator: torch.Generator) -> QRTable:
    """A QR table that begins as of `STARTS`."""
    init = "uniform" if start == STARTS[2] else "signs"
    settings = QRSettings.model_validate({"remainders": remainders, "init": init, "std": STD})
    of = QRTable(SIZES, 16, settings, generator=generator)
    if start == STARTS[1]:
        few, many = sorted((of.remainder, of.quotient), key=len)
        with torch.no_grad():
            few.normal_(1, STD, generator=generator)
            many.normal_(0, STD, generator=generator)
    return of


def learn(start: str, remainders: int, steps: int, seed: int) -> Learnt:
    """Train a DeepFM for some steps of fresh rows."""
    generator = torch.Generator().manual_seed(seed)
    of = made(start, remainders, generator)
    first = functional.normalize(of.weight_view()[: SIZES[0]].detach())
    cosines = (first @ first.T)[~torch.eye(len(first), dtype=torch.bool)]
    settings = DeepFMSettings(embedding_dim=16, hidden=(32,))
    model = build_model(settings, SIZES, seed=seed, table=lambda *_, **__: of)
    optimizer = torch.optim.Adam(model.parameters(), RATE)
    for _ in range(steps):
        ids, labels, _ = agreeing_rows(BATCH, generator)
        functional.binary_cross_entropy_with_logits(model(ids), labels).backward()
        optimizer.step()
        optimizer.zero_grad()
    ids, labels, chance = agreeing_rows(HELD_OUT, generator)
    with torch.no_grad():
        logits = model.eval()(ids)
    truth = labels.numpy()
    return Learnt(
        start, remainders, cosines.mean().item(), auc(truth, logits.numpy()), auc(truth, chance.numpy())
    )


def learnt_table(found: list[Learnt]) -> HtmlTable:
    """AUC by start and by p."""
    rows = [
        {
            "p": one.remainders,
            "start": one.start,
            "whose": WHOSE[one.start],
            "cosine of rows": one.alike,
            "AUC": one.auc,
            "best possible": one.best,
        }
        for one in found
    ]
    formats = {"cosine of rows": ".2f", "AUC": ".3f", "best possible": ".3f"}
    note = (
        "Cosine: mean over pairs of starting rows of a field of six ids. AUC of DeepFM on fresh rows whose "
        "click depends on two such fields together and on neither alone."
    )
    caption = "What is learnt from where QR starts"
    return table(pd.DataFrame(rows), caption=caption, formats=formats, group="p", note=note)
