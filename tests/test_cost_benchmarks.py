"""Laws of the measurement of costs: whose phases are timed, what a cap does, what is counted. No timings."""

from argparse import Namespace

import numpy as np
import pytest

from benchmarks.cost_cases import CACHED, CANDIDATE, ORIGINAL, STEP, CostCase, cases
from benchmarks.cost_tasks import Setting, Taken, Watch, data_of, metadata_of, task_for
from benchmarks.cost_worker import CostCalls
from benchmarks.costs import Sitting, group_names
from benchmarks.worker import Worker, WorkerError
from lfmp_core.efficiency import lapses
from lfmp_core.embeddings.entry_mask import EntryMask
from lfmp_core.memory import give_back, resident
from lfmp_core.methods import get_method
from lfmp_core.methods.compression.threshold import RisingThreshold

TINY = {task: Setting(task, 32).tiny() for task in ("clicks", "pairs")}
MIB = 1 << 20


@pytest.fixture(scope="module")
def data():
    return {task: data_of(setting) for task, setting in TINY.items()}


def case_of(task, stage, method, phase):
    return next(c for c in cases(task, stage) if (c.method, c.phase) == (method, phase))


def taken(case, setting, data, watch):
    task = task_for(setting, data, watch)
    with pytest.raises(Taken) as found:
        get_method(case.procedure).run(task, case.budget, 0, settings=case.settings)
    return task, found.value.what


@pytest.mark.parametrize("task", TINY)
def test_a_phase_is_the_methods_own(task, data):
    """PEP's first loop raises a threshold; its second trains exactly the numbers that the budget leaves."""
    first, second = (case_of(task, "train", "PEP", phase) for phase in ("find mask", "retrain"))
    own, loop = taken(first, TINY[task], data[task], Watch(first.call))
    assert isinstance(loop.objective, RisingThreshold) and loop.steps == 0
    own, loop = taken(second, TINY[task], data[task], Watch(second.call))
    masks = [part.mask for part in loop.model.modules() if isinstance(part, EntryMask)]
    size = own.num_ids * own.dim
    assert sum(int(mask.sum()) for mask in masks) == size - int(0.8 * size)


def test_a_candidate_is_valued_by_validation(data):
    case = case_of("pairs", "train", "OptEmbed-D", "evolve")
    assert case.kind == CANDIDATE and case.candidates == (5 + 5) * (10 + 1)
    assert case_of("clicks", "train", "OptEmbed", "evolve").candidates == (5 + 5) * (5 + 1)
    _, measure = taken(case, TINY["pairs"], data["pairs"], Watch(None, "taken"))
    assert 0 <= measure() <= 1 and measure() == measure()


def test_a_filled_cache_answers_for_the_most_frequent(data):
    calls = CostCalls()
    calls.case = case_of("clicks", "train", CACHED, "train")
    assert len(calls._prepared(TINY["clicks"], data["clicks"])(2)) == 2
    assert calls.sizes["parameters"] > 0


@pytest.mark.parametrize("method", [ORIGINAL, "CERP", "int4"])
def test_a_form_is_served(method, data):
    calls = CostCalls()
    calls.case = case_of("clicks", "serve", method, "as stored")
    seconds = calls._prepared(TINY["clicks"], data["clicks"])(2)
    assert len(seconds) == 2 and min(seconds) > 0
    whole = sum(data["clicks"].schema.field_sizes) * 16
    expected = {ORIGINAL: whole, "int4": whole, "CERP": whole - int(0.8 * whole)}
    assert calls.sizes["embedding_parameters"] == expected[method]


@pytest.mark.parametrize("method", ["DHE", CACHED])
def test_tiny_pairs_have_every_table(method, data):
    """What a process imports and compiles is found out on them, before any memory is counted."""
    calls = CostCalls()
    calls.case = case_of("pairs", "serve", method, "as stored")
    assert calls._prepared(TINY["pairs"], data["pairs"])(1)[0] > 0


def test_the_unpruned_model_comes_first_in_every_group():
    for task in TINY:
        for stage, kind in (("train", STEP), ("serve", "score")):
            first = cases(task, stage)[0]
            assert (first.method, first.kind) == (ORIGINAL, kind)
    assert len(group_names()) == 3 * 2 * 2


def test_maps_know_their_values(data):
    maps = metadata_of(TINY["pairs"], data["pairs"])
    assert [len(own.kept) for own in maps] == [200, 300]
    assert len(maps[0].kept[0].as_py()) == 22 and len(set(maps[1].kept.to_pylist())) == 300
    assert maps[1].local(maps[1].kept[7:9]).tolist() == [8, 9]


def test_a_cap_is_the_systems():
    worker = Worker(1, module="benchmarks.cost_worker")
    try:
        assert worker.ask("cap", most=1 << 30) is True
    finally:
        worker.stop()


@pytest.mark.parametrize(
    ("words", "memory"),
    [
        ("RuntimeError: DefaultCPUAllocator: can't allocate memory: you tried", True),
        ("its process ended with exit code -9 (killed, as when memory runs out)", True),
        ("ValueError: PEP has no phase 'x'", False),
    ],
)
def test_what_does_not_fit_is_told_from_what_fails(words, memory):
    class Failing:
        def ask(self, call, **arguments):
            raise WorkerError(words)

    sitting = Sitting([], TINY["clicks"], "edge", Namespace())
    entry = sitting.enter(CostCase("PEP", "retrain", STEP, "pep"))
    sitting.live[id(entry)] = Failing()
    assert sitting.ask(entry, "model") is None and sitting.ask(entry, "turn", repeats=1) is None
    assert (entry["out_of_memory"], entry["failed_at"], entry["error"]) == (memory, "model", words)


def test_lapses_by_a_clock_of_ones_own():
    ticks = iter([0.0, 100.0, 100.0, 103.0, 105.0, 106.0])
    done = []
    assert lapses(lambda: done.append(1), rounds=2, warm_up=1, clock=lambda: next(ticks)) == [3.0, 1.0]
    assert len(done) == 3


def test_resident_memory_comes_and_goes():
    give_back()
    before = resident()
    held = np.ones(64 * MIB, np.uint8)
    assert resident() - before > 60 * MIB
    del held
    give_back()
    assert resident() - before < 8 * MIB
