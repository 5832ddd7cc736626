"""Finished runs as rows, and what a paired bootstrap says of them."""

import json
from collections.abc import Iterable, Sequence
from itertools import product
from math import nan
from pathlib import Path
from typing import Any

import pandas as pd

from lfmp_core.errors import LfmpError
from lfmp_core.experiments.engine import run_item
from lfmp_core.experiments.executor import opened
from lfmp_core.experiments.items import Grid, Item, get_item, registry
from lfmp_core.experiments.record import Record
from lfmp_core.experiments.spec import DatasetRef
from lfmp_core.experiments.stats import difference_of
from lfmp_core.experiments.store import Store, store_for
from lfmp_core.files import atomic_write
from lfmp_core.settings import project_root

from .draws import Draws, carrying, draw, eight_digits, load_draws
from .frames import CHOSEN, COMPARED, FINAL, framed
from .intervals import by_students_t
from .processors import on_one_processor
from .stamps import contents, made_from, marks, stamps_of, under_one_stamp, unmixed
from .trainings import in_all_arms

ALL_FIELDS, RANDOM_FIELDS, UNPRUNED = "all fields", "random fields", "itself at τ = 0"


def finals(grids: Sequence[Grid], store: Store, role: str = "final") -> list[tuple[str, Record]]:
    """(arm label, record) of every finished run of some grids in a role, each cell's under one stamp.

    A run that is two arms', such as the one that a search chose and the one that it is among all that were
    tried, stands under both. Of arms that are one training a seed counts once all of them have it.
    """
    found = {}
    for grid in grids:
        for spec in grid.plan(store):
            record = store.get(spec) if spec.role == role else None
            if record is not None:
                arm = grid.arm_of(spec)
                found[arm, spec.id] = (arm, record)
    return in_all_arms(under_one_stamp(found.values()), of_one_training(grids, store))


def of_one_training(grids: Sequence[Grid], store: Store) -> set[str]:
    """Ids of the runs whose arms are one training, see `Grid`."""
    return {spec.id for grid in grids if grid.one_training for spec in grid.plan(store)}


def whole(grids: Iterable[Grid], ended: Iterable[tuple[int, int]]) -> list[Grid]:
    """The grids whose final runs have all ended; of others the first arms would stand as if they were all.

    Args:
        ended: what `Grid.ended` says of each.
    """
    return [grid for grid, (done, planned) in zip(grids, ended, strict=True) if done == planned]


def frame(grids: Sequence[Grid], store: Store) -> pd.DataFrame:
    """One row a final run: data set, backbone, arm, budget, seed, metrics (those of other tasks are
    missing), seconds, sizes, kept fields (None where rows have none), gates.

    `budget` is the share asked for, of fields or of what tables hold; `sparsity` is what came out. TT is
    the run's processor time on one thread, which a neighbour on the machine disturbs less than the
    clock; IT is seconds to score a million rows, or users, by the stored form, IT_remembered with the rows
    that were worked out kept (of tables that do so). Seconds of another processor than most of a block's
    are missing, and of IT those of other loops. See `stamps.marks` too. `attrs["dataset"]` refers to the
    data.
    """
    rows, dataset = [], None
    shared = of_one_training(grids, store)
    for arm, record in finals(grids, store):
        dataset = record.spec.dataset
        spec, cpu = record.spec, record.details["cpu_seconds"]
        kept = record.details.get("kept_fields")  # of rows that have fields
        rows.append(
            {
                "dataset": spec.dataset.name,
                "backbone": spec.backbone["name"],
                "arm": arm,
                "budget": spec.budget.share,
                "seed": spec.seed,
                **record.metrics,
                "PT": cpu.get("PT", 0.0),
                "CT": cpu["CT"],
                "TT": sum(cpu.values()),
                "clock": record.phases["TT"],
                "IT": record.phases["IT"],
                "IT_remembered": record.details.get("inference_remembered", nan),
                **record.sizes,
                "learning_rate": spec.training["learning_rate"],
                "epochs": len(record.details["history"]),
                "dropout": spec.backbone.get("dropout", 0.0),
                "l2": spec.training["l2"],
                "sparsity": record.details.get("sparsity"),
                "kept_fields": None if kept is None else tuple(kept),
                "log_alpha": record.details.get("log_alpha"),
                "gates": record.details.get("gates"),
                "cpu": record.certificate.hardware.cpu if record.certificate else "",
                "timed": record.details.get("timed", ""),
                "one_training": record.id in shared,
                "id": record.id,
                **marks(record),
            }
        )
    table = on_one_processor(framed(rows, FINAL))
    table.attrs["dataset"] = dataset
    return table


def choice_frame(grids: Sequence[Grid], store: Store) -> pd.DataFrame:
    """One row a finished choice of some grids: data set and its reference, arm, budget, seed, kept
    fields, scores, and PT in processor seconds.
    """
    rows = []
    for arm, record in finals(grids, store, role="choice"):
        spec, details = record.spec, record.details
        rows.append(
            {
                "dataset": spec.dataset.name,
                "reference": spec.dataset,
                "backbone": spec.backbone["name"],
                "arm": arm,
                "budget": spec.budget.share,
                "seed": spec.seed,
                "PT": details["cpu_seconds"]["PT"],
                "kept_fields": tuple(details["kept_fields"]),
                "scores": tuple(details["scores"]),
                "id": record.id,
                **marks(record),
            }
        )
    return framed(rows, CHOSEN)


def compare(grids: Sequence[Grid], store: Store, *, against: Sequence[str] = ()) -> pd.DataFrame:
    """Each arm of finished runs held against others; see `comparisons` and `by_students_t`. Needs the data,
    as `draw` does.

    The draws travel with the rows, see `draws_of`.
    """
    drawn = draw(finals(grids, store), store, one_training=of_one_training(grids, store))
    rows = framed(comparisons(grids, drawn, against), COMPARED)
    return carrying(by_students_t(rows, frame(grids, store)), drawn)


def comparisons(
    grids: Sequence[Grid], drawn: Iterable[Draws], against: Sequence[str] = ()
) -> list[dict[str, Any]]:
    """Each arm held against all fields, as many random fields, itself without pruning, and `against`.

    Paired bootstrap over test rows or users and over seeds, so that an interval speaks of new ones and of a
    new training. Rows: data set, backbone, budget, arm, against, metric, difference (arm − against), low
    and high (95 %), seeds, ids of the records compared, and a digest of their contents. Arms under stamps
    that disagree are not compared.

    Args:
        grids: that planned the runs. drawn: see `draws.draw`.
        against: labels of arms, each at the ratio of the arm that is compared; one that is planned at a
            single ratio, such as LERS's Original, at its own.
    """
    planned: dict[str, set[float]] = {}
    for line in (line for grid in grids for line in grid.arms):
        planned.setdefault(line.label, set()).add(line.budget.share)
    rows = []
    for one in drawn:
        backbones = dict.fromkeys(backbone for backbone, _, _ in one.runs)
        for backbone, (metric, values) in product(backbones, one.values.items()):
            own = [key for key in one.runs if key[0] == backbone]
            for key, other in product(own, (ALL_FIELDS, RANDOM_FIELDS, UNPRUNED, *against)):
                _, arm, ratio = key
                twin = (
                    backbone,
                    arm if other == UNPRUNED else other,
                    ratio if other == RANDOM_FIELDS else 0.0,
                )
                if other in against:
                    [single, *more] = planned.get(other) or {ratio}
                    twin = (backbone, other, ratio if more else single)
                if twin not in one.runs or twin == key or not one.comparable(key, twin):
                    continue
                ids = sorted((*one.runs[key], *one.runs[twin]))
                d = difference_of(values[key], values[twin], level=0.95)
                rows.append(
                    {
                        "dataset": one.dataset,
                        "backbone": backbone,
                        "budget": ratio,
                        "arm": arm,
                        "against": other,
                        "metric": metric.name,
                        "difference": d.difference,
                        "low": d.low,
                        "high": d.high,
                        "seeds": min(len(one.runs[key]), len(one.runs[twin])),
                        "ids": ids,
                        "contents": contents(ids, one.logits),
                    }
                )
    return rows


def comparisons_path(item: str) -> Path:
    """Where the comparisons of an item's reference records are kept."""
    return project_root() / "book" / "comparisons" / f"{item}.json"


def draws_path(item: str) -> Path:
    """Where the draws that they rest on are kept, of an item that keeps them."""
    return comparisons_path(item).with_suffix(".npz")


def save_comparisons(item: str, rows: list[dict[str, Any]]) -> None:
    """Keep comparisons, so that pages can be built where the data is not.

    Numbers to eight places, so that sums in another order leave the file as it is.
    """
    kept = [{key: eight_digits(value) for key, value in row.items()} for row in rows]
    atomic_write(comparisons_path(item), json.dumps(kept, indent=1) + "\n")


def load_comparisons(item: str, reference: pd.DataFrame) -> pd.DataFrame:
    """The comparisons kept for an item.

    Args:
        reference: the records that the page shows, see `frame`; for none there is nothing to compare.

    Raises:
        LfmpError: the comparisons are absent or were made from other records.
    """
    path = comparisons_path(item)
    if not len(reference):
        return framed((), COMPARED)
    remedy = f"run: lfmp compare {item}"
    if not path.exists():
        raise LfmpError(f"the reference records of {item} were not compared yet; {remedy}")
    rows = framed(json.loads(path.read_text()), COMPARED)
    if not made_from(rows, reference):
        raise LfmpError(f"the comparisons of {item} are of other records than those at hand; {remedy}")
    return by_students_t(unmixed(rows, stamps_of(reference)), reference)


def known_comparisons(item: str, reference: pd.DataFrame) -> tuple[pd.DataFrame, list[str]]:
    """The comparisons kept for an item, of those data sets whose records at hand they were made from.

    For items whose records come in data set by data set; `load_comparisons` takes all or nothing.

    Args:
        reference: the records that the page shows; see `frame`.

    Returns:
        rows as `compare` makes them, and a line for each data set that has none. Of an item that keeps its
        draws they travel with the rows, see `draws_of`, also of a set whose arms are each alone on a backbone
        and so have no rows; a set whose draws are of other records has none.
    """
    path, remedy = comparisons_path(item), f"run: lfmp compare {item}"
    rows = framed(json.loads(path.read_text()) if path.exists() else (), COMPARED)
    kept = load_draws(draws_path(item)) if item in registry() and get_item(item).keeps_draws else None
    known: dict[str, pd.DataFrame] = {}
    missing: list[str] = []
    for name, part in reference.groupby("dataset", sort=False):
        if part.arm.nunique() == 1:
            continue  # there is nothing to hold it against yet
        own = rows[rows.dataset == name]
        at_hand = None if kept is None else kept[name].logits if name in kept else {}
        if made_from(own, part, at_hand):
            known[str(name)] = unmixed(own, stamps_of(part))
        else:
            why = "were compared when others were at hand" if len(own) else "were not compared yet"
            missing.append(f"the records of {name} {why}; {remedy}")
    found = by_students_t(pd.concat(list(known.values())) if known else rows[:0], reference)
    own = [one.stamped(stamps_of(reference)) for one in (kept or {}).values()]
    return carrying(found, [one for one in own if one.dataset in known]), missing


def all_comparisons(item: str, reference: pd.DataFrame) -> pd.DataFrame:
    """The same of all data sets.

    Raises:
        LfmpError: some set has none.
    """
    compared, missing = known_comparisons(item, reference)
    if missing:
        raise LfmpError("; ".join(missing))
    return compared


def draws_of(compared: pd.DataFrame) -> dict[str, Draws]:
    """The draws that comparisons rest on, by data set; none where they were not kept."""
    return compared.attrs.get("draws", {})


def fewer_fields(compared: pd.DataFrame, reference: pd.DataFrame) -> pd.Series:
    """Whether an arm's runs hold fewer fields than the whole model's, comparison by comparison.

    Not so what is asked for a share of fields and keeps a few values, widths or weights of each.

    Args:
        reference: the records that they are of; see `frame`.
    """
    kept = reference.groupby(["dataset", "backbone", "arm", "budget"]).fields_kept.mean().to_dict()
    most = reference.groupby(["dataset", "backbone"]).fields_kept.max().to_dict()
    flags = [
        kept[r.dataset, r.backbone, r.arm, r.budget] < most[r.dataset, r.backbone]
        for r in compared.itertuples()
    ]
    return pd.Series(flags, compared.index, dtype=bool)


def seeds_in_words(cells: pd.Series) -> str:
    """Seeds of each cell, as a text: of a series of the cells' numbers of runs."""
    low, high = int(cells.min()), int(cells.max())
    return f"{high} seed{'s' * (high != 1)}" if low == high else f"{low} to {high} seeds"


def run(grids: Sequence[Grid], *, workers: int | None = None) -> pd.DataFrame:
    """Compute what is missing of some grids (a bar shows it; it can be stopped and started again) → `frame`.

    Args:
        grids: of one profile, which says where their records are kept.
        workers: processes; None for one a core.
    """
    profile = grids[0].profile
    for ref in {grid.dataset for grid in grids if isinstance(grid.dataset, DatasetRef)}:
        if "prepared" in ref.settings:  # one's own: said before anything is computed
            opened(ref).schema.check_learnable()
    store = store_for(profile)
    item = Item(grids[-1].item, "", "as asked for by a notebook", {profile: grids})
    run_item(item, profile, workers=workers, store=store, asked=True)
    return frame(grids, store)


def reference_frame(item: str) -> pd.DataFrame:
    """The committed reference records of an item; see `frame`. Needs no data."""
    return frame(get_item(item).grids("reference"), store_for("reference"))
