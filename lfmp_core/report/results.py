"""Finished runs as rows, and what a paired bootstrap says of them."""

import json
from collections.abc import Iterable, Sequence
from itertools import product
from typing import Any, Literal

import pandas as pd

from ..errors import LfmpError
from ..experiments.engine import run_item
from ..experiments.executor import open_dataset
from ..experiments.items import Grid, Item, get_item
from ..experiments.record import Record
from ..experiments.spec import DatasetRef
from ..experiments.stats import difference_of, resample
from ..experiments.store import Store, store_for
from ..settings import atomic_write, project_root

METRICS: tuple[Literal["auc"], Literal["logloss"]] = ("auc", "logloss")
BASE, TWIN, UNPRUNED = "all fields", "random fields", "itself at τ = 0"


def finals(grids: Iterable[Grid], store: Store, role: str = "final") -> list[tuple[str, Record]]:
    """(arm label, record) of every finished run of some grids in a role."""
    found = {}
    for grid in grids:
        for spec in grid.plan(store):
            record = store.get(spec) if spec.role == role else None
            if record is not None:
                found[spec.id] = (grid.arm_of(spec), record)
    return list(found.values())


def frame(grids: Iterable[Grid], store: Store) -> pd.DataFrame:
    """One row a final run: data set, backbone, arm, prune_ratio, seed, metrics, seconds, sizes, kept fields,
    gates.

    TT is the run's processor time on one thread, which a neighbour on the machine disturbs less than the
    clock; IT is seconds to score a million rows. `attrs["dataset"]` is the reference to the data.
    """
    rows, dataset = [], None
    for arm, record in finals(grids, store):
        dataset = record.spec.dataset
        spec, cpu = record.spec, record.details["cpu_seconds"]
        rows.append(
            {
                "dataset": spec.dataset.name,
                "backbone": spec.backbone["name"],
                "arm": arm,
                "prune_ratio": spec.prune_ratio,
                "seed": spec.seed,
                **record.metrics,
                "PT": cpu.get("PT", 0.0),
                "CT": cpu["CT"],
                "TT": sum(cpu.values()),
                "clock": record.phases["TT"],
                "IT": record.phases["IT"],
                **record.sizes,
                "learning_rate": spec.training["learning_rate"],
                "epochs": len(record.details["history"]),
                "kept_fields": tuple(record.details["kept_fields"]),
                "log_alpha": record.details.get("log_alpha"),
                "gates": record.details.get("gates"),
                "id": record.id,
            }
        )
    table = pd.DataFrame(rows)
    table.attrs["dataset"] = dataset
    return table


def choice_frame(grids: Iterable[Grid], store: Store) -> pd.DataFrame:
    """One row a choice: data set and its reference, arm, seed, kept fields, scores, processor seconds PT."""
    rows = []
    for arm, record in finals(grids, store, role="choice"):
        spec, details = record.spec, record.details
        rows.append(
            {
                "dataset": spec.dataset.name,
                "reference": spec.dataset,
                "backbone": spec.backbone["name"],
                "arm": arm,
                "seed": spec.seed,
                "PT": details["cpu_seconds"]["PT"],
                "kept_fields": tuple(details["kept_fields"]),
                "scores": tuple(details["scores"]),
                "id": record.id,
            }
        )
    return pd.DataFrame(rows)


def compare(grids: Sequence[Grid], store: Store, *, draws: int = 400) -> list[dict[str, Any]]:
    """Each arm held against all fields, as many random fields, and itself without pruning.

    Paired bootstrap over test rows and over seeds, so that an interval speaks of new rows and of a new
    training. Rows: data set, backbone, prune_ratio, arm, against, metric, difference (arm − against), low
    and high (95 %), seeds, ids of the records compared. Needs the data, for the labels of the test rows.
    """
    cells: dict[tuple[DatasetRef, str], dict[tuple[str, float], list[Record]]] = {}
    for arm, record in finals(grids, store):
        spec = record.spec
        own = cells.setdefault((spec.dataset, spec.backbone["name"]), {})
        own.setdefault((arm, spec.prune_ratio), []).append(record)
    rows = []
    for (dataset, backbone), own in cells.items():
        labels = open_dataset(dataset).split("test").labels
        own = {key: sorted(records, key=lambda r: r.spec.seed) for key, records in own.items()}
        logits = {key: [store.logits(r) for r in records] for key, records in own.items()}
        for metric in METRICS:
            drawn = resample(labels, logits, metric, draws, seed=0, resample_seeds=True)
            for (arm, ratio), other in product(own, (BASE, TWIN, UNPRUNED)):
                twin = arm if other == UNPRUNED else other, ratio if other == TWIN else 0.0
                if twin not in own or twin == (arm, ratio):
                    continue
                d = difference_of(drawn[arm, ratio], drawn[twin], level=0.95)
                pair = own[arm, ratio], own[twin]
                rows.append(
                    {
                        "dataset": dataset.name,
                        "backbone": backbone,
                        "prune_ratio": ratio,
                        "arm": arm,
                        "against": other,
                        "metric": metric,
                        "difference": d.difference,
                        "low": d.low,
                        "high": d.high,
                        "seeds": min(len(records) for records in pair),
                        "ids": sorted(r.id for records in pair for r in records),
                    }
                )
    return rows


def comparisons_path(item: str):
    """Where the comparisons of an item's reference records are kept."""
    return project_root() / "book" / "comparisons" / f"{item}.json"


def save_comparisons(item: str, rows: list[dict[str, Any]]) -> None:
    """Keep comparisons, so that pages can be built where the data is not."""
    atomic_write(comparisons_path(item), json.dumps(rows, indent=1) + "\n")


def load_comparisons(item: str, records: Iterable[str]) -> pd.DataFrame:
    """The comparisons kept for an item.

    Args:
        records: ids of the records that the page shows.

    Raises:
        LfmpError: the comparisons are absent or were made from other records.
    """
    path = comparisons_path(item)
    remedy = f"run: lfmp compare {item}"
    if not path.exists():
        raise LfmpError(f"the reference records of {item} were not compared yet; {remedy}")
    rows = pd.DataFrame(json.loads(path.read_text()))
    used = {i for ids in rows["ids"] for i in ids}
    if used != set(records):
        raise LfmpError(
            f"the comparisons of {item} were made from other records than those at hand; {remedy}"
        )
    return rows


def run(grids: Sequence[Grid], *, workers: int | None = None) -> pd.DataFrame:
    """Compute what is missing of some grids (a bar shows it; it can be stopped and started again) → `frame`.

    Args:
        grids: of one profile, which says where their records are kept.
        workers: processes; None for one a core.
    """
    profile = grids[0].profile
    store = store_for(profile)
    item = Item(grids[-1].item, "", "as asked for by a notebook", {profile: grids})
    run_item(item, profile, workers=workers, store=store)
    return frame(grids, store)


def reference_frame(item: str) -> pd.DataFrame:
    """The committed reference records of an item; see `frame`. Needs no data."""
    return frame(get_item(item).grids("reference"), store_for("reference"))
