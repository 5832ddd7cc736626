"""A full disk ends the command; what was finished stays, and the rest is computed to the same records."""

import os
import resource

import pytest
from fake_runs import computed, runner, single

from lfmp_core.experiments.engine import run_item
from lfmp_core.experiments.store import Store


@pytest.mark.parametrize("workers", [1, 2])
def test_a_full_disk_loses_no_record_and_leaves_no_half_one(store, tmp_path, log, workers):
    demo = single(6)

    def limited(record, logits=None):
        if store.count() == 3:  # no file can grow beyond so many bytes: a record is cut off in the middle
            resource.setrlimit(resource.RLIMIT_FSIZE, (200, 200))
        put(record, logits)

    pid, put = os.fork(), store.put
    if not pid:
        store.put = limited
        try:
            run_item(demo, "quick", workers, store, progress=False, runner=runner)
        except OSError:
            os._exit(7)
        except BaseException:
            os._exit(9)
        os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 7
    assert store.count() == 3 and list(store.verify()) == []
    assert [path for path in store.root.rglob("*") if path.is_file() and path.name.startswith(".")] == []
    kept, before = {record.id for record in store.all()}, len(computed())
    ours = run_item(demo, "quick", 1, store, progress=False, runner=runner)
    theirs = run_item(demo, "quick", 1, Store(tmp_path / "whole"), progress=False, runner=runner)
    assert all(a.same_result(b) for a, b in zip(ours, theirs, strict=True)) and len(ours) == 6
    assert kept.isdisjoint(computed()[before : before + 3])
