"""Made-up runs of LERS's Table 6, and bootstrap draws that leave no doubt."""

import numpy as np
import pandas as pd

from lfmp_book.evidence import frames, results
from lfmp_book.evidence.draws import Draws
from lfmp_book.lers.scores.lists import DATASETS, NETWORKS
from lfmp_book.lers.table6 import page
from lfmp_core.metrics import NDCG20, RECALL20

OURS = {v: k for k, v in {**DATASETS, **NETWORKS}.items()}
NONE = frames.framed((), frames.FINAL)


def run(name, network, arm, t, ndcg, recall=None, seeds=3, **given):
    """Runs of some seeds, 1e-6 apart."""
    size = 1000 * (1 - t)
    return [
        {
            "dataset": OURS.get(name, name), "backbone": OURS[network], "arm": arm, "budget": t,
            "seed": seed, "test_ndcg20": ndcg + 1e-6 * seed, "test_recall20": recall or 1.2 * ndcg,
            "embedding_parameters": size, "parameters": size, "id": f"{name}-{network}-{arm}-{t}-{seed}",
            "one_training": False, "stale": False, **given,
        }
        for seed in range(seeds)
    ]  # fmt: skip


def framed(rows):
    return page.completed(pd.DataFrame(rows))


def drawn(frame, draws=40):
    """Comparisons that carry draws: each mean, without noise."""
    compared, found = frames.framed((), frames.COMPARED), []
    for name, own in frame.groupby("dataset"):
        cells = {key: runs for key, runs in own.groupby(["backbone", "arm", "budget"])}
        values = {
            m: {key: np.full(1 + draws, runs[f"test_{m.name}"].mean()) for key, runs in cells.items()}
            for m in (NDCG20, RECALL20)
        }
        found.append(Draws(name, {key: tuple(runs.id) for key, runs in cells.items()}, values))
    return results.carrying(compared, found)
