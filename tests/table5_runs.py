"""Made-up runs of LERS's Table 5, and bootstrap draws that leave no doubt or as much as asked for."""

import numpy as np
import pandas as pd

from lfmp_book.evidence import frames, results
from lfmp_book.evidence.draws import Draws
from lfmp_book.lers.scores.blocks import ORIGINAL
from lfmp_core.metrics import AUC, LOG_LOSS

DATA = {"Criteo": "criteo", "Avazu": "avazu", "MovieLens": "ml-1m"}
NETWORKS = {"DeepFM": "deepfm", "DCN": "dcn_mix"}


def run(name, network, arm, t, auc, seeds=3, **given):
    """Runs of some seeds, 1e-6 apart."""
    size = 1000 * (1 - t)
    return [
        {
            "dataset": DATA.get(name, name), "backbone": NETWORKS[network], "arm": arm, "budget": t,
            "seed": seed, "test_auc": auc + 1e-6 * seed, "test_logloss": 1 - auc, "val_auc": auc, "PT": 0.0,
            "CT": 10 + 0.01 * seed, "TT": 10 + 0.01 * seed, "IT": 5 + 0.01 * seed, "epochs": 2,
            "embedding_parameters": size, "parameters": size + 100, "bytes": 4 * size + 400,
            "one_training": False, "before": auc, "supernet": 3.0, "evolution": 1.5, "IT_remembered": np.nan,
            "id": f"{name}-{network}-{arm}-{t}-{seed}", **given,
        }
        for seed in range(seeds)
    ]  # fmt: skip


def framed(rows):
    frame = pd.DataFrame(rows)
    whole = frame[frame.arm == ORIGINAL].groupby(["dataset", "backbone"]).test_auc.mean().rename("whole")
    frame = frame.join(whole, on=["dataset", "backbone"])
    return frame.assign(
        retain=frame.test_auc / frame.whole,
        removed=1 - frame.embedding_parameters / 1000,
        name=frame.dataset.map(lambda d: {v: k for k, v in DATA.items()}.get(d, d)),
        network=frame.backbone.map({v: k for k, v in NETWORKS.items()}),
    )


def drawn(frame, doubt=0.0, draws=400):
    """Comparisons that carry draws: each mean, with normal noise of its own that deviates so much."""
    compared, found = frames.framed((), frames.COMPARED), []
    rng = np.random.default_rng(0)
    for name, own in frame.groupby("dataset"):
        cells = {key: runs for key, runs in own.groupby(["backbone", "arm", "budget"])}
        noise = {key: [0.0, *rng.normal(0, doubt, draws)] if doubt else np.zeros(1 + draws) for key in cells}
        values = {
            m: {key: runs[f"test_{m.name}"].mean() + np.asarray(noise[key]) for key, runs in cells.items()}
            for m in (AUC, LOG_LOSS)
        }
        found.append(Draws(name, {key: tuple(runs.id) for key, runs in cells.items()}, values))
    return results.carrying(compared, found)
