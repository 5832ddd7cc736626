"""An epoch beside the peers', and the parts of a step that floors are made of. No timings."""

import json

import numpy as np
import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from benchmarks import cin_parts, epoch_cases, epochs, table_cases
from benchmarks.contenders import Shape
from benchmarks.epoch_worker import Calls
from benchmarks.floors import cin_macs
from benchmarks.table_contenders import Bench, Drawn
from lfmp_book.speed import cin_speed, epoch_speed
from lfmp_core.data import Rows, load_prepared

SHAPE = Shape("deepfm", 2, (4,), sizes=(3, 40, 5))
MADE = {
    "commit": "c" * 40, "dirty": False, "packages": {"torch": "2"}, "started": "now", "load": 0.5,
    "threads": 2, "batch": 8, "hardware": {"cpu": "A", "cores": 2, "memory": 10**9, "accelerator": ""},
}  # fmt: skip


def test_columns_count_each_field_from_zero():
    rows = Rows(np.array([[0, 3, 47], [2, 42, 43]], np.int32), np.array([1, 0], np.uint8))
    found = epoch_cases.columns(rows, SHAPE)
    assert {name: own.tolist() for name, own in found.items()} == {
        "f0": [0, 2], "f1": [0, 39], "f2": [4, 0], "label": [1.0, 0.0]
    }  # fmt: skip


def test_the_peers_read_the_rows_that_ours_reads(tmp_path):
    shape, rows = epochs.written(tmp_path, 400, seed=3)
    data = load_prepared(tmp_path / "rows")
    assert shape.sizes == tuple(data.schema.field_sizes) and rows == data.schema.rows
    for split in epoch_cases.SPLITS:
        arrays = np.load(tmp_path / f"{split}.npz")
        starts = np.concatenate([[0], np.cumsum(shape.sizes)[:-1]])
        ids = np.stack([arrays[name] for name in shape.fields], 1) + starts
        assert (ids == data.split(split).ids).all()
        assert (arrays["label"] == data.split(split).labels).all()


def test_an_epoch_is_the_sum_of_its_parts_and_leaves_nothing(tmp_path):
    shape, _ = epochs.written(tmp_path, 600, seed=0)
    before = sorted(path.name for path in tmp_path.iterdir())
    calls = Calls()
    about = {"model": "deepfm", "dim": 2, "hidden": [4], "cin": [], "sizes": list(shape.sizes)}
    calls.ready("ours", about, str(tmp_path), 64, {})
    found = calls.epoch_of(0)
    assert found["seconds"] == pytest.approx(found["read"] + found["build"] + found["fit"])
    assert 0 < found["val_auc"] < 1 and found["parameters"] == calls.epoch.model.num_parameters()
    # weights, the best ones, and two moments
    assert found["saved_bytes"] > 4 * 4 * found["parameters"]
    assert sorted(path.name for path in tmp_path.iterdir()) == before


def epoch_entry(name, role, *seconds, **more):
    parts = {"read": 0.0, "build": 0.0, "val_auc": 0.7, "saved_bytes": 2**20, "peak_mib": 5}
    kind = "ours" if role == "ours" else "peer"
    epochs_of = [{"seconds": s, "fit": s, **parts} for s in seconds]
    timed = {"seconds": [[s] for s in seconds]}
    return {"name": name, "kind": kind, "role": role, "epochs": epochs_of, "epoch": timed, **more}


def test_each_goal_is_held_against_its_own_peer():
    entries = [
        epoch_entry("ours", "ours", 2.0, 4.0),
        epoch_entry("FuxiCTR, npz", "peer", 7.0, 14.0),
        epoch_entry("FuxiCTR, Parquet", "peer", 70.0, 70.0),
        epoch_entry("DeepCTR-Torch", "peer", 6.0, 12.0),
        epoch_entry("DeepCTR-Torch, l2 0", "peer", error="no memory"),
    ]
    group = {"title": "DeepFM", "shape": {"sizes": [3, 4]}, "made": MADE, "entries": entries}
    group["rows"] = {"train": 17, "val": 9}  # three steps and two batches of 8
    group["floors"] = {"train": {"fp32": {"a": 0.2, "b": 0.1}}, "infer": {"fp32": {"a": 0.05}}}
    targets = [vars(target) for target in epochs.TARGETS]
    results = {"groups": {"deepfm16": group}, "targets": targets}
    shown = "\n".join(map(repr, epoch_speed.tables(results)))
    goals = [line for line in shown.splitlines() if line.startswith("An epoch, beside") and "≥" in line]
    assert len(goals) == 2
    assert "FuxiCTR" in goals[0] and "3.50 (3.50–3.50)" in goals[0] and goals[0].rstrip().endswith("holds")
    assert "DeepCTR" in goals[1] and "3.00 (3.00–3.00)" in goals[1] and "does not hold" in goals[1]
    assert epoch_speed.floor_seconds(group) == pytest.approx(3 * 0.3 + 2 * 0.05)
    told = "3 times FuxiCTR, npz is 3.5 s; the floor of the epoch in float32 is 1.0 s; measured 3.0 s."
    assert told in epoch_speed.goals_in_seconds(group, targets) and told in shown
    assert "no memory" in shown and "35 [35, 35]" not in shown


def test_who_failed_or_had_its_turn_sits_out():
    slow = epoch_entry(epochs.ONCE[0], "peer")
    assert [epochs.takes_part(slow, number) for number in range(3)] == [False, True, False]
    assert epochs.takes_part(epoch_entry("ours", "ours"), 0)
    assert not epochs.takes_part(epoch_entry("ours", "ours", error="no memory"), 1)


def test_without_figures_the_command_is_named():
    for found, command in ((epoch_speed, "make bench-epoch"), (cin_speed, "benchmarks.cin_parts")):
        (only,) = found.tables({"groups": {}})
        assert command in repr(only)


def test_an_epoch_of_ours_makes_figures(tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("LFMP_HOME", str(tmp_path / "home"))
    out = tmp_path / "epochs.json"
    asked = ["--rows", "400", "--rounds", "1", "--batch", "64", "--only", "ours", "--out", str(out)]
    assert epochs.main([*asked, "--threads", "1"]) == 0
    (group,) = json.loads(out.read_text())["groups"].values()
    (entry,) = group["entries"]
    assert len(entry["epochs"]) == 1 and entry["epoch"]["seconds"] == [[entry["epochs"][0]["seconds"]]]
    assert "an epoch from a prepared folder to a saved model" in capsys.readouterr().out


@pytest.mark.parametrize("turns", [1, 4])
def test_a_ctrl_c_keeps_what_was_counted(turns, tmp_path, capsys, monkeypatch):
    """Stopped in round 0 nothing is written; in round 2, the epochs of round 1."""
    monkeypatch.setenv("LFMP_HOME", str(tmp_path / "home"))
    left = iter(range(turns))

    def taken(entry, *_):
        if next(left, None) is None:
            raise KeyboardInterrupt
        return epoch_entry(entry["name"], "ours", 2.0)["epochs"][0]

    monkeypatch.setattr(epochs, "turn", taken)
    rates = {name: [1.0] for name in ("fp32", "bf16", "triad", "random gather")}
    monkeypatch.setattr(epochs, "peaks", lambda _: rates)
    out = tmp_path / "epochs.json"
    only = ["ours", "FuxiCTR, npz"]
    assert epochs.main(["--rows", "400", "--rounds", "2", "--only", *only, "--out", str(out)]) == 130
    assert "stopped by Ctrl-C" in capsys.readouterr().err
    assert out.exists() == (turns > 1)
    if turns > 1:
        (group,) = json.loads(out.read_text())["groups"].values()
        assert group["interrupted"] and [len(entry["epochs"]) for entry in group["entries"]] == [1, 1]


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("precision", list(cin_parts.PRECISIONS))
def test_the_products_are_all_that_the_floor_counts(precision, training):
    """Forward, and both gradients of every product; biases and pooled sums are no products."""
    part = cin_parts.MatrixProducts(60, precision, training)
    with FlopCounterMode(display=False) as counted:
        part.act(0)
    macs = cin_macs(cin_parts.FIELDS, cin_parts.DIM, cin_parts.MAPS) - sum(cin_parts.MAPS)
    assert counted.get_total_flops() == (6 if training else 2) * 60 * macs


def test_what_lies_between_is_what_the_network_makes():
    part = cin_parts.Between(20, "float32", True)
    part.act(0)
    x, e = part.maps[0], part.rows
    assert torch.equal(part.products[1][:200], (x[:, :, None] * e[:, None]).flatten(1))
    upper = torch.triu_indices(e.shape[1], e.shape[1])
    assert torch.equal(part.products[0][:200], e[:, upper[0]] * e[:, upper[1]])


def test_parts_of_the_network_by_hand(tmp_path, capsys):
    out = tmp_path / "cin.json"
    asked = ["--quick", "--rounds", "1", "--groups", "train_float32", "--out", str(out)]
    assert cin_parts.main(asked) == 0
    (group,) = json.loads(out.read_text())["groups"].values()
    assert [entry["name"] for entry in group["entries"]] == list(cin_parts.PARTS)
    group |= {"flop": 4e9, "peaks": {"fp32 GEMM a": [10.0, 20.0], "bf16 GEMM a": [99.0], "triad": [500.0]}}
    for entry, seconds in zip(group["entries"], (0.5, 0.25, 0.1), strict=True):
        entry["train"]["seconds"] = [[seconds]]
    rows = cin_speed.part_rows(group).set_index("part")
    assert cin_speed.best_rate(group) == 20 and rows.ms["floor"] == pytest.approx(200)
    assert rows["× floor"].tolist() == pytest.approx([1, 2.5, 1.25, 0.5])
    assert "1.25 times the floor" in cin_speed.parts_in_words(group) and "together 1.75" in repr(
        cin_speed.parts_table(group)
    )


def test_the_floor_of_dhe_is_its_products():
    """Each layer forward and its weights' gradient; the gradient of its inputs but of the codes."""
    bench = Bench(seed=1).quick()
    drawn = Drawn(bench, 16)
    cases = {case.name: case for case in table_cases.groups()["train"].cases}
    floor = cases[table_cases.DHE_FLOOR].make(bench, drawn)
    widths = [own[1].shape for own in floor.layers]
    with FlopCounterMode(display=False) as counted:
        floor.act(0)
    n = len(torch.unique(drawn.batches[0][0]))
    forward = [2 * n * out * inputs for out, inputs in widths]
    assert counted.get_total_flops() == 3 * sum(forward) - forward[0]
    table = cases["DHE"].make(bench, drawn).table
    assert widths == [linear.weight.shape for linear in table.linears]
    assert cases["DHE"].yardsticks["floor"] == (table_cases.DHE_FLOOR,)
