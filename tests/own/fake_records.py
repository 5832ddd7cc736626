"""Finished runs without training, of grids on one's own rows."""

import numpy as np

from lfmp_core.experiments.record import Record, logits_digest


def fill(grids, store, schema, lost=()):
    """Finish all that is planned: a method's test AUC is what its budget leaves, and selectors keep the first
    fields; runs of methods in `lost` fail."""
    rows, m = schema.rows["test"], schema.num_fields
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
            record, logits = finished(spec, rows, m, schema.num_ids)
            store.put(
                record.model_copy(update={"logits": logits_digest(logits)} if logits is not None else {}),
                logits,
            )


def finished(spec, rows, m, n):
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
