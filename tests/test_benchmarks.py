"""Laws of the benchmark: its generator, its arithmetic, its statistics, its workers. No timings."""

import math
import re

import numpy as np
import pytest
import torch

from benchmarks.cases import TARGETS, groups
from benchmarks.common import seconds_of, zipf_rows
from benchmarks.contenders import Ours, Shape
from benchmarks.floors import Work, cin_macs, mlp_macs, parameters, work
from benchmarks.preparation import write_parts
from benchmarks.worker import Worker, WorkerError
from lfmp_core.data.planted import CRITEO_SIZES, NAMES
from lfmp_core.models import BackboneSettings, build_model
from lfmp_core.report import performance
from lfmp_core.report.speed import Ratio, Rounds, agrees, fastest, load, met, ratios
from lfmp_core.settings import project_root

SHAPE = Shape("xdeepfm", 4, (8, 6), (5, 4), sizes=(3, 40, 5))


def test_generated_rows_follow_the_law():
    rows = zipf_rows((4, 1000), 200_000, 1.1, 0)
    assert rows.ids.min(0).tolist() == [0, 4] and rows.ids.max(0).tolist()[0] == 3
    weights = np.arange(1, 1001.0) ** -1.1
    shares = np.bincount(rows.ids[:, 1] - 4, minlength=1000) / len(rows)
    assert shares[:5] == pytest.approx(weights[:5] / weights.sum(), rel=0.03)
    assert abs(rows.labels.mean() - 0.25) < 0.01


def test_permuted_rows_keep_the_law_and_scatter_the_ids():
    plain = zipf_rows((4, 1000), 50_000, 1.1, 0)
    mixed = zipf_rows((4, 1000), 50_000, 1.1, 0, permuted=True)
    counts = [np.sort(np.bincount(r.ids[:, 1] - 4, minlength=1000))[::-1] for r in (plain, mixed)]
    assert counts[1][:10] == pytest.approx(counts[0][:10], rel=0.1)
    frequent = np.argsort(np.bincount(mixed.ids[:, 1] - 4, minlength=1000))[-10:]
    assert frequent.max() > 100
    again = zipf_rows((4, 1000), 50_000, 1.1, 0, permuted=True)
    assert (again.ids == mixed.ids).all() and (again.labels == mixed.labels).all()


def test_multiply_adds_by_hand():
    assert mlp_macs(3, (5, 2)) == 3 * 5 + 5 * 2 + 2
    # two fields of three numbers, maps 5 and 7: layer 1 has 3 distinct of 4 products, layer 2 needs no d
    assert cin_macs(2, 3, (5, 7), plain=True) == 3 * 4 * 5 + 3 * 5 * 2 * 7 + 12
    assert cin_macs(2, 3, (5, 7)) == 3 * 3 * 5 + (5 * 2 * 3 + 5 * 2 * 7) + 12
    assert cin_macs(39, 10, (64, 64, 64)) < cin_macs(39, 10, (64, 64, 64), plain=True)


def test_work_of_a_deepfm_step():
    deep = work(39, 16, (400, 400, 400), (), 4096, training=True, moved=18_475_770)
    assert mlp_macs(39 * 16, (400, 400, 400)) == 570_000
    assert deep.flop == pytest.approx(14.0e9, rel=0.01)
    forward = work(39, 16, (400, 400, 400), (), 4096, training=False, moved=0)
    assert forward.flop * 3 == deep.flop and forward.gathered * 3 == deep.gathered
    still = work(39, 16, (400, 400, 400), (), 4096, training=True, moved=0)
    assert deep.streamed - still.streamed == pytest.approx(517e6, rel=0.01)
    parts = Work(4e9, 6e9, 1e9).seconds(2.0, 3.0, 0.25)
    assert list(parts.values()) == pytest.approx([2, 2, 4])


@pytest.mark.parametrize("cin", [(), (5, 4, 3)])
def test_parameters_are_the_models(cin):
    named = {"cin": cin} if cin else {}
    settings = BackboneSettings(
        name="xdeepfm" if cin else "deepfm", embedding_dim=4, hidden=(8, 6), batch_norm=True, **named
    )
    sizes = (3, 40, 5)
    assert parameters(sizes, 4, (8, 6), cin) == build_model(settings, sizes, seed=0).num_parameters()


def entry(name, role, *rounds, **more):
    return {
        "name": name,
        "role": role,
        "options": {},
        "measures": ["train"],
        "train": {"seconds": rounds},
        **more,
    }


def test_a_slow_round_leaves_the_ratio_alone():
    fast, slow = Rounds(((1.0, 1.0), (3.0, 3.0), (1.0, 1.0))), Rounds(((2.0, 2.0), (6.0, 6.0), (2.2, 2.2)))
    ratio = Ratio.of(slow, fast)
    assert (ratio.value, ratio.low, ratio.high) == pytest.approx((2.0, 2.0, 2.2))
    assert Ratio.of(slow, Rounds(())) is None
    assert fast.median == 1.0 and math.isnan(Rounds(()).median)


def test_targets_are_held_against_the_fastest_peer_that_worked():
    entries = [
        entry("ours", "ours", [1.0], [1.0]),
        entry("half", "cut", [0.4], [0.4]),
        entry("slow", "peer", [4.0], [4.0]),
        entry("quick", "peer", [2.0], [2.0]),
        entry("tuned", "aside", [0.1], [0.1]),
        entry("broken", "peer", error="no memory"),
    ]
    assert fastest(entries, "train")["name"] == "quick"
    results = {"groups": {"g": {"entries": entries}}}
    target = {"group": "g", "measure": "train", "versus": "peer", "ratio": 2.5}
    found = ratios(results, target)
    assert {k: v.value for k, v in found.items()} == {"ours": 2.0}
    assert not met(target, found["ours"])
    target |= {"versus": "whole", "ratio": 0.5}
    found = ratios(results, target)
    assert found["half"].value == 0.4 and met(target, found["half"])


def test_failures_and_interruptions_are_shown():
    made = {
        "commit": "abc",
        "dirty": False,
        "hardware": {"cpu": "x", "cores": 2, "accelerator": ""},
        "packages": {},
        "started": "now",
        "threads": 2,
        "load": None,
        "batch": 8,
    }
    entries = [entry("ours", "ours", [1.0]), entry("broken", "peer", error="RuntimeError: no memory")]
    group = {"title": "DeepFM", "entries": entries, "made": made, "interrupted": True}
    target = {"text": "fast", "group": "deepfm", "measure": "train", "versus": "peer", "ratio": 2.0}
    results = {"groups": {"deepfm": group}, "targets": [target]}
    text = performance.markdown(results)
    assert "no memory" in text and "not measured" in text
    assert performance.picture(results).axes


def test_another_function_is_noticed():
    ours = {"parameters": 10_000, "spread": 0.5}
    peer = {"parameters": 9_999, "spread": 0.5, "difference": 1e-5}
    assert agrees(peer, ours)
    assert not agrees(peer | {"difference": 1e-2}, ours)
    assert not agrees(peer | {"parameters": 9_000}, ours)


def test_targets_name_what_is_measured():
    known = groups("cpu")
    for target in TARGETS:
        if target.measure == "prepare":
            continue
        roles = {e.role for e in known[target.group].entries if target.measure in e.measures}
        assert {"ours", "peer", "cut"} <= roles
    assert all(g.shape.sizes == CRITEO_SIZES and sum(g.shape.sizes) == 1_086_810 for g in known.values())
    names = [e.name for e in known["xdeepfm"].entries]
    assert len(set(names)) == len(names)
    assert not any(e.env or e.options.get("optimizer") for g in groups("cuda").values() for e in g.entries)


def test_own_contender_learns_and_scores():
    rows = zipf_rows(SHAPE.sizes, 512, 1.1, 0, permuted=True)
    one = Ours(SHAPE, rows, 128, torch.device("cpu"), {"prune_ratio": 0.5})
    assert len(one.batches) == 4 and one.parameters() == one.model.num_parameters()
    one.train(True)
    losses = [one.step(k).item() for k in range(60)]
    assert np.mean(losses[-4:]) < np.mean(losses[:4])
    one.train(False)
    scores = one.score(5)  # batches come round again
    assert scores.shape == (128,) and ((scores > 0) & (scores < 1)).all()
    assert (scores == one.score(1)).all()


def test_the_clock_counts_each_call():
    calls = []
    assert len(seconds_of(calls.append, 3, torch.device("cpu"))) == 3
    assert calls == [0, 1, 2]


def test_a_worker_survives_a_failure_and_its_death_is_named():
    worker = Worker(1)
    try:
        build = dict(kind="nobody", options={}, rows=4, batch=2, seed=0, device="cpu")
        shape = dict(model="deepfm", dim=2, hidden=[2], sizes=[2, 3])
        with pytest.raises(WorkerError, match="nobody"):
            worker.ask("build", shape=shape, **build)
        assert worker.ask("build", shape=shape, **build | {"kind": "ours"}) > 0
        taken = worker.ask("measure", what="train", first=0, repeats=2)
        assert len(taken["seconds"]) == 2
        shares = worker.ask("profile", what="train", repeats=1)
        assert sum(shares.values()) == pytest.approx(1, abs=0.01)
        worker.process.kill()
        with pytest.raises(WorkerError, match="exit code -9"):
            worker.ask("finish")
    finally:
        worker.stop()


def test_parts_hold_every_row_once(tmp_path):
    text = tmp_path / "train.txt"
    text.write_text("".join(f"{k}\n" for k in range(101)))
    write_parts(text)
    found = []
    for name, count in (("train", 81), ("valid", 10), ("test", 10)):
        header, *lines = (tmp_path / f"{name}.csv").read_text().splitlines()
        assert header.split("\t") == ["label", *NAMES] and len(lines) == count
        found += lines
    assert found == [str(k) for k in range(101)]


def test_pins_are_those_of_the_project():
    def pins(path):
        return dict(re.findall(r"^([\w.-]+)==(\S+)$", (project_root() / path).read_text(), re.MULTILINE))

    project, bench = pins("requirements.lock"), pins("benchmarks/requirements.txt")
    assert {"torch", "deepctr-torch", "fuxictr", "polars", "ray"} <= set(bench)
    assert bench["torch"] == "2.13.0"
    assert {k: v for k, v in bench.items() if k in project} == {
        k: v for k, v in project.items() if k in bench
    }


def test_committed_figures_make_the_page():
    results = load()
    text = performance.markdown(results)
    assert all(target["text"] in text for target in results["targets"])
    assert performance.picture(results).axes
