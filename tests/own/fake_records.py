"""Finished runs without training, of grids on one's own rows or pairs."""

import numpy as np

from lfmp_core.data import InteractionData
from lfmp_core.experiments.record import Record, logits_digest


def fill(grids, store, data, lost=()):
    """Finish all that is planned: a method's test AUC or NDCG@20 is what its budget leaves, and selectors
    keep the first fields; runs of methods in `lost` fail."""
    of_pairs = isinstance(data, InteractionData)
    while True:
        new = [s for g in grids for s in g.plan(store) if store.get(s) is None and store.failure(s) is None]
        if not new:
            return
        for spec in {spec.id: spec for spec in new}.values():
            if spec.method in lost:
                store.put(
                    Record(
                        spec=spec, status="failed", error="Trouble: it did [deep inside]", cause="diverged"
                    )
                )
                continue
            record, logits = finished_on_pairs(spec, data) if of_pairs else finished(spec, data.schema)
            store.put(
                record.model_copy(update={"logits": logits_digest(logits)} if logits is not None else {}),
                logits,
            )


def finished(spec, schema):
    rows, m, n = schema.rows["test"], schema.num_fields, schema.num_ids
    share, of = spec.budget.share, spec.budget.of
    fields = 2 * m if "shadows" in spec.dataset.settings else m
    kept = (
        list(range(max(1, round(fields * (1 - share))))) if of == "fields" and share else list(range(fields))
    )
    table = round(16 * n * (1 - share))
    auc = 0.75 - share / 100 + spec.seed / 1000
    metrics = {"val_auc": auc, "val_logloss": 0.5}
    if spec.role == "final":
        metrics |= {"test_auc": auc, "test_logloss": 0.5}
    if spec.role == "choice":
        metrics = {}
    gates = [1.0 - k / fields for k in range(fields)]
    details = {"cpu_seconds": {"PT": 1.0, "CT": 2.0}, "history": [{"val_auc": auc}], "kept_fields": kept}
    details |= {"log_alpha": gates, "gates": gates} if spec.method.startswith("light_fmp") else {}
    details |= {"scores": gates} if spec.role == "choice" else {}
    sizes = {"parameters": table + 100, "embedding_parameters": table, "bytes": 4 * (table + 100) + 24}
    logits = None
    if spec.role == "final":
        logits = np.random.default_rng(spec.seed).normal(size=rows).astype("<f2")
    phases = {"PT": 1.0, "CT": 2.0, "TT": 3.0, "IT": 0.5}
    sizes |= {"fields_kept": len(kept)}
    return Record(spec=spec, metrics=metrics, phases=phases, sizes=sizes, details=details), logits


def finished_on_pairs(spec, data):
    """Controls are worse than any other."""
    share = spec.budget.share
    table = round(64 * (data.num_users + data.num_items) * (1 - share))
    score = 0.2 - share / 100 + spec.seed / 1000 - 0.1 * (spec.backbone["name"] == "mf")
    splits = ("val", "test") if spec.role == "final" else ("val",)
    metrics = {f"{split}_{name}": score for split in splits for name in ("ndcg20", "recall20")}
    details = {"cpu_seconds": {"PT": 1.0, "CT": 2.0}, "history": [{"val_ndcg20": score}]}
    sizes = {"parameters": table, "embedding_parameters": table, "bytes": 4 * table}
    phases = {"PT": 1.0, "CT": 2.0, "TT": 3.0, "IT": 0.5}
    users = int((data.splits["test"].degrees() > 0).sum())
    units = np.full((users, 2), score, "<f2") if spec.role == "final" else None
    return Record(spec=spec, metrics=metrics, phases=phases, sizes=sizes, details=details), units
