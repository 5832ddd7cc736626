"""A runner without training, importable by worker processes, and a small item for it."""

import json
import os
import signal
import time
from pathlib import Path

import numpy as np

from lfmp_core.budget import Budget
from lfmp_core.errors import Diverged
from lfmp_core.experiments.items import Arm, Grid, Item
from lfmp_core.experiments.record import Record
from lfmp_core.experiments.spec import DatasetRef

RATES = (0.001, 0.003, 0.01)


def note(spec):
    """One line per computed run in the file that FAKE_LOG names."""
    if os.environ.get("FAKE_LOG"):
        with open(os.environ["FAKE_LOG"], "a") as log:
            log.write(spec.id + "\n")


def computed():
    return Path(os.environ["FAKE_LOG"]).read_text().split() if Path(os.environ["FAKE_LOG"]).exists() else []


def fate(spec):
    """What the file that FAKE_FATES names has for a run: it is lost once, or diverges every time."""
    path = Path(os.environ.get("FAKE_FATES", "none"))
    fates = json.loads(path.read_text()) if path.exists() else {}
    kind = fates.get(spec.id)
    if kind == "diverges":
        raise Diverged("planned to diverge")
    if kind:
        path.write_text(json.dumps({key: value for key, value in fates.items() if key != spec.id}))
    if kind == "killed":
        os.kill(os.getpid(), signal.SIGKILL)
    if kind == "no memory":
        raise MemoryError("planned to be too large")
    if kind == "no disk":
        raise OSError(28, "planned to be full")


def runner(spec):
    """Results from the spec alone. The best rate is 0.003, except for `light` where it is the last."""
    note(spec)
    fate(spec)
    time.sleep(float(os.environ.get("FAKE_SLEEP", 0)))
    if spec.method_settings.get("fail"):
        raise ValueError("planned to fail")
    if spec.method_settings.get("die"):
        os._exit(7)
    rng = np.random.default_rng([spec.seed, int(spec.id[:8], 16)])
    rate = spec.training["learning_rate"]
    best = 0.01 if spec.method == "light" else 0.003
    users = spec.backbone["name"] == "lightgcn"
    first, second = ("ndcg20", "recall20") if users else ("auc", "logloss")
    value = 0.8 - abs(np.log(rate / best)) / 100 + spec.seed * 1e-4
    metrics = {f"val_{first}": value, f"val_{second}": 0.4}
    units = None
    if spec.role == "final":
        metrics |= {f"test_{first}": 0.7 + rng.random() / 100, f"test_{second}": 0.45}
        units = rng.random(size=(50, 2)) if users else rng.normal(size=50)
    details = {"gates": rng.random(3), "history": [{"loss": 0.5, "seconds": time.perf_counter()}]}
    phases = {"PT": time.perf_counter(), "CT": 1.0, "TT": 2.0, "IT": 4.0}
    return Record(spec=spec, metrics=metrics, phases=phases, sizes={"parameters": 10}, details=details), units


def preload():
    """Nothing to import."""


def grid(profile="quick", **changes):
    given = {
        "item": "demo",
        "profile": profile,
        "dataset": DatasetRef(name="planted", settings={"rows": 100}, fingerprint="f" * 16),
        "backbones": ({"name": "dnn"}, {"name": "deepfm", "hidden": (4, 2)}),
        "arms": (Arm("base", "none"), Arm("light .5", "light", Budget(0.5), {"steps": 3})),
        "training": {"epochs": 1},
        "candidates": tuple({"learning_rate": rate} for rate in RATES),
        "search_seeds": (0,),
        "seeds": (1, 2),
    }
    return Grid(**{**given, **changes})


def item(**changes):
    return Item("demo", "demo", "An item for tests", {"quick": (grid(**changes),)})


def single(count=3, arms=(Arm("base", "none"),)):
    """No search: `count` seeds of each arm with one backbone."""
    return item(
        backbones=({"name": "dnn"},), arms=arms, candidates=({"learning_rate": 0.003},), seeds=range(count)
    )


ITEMS = {"demo": item()}
