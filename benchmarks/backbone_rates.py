"""Rows a second in training and inference, per backbone, before and after half of the fields are cut.

    python -m benchmarks.backbone_rates --threads 1 --out rates.json

Criteo's shape: 39 fields with the full set's ids at threshold 10, values by a bounded Zipf law. Batches lie
in memory, so that the figures are those of the model alone. Whole and cut model take turns, and the median
over the rounds is shown, so that a slow minute of the machine strikes both.
"""

import argparse
import json
import time
from statistics import median

import numpy as np
import torch
from threadpoolctl import threadpool_limits

from lfmp_core.data import Rows
from lfmp_core.data.planted import CRITEO_SIZES
from lfmp_core.efficiency import inference_rate
from lfmp_core.experiments.certificate import hardware
from lfmp_core.files import atomic_write
from lfmp_core.masking import num_kept
from lfmp_core.memory import keep_memory
from lfmp_core.models import Backbone, BackboneSettings, build_model
from lfmp_core.surgery import cut, plan_fields
from lfmp_core.training import Trainer, TrainingSettings, to_batch

from .common import figures, zipf_rows

BACKBONES = {
    "xdeepfm": {"name": "xdeepfm"},
    "deepfm": {"name": "deepfm"},
    "wide_deep": {"name": "wide_deep"},
    "ipnn": {"name": "pnn", "product": "inner"},
    "opnn": {"name": "pnn", "product": "outer"},
    "dnn": {"name": "dnn"},
}


class Timed:
    """One model under measurement."""

    def __init__(self, model: Backbone, rows: Rows, batch: int):
        self.model, self.rows, self.batch = model, rows, batch
        self.trainer = Trainer(model, rows, TrainingSettings(batch_size=batch), seed=0)
        self.batches = [to_batch(rows, slice(a, a + batch)) for a in range(0, len(rows), batch)]
        self.training: list[float] = []
        self.inference: list[float] = []

    def round(self) -> None:
        """Every batch once forward and backward, and once forward alone."""
        self.model.train()
        started = time.perf_counter()
        for ids, values, labels in self.batches:
            self.trainer.step(ids, values, labels)
        self.training.append(len(self.rows) / (time.perf_counter() - started))
        self.inference.append(inference_rate(self.model, self.rows, self.batch, rounds=1, warm_up=0))

    def rates(self) -> dict[str, float]:
        """Medians, the first round left out (it makes Adam's moments and warms the caches)."""
        return {
            "parameters": self.model.num_parameters(),
            "training": round(median(self.training[1:])),
            "inference": round(median(self.inference[1:])),
        }


def measure(name: str, options: argparse.Namespace) -> dict[str, dict[str, float]]:
    """Rates of one backbone, whole and cut."""
    sizes = tuple(max(2, round(size * options.scale)) for size in CRITEO_SIZES)
    rows = zipf_rows(sizes, options.steps * options.batch, options.zipf, options.seed)
    model = build_model(BackboneSettings(**BACKBONES[name]), sizes, seed=options.seed)
    rng = np.random.default_rng(options.seed)
    kept = rng.permutation(len(sizes))[: num_kept(len(sizes), options.prune_ratio)].tolist()
    pair = {"whole": model, "cut": cut(model, plan_fields(model, kept))}
    timed = {key: Timed(value, rows, options.batch) for key, value in pair.items()}
    for _ in range(1 + options.rounds):
        for one in timed.values():
            one.round()
    return {key: one.rates() for key, one in timed.items()}


def table(results: dict[str, dict[str, dict[str, float]]]) -> str:
    """The rates as a Markdown table; a ratio is cut over whole."""
    lines = [
        "| backbone | train whole | train cut | ratio | infer whole | infer cut | ratio | parameters left |",
        "|---|--:|--:|--:|--:|--:|--:|--:|",
    ]
    for name, result in results.items():
        whole, small = result["whole"], result["cut"]
        cells = [name]
        for kind in ("training", "inference"):
            cells += [f"{whole[kind]:,}", f"{small[kind]:,}", f"{small[kind] / whole[kind]:.2f}"]
        cells.append(f"{small['parameters'] / whole['parameters']:.1%}")
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--backbones", nargs="+", choices=BACKBONES, default=list(BACKBONES), metavar="NAME")
    parser.add_argument("--threads", type=int, default=1, help="of torch, BLAS and the compiled loops")
    parser.add_argument("--batch", type=int, default=4096, help="rows a batch")
    parser.add_argument("--steps", type=int, default=8, help="batches a round")
    parser.add_argument("--rounds", type=int, default=5, help="timed rounds, after one that is not")
    parser.add_argument("--prune-ratio", type=float, default=0.5, help="share of fields cut, at random")
    parser.add_argument("--zipf", type=float, default=1.1, help="exponent of the values' frequencies")
    parser.add_argument("--scale", type=float, default=1.0, help="field sizes relative to Criteo's")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=figures("options", "rates"), help="write the figures as JSON here")
    options = parser.parse_args()
    keep_memory()
    torch.set_num_threads(options.threads)
    with threadpool_limits(options.threads):
        results = {name: measure(name, options) for name in options.backbones}
    print(f"Rows a second, {options.threads} thread(s), batches of {options.batch}\n\n{table(results)}")
    if options.out:
        asked = {key: value for key, value in vars(options).items() if key != "out"}
        machine = {"torch": torch.__version__, "hardware": hardware().model_dump()}
        text = json.dumps({"options": asked, **machine, "rates": results}, indent=1)
        atomic_write(options.out, text + "\n")


if __name__ == "__main__":
    main()
