"""What each of several processes does; torchrun starts it. Process 0 writes what came of it."""

import sys
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from loops import SIZES, make_rows

from lfmp_core import cli
from lfmp_core.errors import LfmpError
from lfmp_core.models import BackboneSettings, build_model, save_model
from lfmp_core.serving import train
from lfmp_core.training import Trainer, TrainingSettings, predict
from lfmp_core.training import processes as training_processes
from lfmp_core.training.processes import Processes, launched

TRAIN, VALIDATION = make_rows(101, seed=1), make_rows(80, seed=2)  # of the last batch, 5 rows are left
# name → (optimizer, batch size, tables of so many ids in shards)
CASES = {
    "all in each": ("dense", 32, 10**6),
    "lazily": ("lazy", 32, 10**6),
    "in shards": ("dense", 32, 1),
    "in shards, lazily": ("lazy", 32, 1),
    "a row alone": ("dense", 4, 1),  # the last batch has one row, for one of two processes
}


def trained(case: str, processes: Processes | None) -> dict[str, np.ndarray]:
    """Weights, logits and losses of a DeepFM; {} in all processes but the first."""
    optimizer, batch_size, shard_from = CASES[case]
    if processes is not None:
        processes = Processes(processes.rank, processes.count, shard_from)
    backbone = BackboneSettings(name="deepfm", embedding_dim=3, hidden=(6,))
    settings = TrainingSettings(
        batch_size=batch_size, epochs=3, patience=3, learning_rate=0.02, optimizer=optimizer
    )
    trainer = Trainer(
        build_model(backbone, SIZES, seed=3),
        TRAIN,
        settings,
        seed=0,
        validation=VALIDATION,
        processes=processes,
    )
    history = trainer.fit()
    if processes is not None and processes.rank:
        return {}
    found = {name: value.numpy() for name, value in trainer.model.state_dict().items()}
    found |= {key: np.array([row[key] for row in history]) for key in ("train_loss", "val_auc", "steps")}
    return found | {"logits": predict(trainer.model, VALIDATION)}


def refusals(processes: Processes) -> list[str]:
    told = []
    for given in ({"batch_norm": True}, {"dropout": 0.5}):
        model = build_model(BackboneSettings(name="dnn", hidden=(4,), **given), SIZES, seed=0)
        try:
            Trainer(model, TRAIN, TrainingSettings(), seed=0, processes=processes)
        except LfmpError as error:
            told.append(str(error))
    return told


def shards(processes: Processes) -> dict[str, np.ndarray]:
    """How many rows of a table of 19 each process keeps, and all of them, looked up."""
    model = build_model(BackboneSettings(name="deepfm", embedding_dim=3, hidden=(6,)), SIZES, seed=3)
    before = model.table.weight.detach().clone()
    Processes(processes.rank, processes.count, 1).shard(model)
    seen = model.table.weight_view().detach()
    assert torch.equal(seen, before) and model.table.shard.weight.shape == (10 - processes.rank, 3)
    whole = model.table.gathered()
    assert (whole is None) == (processes.rank > 0) and (whole is None or torch.equal(whole.weight, before))
    return {"rows": np.array(len(model.table.shard.weight))}


def command(processes: Processes, arguments: list[str]) -> None:
    """`lfmp`, by processes that have found each other (a process can do that once), but for the folder that
    serves, which one process writes as ever: the whole model instead."""
    train.save_served = lambda model, data, folder, **named: save_model(model, folder) and None
    training_processes.launched = lambda shard_from: nullcontext(replace(processes, shard_from=shard_from))
    cli.main(arguments)


if __name__ == "__main__":
    folder = Path(sys.argv[1])
    with launched() as processes:
        found = {case: trained(case, processes) for case in CASES}
        told, kept = refusals(processes), shards(processes)
        if processes.rank == 0:
            for k, case in enumerate(CASES):
                np.savez(folder / f"{k}.npz", **found[case])
            (folder / "told").write_text("\n".join(told))
        command(processes, sys.argv[2:])
