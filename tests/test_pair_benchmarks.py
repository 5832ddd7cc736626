"""Laws of the benchmark of recommenders: its pairs, its contenders, what is shown. No timings."""

import json
import warnings
from importlib.util import find_spec

import numpy as np
import pytest
import torch

from benchmarks import level, pair_cases, pairs
from benchmarks.in_process import enter
from benchmarks.pair_contenders import PairBench, Ranked, block, drawn_pairs
from benchmarks.pair_references import MaskedTopK, adjacency
from lfmp_book.speed import level_speed, pair_speed
from lfmp_book.speed.speed import Rounds
from lfmp_core.models.graph import Graph

BENCH = PairBench(seed=1).quick()


@pytest.fixture(scope="module")
def drawn():
    return drawn_pairs(BENCH)


@pytest.fixture(autouse=True)
def silent():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # of torch on its sparse tensors
        yield


def contenders(key, drawn):
    group = pair_cases.groups()[key]
    names = {case.name for case in group.cases}
    return {one.case.name: one.contender for one in enter(group, names, "cpu", BENCH, drawn)}


def test_pairs_are_as_many_as_asked_for_and_skewed(drawn):
    assert len(drawn) == BENCH.pairs and (drawn.num_users, drawn.num_items) == (BENCH.users, BENCH.items)
    degrees = np.sort(drawn.item_degrees())[::-1]
    assert degrees[0] > 2 * degrees.mean() and np.argmax(drawn.item_degrees()) != 0
    with pytest.raises(ValueError, match="no 6000 distinct pairs"):
        drawn_pairs(PairBench(users=60, items=90, pairs=6000))


def test_the_peers_adjacency_is_the_graphs(drawn):
    x = torch.randn(BENCH.users + BENCH.items, 3, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(torch.sparse.mm(adjacency(drawn), x), Graph(drawn).product(x))


@pytest.mark.parametrize("key", ["lightgcn", "lightgcn_large", "neumf"])
def test_contenders_take_the_same_steps(key, drawn):
    """From the same weights the same losses, step by step, of those that are held against each other."""
    group, found = pair_cases.groups()[key], contenders(key, drawn)
    peers = group.cases[0].yardsticks["peer"]
    losses = {name: [found[name].act(k).item() for k in range(4)] for name in ("ours", *peers)}
    assert len(set(losses["ours"])) == 4
    for name in peers:
        assert losses[name] == pytest.approx(losses["ours"], rel=1e-4)
        assert found[name].parameters == found["ours"].parameters and found[name].units == found["ours"].units
    assert found["ours"].units == -(-BENCH.pairs // (BENCH.batch * (BENCH.large if "large" in key else 1)))


@pytest.mark.parametrize("key", ["ranking", "ranking_alike", "ranking_neumf"])
def test_contenders_rank_the_same(key, drawn):
    ours, peer = contenders(key, drawn).values()
    assert isinstance(ours, Ranked) and isinstance(peer, MaskedTopK)
    for k in (0, 1, 7):
        users, items = ours.lists(k)
        torch.testing.assert_close(ours.scores(users, items), peer.best(k).clone())
        taken = [set(drawn[user]) & set(row) for user, row in zip(users, items.tolist(), strict=True)]
        assert not any(taken)


def test_blocks_come_round_and_are_full():
    assert block(10, 4, 0).tolist() == [0, 1, 2, 3] and block(10, 4, 1).tolist() == [4, 5, 6, 7]
    assert all(len(block(10, 4, k)) == 4 for k in range(30)) and block(3, 8, 5).tolist() == [0, 1, 2]


def test_targets_name_what_is_measured():
    found = pair_cases.groups()
    for target in pair_cases.TARGETS:
        assert found[target.group].measure == target.measure and found[target.group].cases[0].yardsticks
    for group in found.values():
        names = [case.name for case in group.cases]
        held = {name for case in group.cases for name in case.yardsticks.get("peer", ())}
        assert len(set(names)) == len(names) and held <= set(names)
    scale = [case.name for case in found["lightgcn"].cases if case.name.startswith("implicit")]
    assert bool(scale) == bool(find_spec("implicit"))


def test_quick_figures_are_whole(tmp_path, capsys):
    out = tmp_path / "pairs.json"
    assert pairs.main(["--quick", "--rounds", "2", "--out", str(out)]) == 0
    found = json.loads(out.read_text())["groups"]
    assert list(found) == list(pair_cases.groups())
    for key, group in found.items():
        cases = {case.name: case for case in pair_cases.groups()[key].cases}
        assert [entry["name"] for entry in group["entries"]] == list(cases)
        for entry in group["entries"]:
            rounds = Rounds.of(entry, group["measure"]).seconds
            steps = cases[entry["name"]].steps
            assert len(rounds) == 2 and all(len(r) == steps and min(r) > 0 for r in rounds)
            assert sorted(entry["differences"]) == sorted(cases[entry["name"]].yardsticks.get("peer", ()))
            assert all(away < 1e-5 for away in entry["differences"].values())
        assert {e["role"] for e in group["entries"]} >= {"ours", "peer"}
    aside = [entry["name"] for entry in found["lightgcn"]["entries"] if entry["role"] == "aside"]
    assert "ours, InfoNCE" in aside and "torch, COO" not in aside
    shown = capsys.readouterr().out
    assert all(target.text in shown for target in pair_cases.TARGETS) and "users/s" in shown
    kept = found["neumf"]
    assert pairs.main(["--quick", "--rounds", "1", "--groups", "ranking", "--out", str(out)]) == 0
    again = json.loads(out.read_text())["groups"]
    assert again["neumf"] == kept and len(again["ranking"]["entries"][0]["serve"]["seconds"]) == 1


def test_wrong_names_are_refused(capsys):
    with pytest.raises(SystemExit):
        pairs.main(["--quick", "--only", "our"])
    assert "unknown contender 'our'; did you mean 'ours'" in capsys.readouterr().err


def entry(name, role, measure, *rounds):
    known = {"parameters": 10, "bytes": 40, "differences": {}, "units": 2, "options": {}}
    return {"name": name, "role": role, "measures": [measure], measure: {"seconds": rounds}, **known}


def test_the_page_by_hand():
    """Rounds of 2 and 4 s beside a peer's 8 and 20 s, and one that stands aside: 4 and 5 times as fast."""
    hardware = {"cpu": "x", "cores": 2, "accelerator": ""}
    made = {"commit": "abc", "dirty": False, "hardware": hardware, "packages": {}, "started": "now"}
    entries = [
        entry("ours", "ours", "train", [2.0], [4.0]),
        entry("peer", "peer", "train", [8.0], [20.0]),
        entry("quick", "aside", "train", [0.1], [0.1]),
    ]
    target = {"text": "LightGCN", "group": "g", "measure": "train", "versus": "peer", "ratio": 4.0}
    group = {
        "title": "LightGCN",
        "measure": "train",
        "bench": {"users": 3, "items": 4, "pairs": 5, "batch": 2},
        "degrees": [[1, 2], [1, 3]],
        "made": {**made, "threads": 1, "load": 9.0},
        "entries": entries,
        "targets": [target],
    }
    rows = pair_speed.contender_rows(group).set_index("contender")
    ratio = rows.loc["ours"]["× fastest peer"]
    assert (ratio.value, ratio.low, ratio.high) == (4.5, 4.0, 5.0)
    assert rows["s an epoch"].to_dict() == {"ours": 3.0, "peer": 14.0, "quick": 0.1}
    text = "\n".join(map(str, pair_speed.tables({"groups": {"g": group}})))
    assert "holds" in text and "to be measured again" in text and "≥ 4" in text
    assert pair_speed.all_targets({"groups": {"g": group}}) == [target]
    # 2 · 64 · 40,000 operations a user: 5.12 million in 10 and 20 µs, half of the peer's time
    entries = [entry("ours", "ours", "serve", [1e-5], [2e-5]), entry("peer", "peer", "serve", [2e-5], [4e-5])]
    ranking = {**group, "measure": "serve", "entries": entries}
    ranking["bench"] = {**group["bench"], "dim": 64, "items": 40_000}
    ranking["targets"] = [{**target, "measure": "serve", "ratio": 3.0}]
    said = pair_speed.group_table(ranking).note
    assert "2Dn = 5.1 million operations a user: ours are 341 GFLOP/s" in said
    assert "asked for are 512 for 3 times the peer." in said
    assert "no figures yet" in str(pair_speed.page({"groups": {}}))
    assert pair_speed.COMMAND in str(pair_speed.page({"groups": {}}))


def test_a_whole_training_is_timed_and_held_against_the_paper(tmp_path, capsys):
    """The paper's Table 6 prints .1470 for LightGCN on Gowalla."""
    assert level_speed.printed_level() == 0.147
    assert level_speed.COMMAND in str(level_speed.page({"runs": {}}))
    out = tmp_path / "level.json"
    for threads in ("1", "2", "1"):
        assert level.main(["--quick", "--threads", threads, "--out", str(out)]) == 0
    runs = json.loads(out.read_text())["runs"]
    assert {name: run["made"]["threads"] for name, run in runs.items()} == {"1": 1, "2": 2}
    assert all(run["seconds"] > 0 and run["training"]["epochs"] == 1 for run in runs.values())
    said = capsys.readouterr()
    assert not said.out and "planted pairs, which measure nothing," in said.err
    found = str(level_speed.page({"runs": runs}))
    assert "on 2 threads: does not hold" in found  # planted pairs teach nobody that much


def test_planted_pairs_leave_ones_own_figures_alone(tmp_path, monkeypatch):
    monkeypatch.setenv("LFMP_HOME", str(tmp_path))
    own = tmp_path / "bench" / "level.json"
    own.parent.mkdir()
    own.write_text('{"runs": {}}')
    assert level.main(["--quick", "--threads", "1"]) == 0
    assert own.read_text() == '{"runs": {}}' and (own.parent / "level-quick.json").exists()


def test_without_the_set_one_line_says_what_is_missing(tmp_path, monkeypatch, capsys):
    monkeypatch.delenv("LFMP_DATA", raising=False)
    monkeypatch.setenv("LFMP_HOME", str(tmp_path))
    with pytest.raises(SystemExit):
        level.main(["--out", str(tmp_path / "level.json")])
    assert "LFMP_DATA is not set" in capsys.readouterr().err and not (tmp_path / "level.json").exists()
