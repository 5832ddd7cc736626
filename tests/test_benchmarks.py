"""Laws of the benchmark: its generator, its arithmetic, its statistics, its workers. No timings."""

import json
import math
import re

import numpy as np
import pytest
import torch

from benchmarks import table_cases, tables
from benchmarks.cases import TARGETS, groups
from benchmarks.common import seconds_of, zipf_rows
from benchmarks.contenders import Ours, Shape
from benchmarks.floors import Work, cin_macs, mlp_macs, parameters, work
from benchmarks.preparation import write_parts
from benchmarks.table_contenders import Bench, Drawn
from benchmarks.table_references import EveryOccurrence, NarrowGather, SlicesGathered
from benchmarks.worker import Worker, WorkerError
from lfmp_book.speed import performance
from lfmp_book.speed.speed import Ratio, Rounds, agrees, fastest, load_figures, met, target_ratios
from lfmp_core.data.planted import CRITEO_SIZES, NAMES
from lfmp_core.embeddings.dhe import DHESettings, DHETable
from lfmp_core.embeddings.sparse import SparseTable
from lfmp_core.embeddings.tt_rec import TTRecSettings, TTRecTable
from lfmp_core.models import BackboneSettings, build_model
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
    found = target_ratios(results, target)
    assert {k: v.value for k, v in found.items()} == {"ours": 2.0}
    assert not met(target, found["ours"])
    target |= {"versus": "whole", "ratio": 0.5}
    found = target_ratios(results, target)
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
    results = load_figures()
    text = performance.markdown(results)
    assert all(target["text"] in text for target in results["targets"])
    assert performance.picture(results).axes


def two_ways(kind, like, settings):
    """The same table twice, both made from one seed."""
    made = [one((300, 97), 12, settings, generator=torch.Generator().manual_seed(3)) for one in (kind, like)]
    return [table.double() for table in made]


@pytest.mark.parametrize("settings", [{"ranks": (3,), "cores": 2}, {"ranks": (4, 5)}], ids=str)
def test_gathered_slices_are_the_same_train(settings):
    """Rows and gradients of a batch with repeated ids."""
    ours, before = two_ways(TTRecTable, SlicesGathered, TTRecSettings(**settings))
    ids = torch.randint(0, 397, (40, 5), generator=torch.Generator().manual_seed(1), dtype=torch.int32)
    factors = torch.randn(40, 5, 12, generator=torch.Generator().manual_seed(2), dtype=torch.float64)
    rows = [table(ids) for table in (ours, before)]
    assert rows[0].shape == (40, 5, 12) and torch.allclose(*rows, atol=1e-12)
    grads = [
        torch.autograd.grad((e * factors).sum(), list(table.cores))
        for e, table in zip(rows, (ours, before), strict=True)
    ]
    for a, b in zip(*grads, strict=True):
        assert a.abs().max() > 0 and torch.allclose(a, b, atol=1e-12)


def test_every_occurrence_says_what_distinct_ids_say():
    settings = DHESettings(hashes=8, hidden=(16, 16), batch_norm=False)
    ours, before = (t.float() for t in two_ways(DHETable, EveryOccurrence, settings))
    ids = torch.tensor([[5, 5, 300], [0, 396, 5]], dtype=torch.int32)
    seen = []
    for table in (ours, before):
        table.linears[0].register_forward_hook(lambda _, given, __: seen.append(len(given[0])))
    rows = [table(ids) for table in (ours, before)]
    assert torch.allclose(*rows, atol=1e-6) and seen == [4, 6]


def test_the_floor_reads_as_many_bytes():
    mask = torch.zeros(50, 16, dtype=torch.bool)
    mask[:, :4] = True  # 4 numbers of 4 bytes, a mask of 2, a start of 4: 22 bytes, which 6 numbers hold
    floor = NarrowGather(SparseTable.of(torch.randn(50, 16), mask, (50,)))
    assert floor.width == 6 and floor(torch.zeros(2, 3, dtype=torch.int32)).shape == (2, 3, 6)


def test_cached_rows_are_those_of_rows_that_no_batch_holds():
    bench = Bench(seed=1).quick()
    drawn = Drawn(bench, 16)
    assert len(drawn.batches) == bench.batches and len(drawn.rows) == 16 * bench.batches
    assert drawn.counts.sum() == bench.counted * len(bench.sizes)
    case = next(c for c in table_cases.groups()["serve"].cases if c.name == "TT-Rec, cached, as stored")
    table = case.make(bench, drawn).table
    rare = np.setdiff1d(np.arange(sum(bench.sizes)), table.cached.numpy())
    assert drawn.counts[table.cached.numpy()].min() >= drawn.counts[rare].max() > 0


def test_every_table_of_the_lers_pages_takes_part():
    found = table_cases.groups()
    kinds = {kind for kind, _ in table_cases.KINDS.values()}
    assert kinds == set(table_cases.TABLES)
    for group in found.values():
        names = [case.name for case in group.cases]
        assert len(set(names)) == len(names) and names[0] == "full"
        held = {name for case in group.cases for of in case.yardsticks.values() for name in of}
        assert held <= set(names)
        assert {case.name for case in group.cases if case.reference} <= held
    names = [case.name for case in found["serve"].cases]
    assert all(any(name.startswith(label) for name in names) for label in table_cases.KINDS)


def test_torch_reads_the_same_codes():
    """Its rows in few bits, given ours, are ours; and the floor reads as many bytes."""
    bench = Bench(seed=1).quick()
    drawn = Drawn(bench, 16)
    cases = {case.name: case for case in table_cases.groups()["bits"].cases}
    for bits, width in ((8, 16), (4, 8), (2, 4)):
        name = f"int{bits}, scale per row"
        ours, theirs, floor = (
            cases[key].make(bench, drawn)
            for key in (name, f"torch, {name}", f"gather of as many bytes, {name}")
        )
        ids = drawn.batches[0][0]
        assert torch.allclose(ours.vectors(ids), theirs.vectors(ids), atol=1e-9)
        assert floor.vectors(ids).shape == (16, 39, width + 4) and ours.bytes == sum(bench.sizes) * (
            width + 4
        )


def test_quick_figures_of_tables_are_whole(tmp_path, capsys):
    out = tmp_path / "tables.json"
    assert tables.main(["--quick", "--rounds", "2", "--out", str(out)]) == 0
    found = json.loads(out.read_text())["groups"]
    assert {key: [e["name"] for e in group["entries"]] for key, group in found.items()} == {
        key: [case.name for case in group.cases] for key, group in table_cases.groups().items()
    }
    for key, group in found.items():
        cases = {case.name: case for case in table_cases.groups()[key].cases}
        assert group["made"]["threads"] == 1 and group["made"]["hardware"]["cores"] >= 1
        assert group["made"]["batch"] == group["batch"] and group["distinct"] <= group["lookups"]
        for one in group["entries"]:
            taken = one[group["measure"]]["seconds"]
            steps = cases[one["name"]].steps
            assert len(taken) == 2 and all(len(r) == steps and min(r) > 0 for r in taken)
            assert len(one[group["measure"]]["cpu_seconds"]) == 2
            assert all(away < 1e-5 for away in one["differences"].values())
            same = [n for kind in ("before", "peer") for n in one["yardsticks"].get(kind, [])]
            assert sorted(one["differences"]) == sorted(same)
    shown = capsys.readouterr().out
    assert all(one["name"] in shown for group in found.values() for one in group["entries"])
    kept = found["serve"]
    assert tables.main(["--quick", "--rounds", "1", "--groups", "train_small", "--out", str(out)]) == 0
    again = json.loads(out.read_text())["groups"]
    assert again["serve"] == kept and len(again["train_small"]["entries"][0]["train"]["seconds"]) == 1


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--only", "TT-Rek"], "unknown table 'TT-Rek'; did you mean 'TT-Rec'"),
        (["--groups", "trian"], "unknown group 'trian'; did you mean 'train'"),
        (["--only", "QR", "--out", "x.json"], "a file holds whole groups"),
    ],
)
def test_wrong_names_are_refused(arguments, words, capsys):
    with pytest.raises(SystemExit):
        tables.main(["--quick", *arguments])
    assert words in capsys.readouterr().err


def test_a_look_at_one_table_needs_no_other(capsys):
    assert tables.main(["--quick", "--rounds", "1", "--only", "QR"]) == 0
    assert "QR" in capsys.readouterr().out
