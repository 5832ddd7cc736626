"""What is committed under book/records is whole, is asked for by some page, and says how it is made again."""

from lfmp_core.experiments.items import registry
from lfmp_core.experiments.store import store_for


def test_committed_records_are_whole_planned_and_found_again_by_their_command():
    store = store_for("reference")
    assert list(store.verify()) == []
    plans = {name: {spec.id for spec in item.plan("reference", store)} for name, item in registry().items()}
    records = store.all()
    assert len(records) > 3000
    assert [r.id for r in records if not any(r.id in plan for plan in plans.values())] == []
    for record in records:
        assert record.id in plans[record.spec.item] and record.certificate.command == record.spec.command
        assert store.path(record.spec).exists() and not record.spec.dataset.prepared
    arrays = {path.stem for path in store.root.glob("*/*.npy")}
    assert arrays == {record.id for record in records if record.logits}
