"""LightGCN trained on the whole of Gowalla up to what LERS' Table 6 prints: how long that takes.

    LFMP_DATA=data python -m benchmarks.level --out book/performance/level.json

Settings and epochs were chosen on validation pairs beforehand. The clock is held to the training, which no
validation interrupts; its first step, where loops are compiled or loaded, is in it. The test pairs are ranked
once, when it has ended.
"""

import argparse
import json
import sys
import time
from collections.abc import Sequence
from typing import Any

import torch

from lfmp_book.lers.cf_arms import SETS
from lfmp_book.speed import level_speed
from lfmp_core.bounds import cores
from lfmp_core.data import InteractionData, InteractionSettings, PlantedInteractionSettings
from lfmp_core.data.interactions.planted import plant_interactions
from lfmp_core.errors import LfmpError
from lfmp_core.experiments.executor import open_pairs
from lfmp_core.experiments.spec import plain
from lfmp_core.files import atomic_write
from lfmp_core.models.lightgcn import LightGCNSettings
from lfmp_core.settings import home
from lfmp_core.tasks import TopItems
from lfmp_core.training.pairs import PairTrainingSettings

from .common import figures
from .turns import made, say

RECOMMENDER = LightGCNSettings(embedding_dim=64, layers=3)
TRAINING = PairTrainingSettings(
    batch_size=16_384, learning_rate=0.04, l2=0.016, contrast=1.0, contrast_rows=4096, epochs=12
)


def measure(data: InteractionData, training: PairTrainingSettings, seed: int) -> dict[str, Any]:
    """Train without validation, then rank for the test pairs."""
    task = TopItems(data, RECOMMENDER, training)
    model = task.model(seed)
    trainer = task.trainer(model, seed=seed, validate=False)
    started = time.perf_counter()
    trainer.fit()
    seconds = time.perf_counter() - started
    say(f"{training.epochs} epochs in {seconds:.0f} s")
    return {
        "recommender": plain(RECOMMENDER),
        "training": plain(training),
        "pairs": len(task.pairs),
        "seconds": seconds,
        "metrics": task.evaluate(model, "test").metrics,
    }


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.level", description=__doc__.splitlines()[0])
    parser.add_argument("--threads", type=int, default=cores(), help="of torch and the compiled loops")
    parser.add_argument("--seed", type=int, default=0)
    quick = "planted pairs: shows that it runs, measures nothing"
    parser.add_argument("--quick", action="store_true", help=quick)
    parser.add_argument("--out", type=figures("runs"), help="JSON; a run is replaced by one of its threads")
    options = parser.parse_args(arguments)
    options.device, options.batch = "cpu", TRAINING.batch_size
    torch.set_num_threads(options.threads)
    stamp = made(options)
    if options.quick:
        few = plant_interactions(PlantedInteractionSettings(users=200, items=200, blocks=4))
        data = InteractionData.of("planted", few, InteractionSettings())
        training = TRAINING.model_copy(update={"batch_size": 256, "epochs": 1})
    else:
        try:
            data, training = open_pairs(SETS["gowalla"]), TRAINING
        except LfmpError as error:
            parser.error(str(error))
    out = options.out or home() / "bench" / ("level-quick.json" if options.quick else "level.json")
    out.parent.mkdir(parents=True, exist_ok=True)
    results = json.loads(out.read_text()) if out.exists() else {"runs": {}}
    results["runs"][str(options.threads)] = {"made": stamp, **measure(data, training, options.seed)}
    atomic_write(out, json.dumps(results, indent=1, ensure_ascii=False) + "\n")
    if not options.quick:
        print(level_speed.page(results))
    say(f"figures{' of planted pairs, which measure nothing,' if options.quick else ''} in {out}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
