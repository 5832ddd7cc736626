"""Rename the committed records by what decides their results, and stamp them, once; checks itself.

Before: book/records/<item>/<id>.json, the id a digest of the whole specification, item and profile included.
After:  book/records/<data set>/<id>.json, without them, and each record under a digest of its content.

Of equal runs the one that started last is kept, and the others are dropped; so are trials of a search that no
plan asks for any more. Ids in book/comparisons and in journals are rewritten. Each certificate gets the stamp
of its commit's numerics, from a file {"commits": {commit: {component: digest}}}.
Run: python migrate_records.py [STAMPS.json]
"""

import json
import sys
from collections import defaultdict
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from lfmp_core.experiments.items import registry
from lfmp_core.experiments.record import Record
from lfmp_core.experiments.spec import plain
from lfmp_core.experiments.stamp import UNPINNED, stamp_of
from lfmp_core.experiments.store import Store, store_for
from lfmp_core.report.draws import load_draws, save_draws
from lfmp_core.settings import canonical_json, digest, project_root

ROOT = project_root() / "book" / "records"


def old_records() -> dict[Path, dict[str, Any]]:
    """Every record of the old layout, by its file; its name is its old id."""
    found = {path: json.loads(path.read_text()) for path in sorted(ROOT.glob("*/*.json"))}
    for path, data in found.items():
        assert "digest" not in data and path.stem == data["id"] == digest(data["spec"]), path
        assert path.parent.name == data["spec"]["item"] and data["status"] == "done"
    return found


def renamed(data: dict[str, Any], stamps: dict[str, dict[str, str]]) -> Record:
    """The same record under its new id, with the command that finds it there and the stamp of its commit."""
    record = Record(**{**data, "id": "", "spec": None} | {"spec": _spec(data)})
    assert record.certificate is not None
    numerics = stamp_of(record.spec, stamps[record.certificate.commit]) if stamps else {}
    later = {name for name, bits in numerics.items() if bits == UNPINNED}  # pinned since: they say nothing
    assert all(name.startswith("search:") for name in later), record.spec.label
    numerics = {name: bits for name, bits in numerics.items() if name not in later}
    certificate = record.certificate.model_copy(update={"command": record.spec.command, "numerics": numerics})
    return record.model_copy(update={"certificate": certificate})


def _spec(data: dict[str, Any]) -> Any:
    return Record.model_fields["spec"].annotation(**data["spec"])  # type: ignore[misc]


def same_facts(old: dict[str, Any], new: Record) -> bool:
    """Whether nothing but the id, the command that names it and the stamp has changed."""
    written = json.loads(new.to_json())
    stated = written.pop("digest")
    assert stated == digest(written) and Record.from_json(new.to_json()) == new
    written["id"], written["certificate"]["command"] = old["id"], old["certificate"]["command"]
    written["certificate"].pop("numerics", None)
    return bool(written == old)


def main() -> None:
    """Migrate, or stop at the first thing that isn't as expected."""
    old = old_records()
    stamps = json.loads(Path(sys.argv[1]).read_text())["commits"] if sys.argv[1:] else {}
    groups: dict[str, list[tuple[Path, dict[str, Any], Record]]] = defaultdict(list)
    for path, data in old.items():
        record = renamed(data, stamps)
        assert same_facts(data, record), path
        groups[record.id].append((path, data, record))
    for group in groups.values():
        group.sort(key=lambda member: member[1]["certificate"]["started"])
        times = [data["certificate"]["started"] for _, data, _ in group]
        assert len(set(times)) == len(times), "two that started at once"
    names = {data["id"]: new for new, group in groups.items() for _, data, _ in group}

    store = Store(ROOT)
    arrays: set[str] = set()
    for group in groups.values():
        path, data, record = group[-1]
        if record.logits:
            before = path.with_suffix(".npy")
            store.put(record, np.load(before))
            assert store.logits_path(record.spec).read_bytes() == before.read_bytes()
            arrays.add(record.id)
        else:
            store.put(record)
        assert same_facts(data, Record.from_json(store.path(record.spec).read_text()))
    for path, data in old.items():
        path.unlink()
        if data["logits"]:
            path.with_suffix(".npy").unlink()
    for folder in {path.parent for path in old}:
        folder.rmdir()

    for path in sorted((ROOT / "searches").glob("*.jsonl")):
        head, *lines = path.read_text().splitlines()
        trials = [json.loads(line) for line in lines]
        told = [canonical_json({**trial, "runs": [names[i] for i in trial["runs"]]}) for trial in trials]
        path.write_text("\n".join([head, *told]) + "\n")

    kept = {record.id: record for record in store.all()}
    assert set(kept) == set(groups)
    equal = len(old) - len(kept)
    reference = store_for("reference")
    plans = {name: {s.id for s in item.plan("reference", reference)} for name, item in registry().items()}
    unplanned = [r for r in kept.values() if not any(r.id in plan for plan in plans.values())]
    for record in unplanned:
        # each was run again under the rule by which Table 5's runs end
        again = plain(record.spec) | {"training": {**record.spec.training, "progress": "either"}}
        assert record.spec.item == "lers_table4" and record.spec.role == "search"
        assert type(record.spec)(**again).id in kept, record.spec.label
        store.path(record.spec).unlink()
    for record in (r for r in kept.values() if r not in unplanned):
        assert record.id in plans[record.spec.item], record.spec.label
    assert list(store.verify()) == [] and store.count() == len(old) - equal - len(unplanned)
    assert {path.stem for path in ROOT.glob("*/*.npy")} == arrays
    for item in registry().values():
        missing = [s.label for s in item.plan("reference", reference) if reference.get(s) is None]
        assert not missing, (item.name, missing)

    for path in sorted((ROOT.parent / "comparisons").glob("*.json")):
        rows = json.loads(path.read_text())
        rows = [{**row, "ids": sorted(names[i] for i in row["ids"])} for row in rows]
        path.write_text(json.dumps(rows, indent=1) + "\n")
    for path in sorted((ROOT.parent / "comparisons").glob("*.npz")):
        drawn = load_draws(path).values()
        runs = [{k: tuple(names[i] for i in v) for k, v in d.runs.items()} for d in drawn]
        save_draws(path, [replace(d, runs=own) for d, own in zip(drawn, runs, strict=True)])
        for before, after in zip(drawn, load_draws(path).values(), strict=True):
            for metric, values in before.values.items():
                assert all(np.array_equal(values[key], after.values[metric][key]) for key in values)

    print(f"{len(old)} records: {store.count()} kept, {equal} dropped for a later one of the same run,")
    print(f"{len(unplanned)} dropped that no plan asks for; {len(arrays)} arrays of logits, byte for byte")


if __name__ == "__main__":
    main()
