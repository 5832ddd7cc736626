"""The measuring of served forms: the same logits in every way, whose turn it is, what is left out."""

import argparse

import numpy as np
import pytest
import torch

from benchmarks import serving
from benchmarks.common import zipf_rows
from benchmarks.serving_forms import ORIGINAL, Form, Group, Shape, groups
from lfmp_core.efficiency import exported_program
from lfmp_core.embeddings.memoised import keep_often, remembering
from lfmp_core.training import predict

DEEP = groups()["deepfm"]
TINY = DEEP.shape.quick()
FORMS = {form.name: form for form in DEEP.forms}


def rows_of(count=40):
    return zipf_rows(TINY.sizes, count, 1.1, 0, permuted=True)


@pytest.mark.parametrize("name", ["PEP, MagPrune (CSR)", "CERP (pair of CSR)", "int8", "int4"])
def test_torch_and_our_loops_give_the_same_logits(name):
    model, rows = FORMS[name].make(TINY, 0).eval(), rows_of()
    with torch.inference_mode():
        found = exported_program(model)(torch.from_numpy(rows.ids)).numpy()
    np.testing.assert_allclose(found, predict(model, rows), rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("label", ["TT-Rec", "DHE"])
def test_kept_rows_give_the_logits_of_the_form(label):
    model, rows = FORMS[label].make(TINY, 0).eval(), rows_of()
    (table,) = remembering(model)
    table.memoise = False
    plain = predict(model, rows)
    table.memoise = True
    kept = predict(model, rows)
    counts = np.bincount(rows.ids.ravel(), minlength=table.n)
    keep_often(table, counts, 4 * table.n * table.dim // 5)
    some = predict(model, rows)
    np.testing.assert_allclose(kept, plain, rtol=1e-6, atol=1e-6)
    np.testing.assert_allclose(some, plain, rtol=1e-6, atol=1e-6)


def test_forms_have_the_numbers_that_they_are_asked_for():
    whole = FORMS[ORIGINAL].make(TINY, 0).num_embedding_parameters()
    for name in ("QR", "PEP, MagPrune (CSR)", "CERP (pair of CSR)", "OptEmbed (ragged)"):
        left = FORMS[name].make(TINY, 0).num_embedding_parameters() / whole
        assert left == pytest.approx(0.2, abs=0.01), name
    cut = [FORMS[f"fields cut, τ = {ratio:g}"].make(TINY, 0) for ratio in (0.25, 0.5, 0.75)]
    assert [model.num_fields for model in cut] == [30, 20, 10]
    kept = [set(model.columns.tolist()) for model in cut]
    assert kept[2] < kept[1] < kept[0]


class Fake:
    """A worker whose calls take `seconds` a row."""

    def __init__(self, seconds, log):
        self.seconds, self.log = seconds, log

    def ask(self, call, **arguments):
        self.log.append((self, call, arguments.get("batch")))
        if call == "load":
            return {"folder": [1.0], "graph": [0.5]}
        return [self.seconds * arguments["batch"]] * 2


def turns(seconds, log):
    options = argparse.Namespace(runtimes=["own", "torch"], threads=[1], batches=[1, 64, 2048], log=None)
    forms = [Form("a", lambda shape, seed: None), Form("b", lambda shape, seed: None, runtimes=("own",))]
    found = serving.Turns(Group(Shape("tiny", {})), forms, options)
    for form, each in zip(forms, seconds, strict=True):
        found.workers[form.name] = Fake(each, log)
        found.entries[form.name] = {"load": {"folder": [], "graph": []}, "cells": {}, "left_out": []}
    return found


def test_rounds_are_kept_and_the_first_is_not():
    log: list = []
    found = turns((0.001, 0.002), log)
    for number in range(3):
        found.round(number)
    own = found.entries["b"]["cells"]["own"]["1"]["64"]
    assert own["p50"] == pytest.approx([0.128] * 2) and own["calls"] == [2, 2]
    assert set(found.entries["b"]["cells"]) == {"own"} and set(found.entries["a"]["cells"]) == {
        "own",
        "torch",
    }
    assert found.entries["a"]["load"] == {"folder": [1.0] * 2, "graph": [0.5] * 2}


def test_the_forms_take_turns_batch_by_batch():
    log: list = []
    found = turns((1e-6, 1e-6), log)
    found.round(1)
    first = [(worker is found.workers["a"], batch) for worker, call, batch in log if call == "measure"][:4]
    assert first == [(False, 1), (True, 1), (True, 64), (False, 64)]


def test_what_a_smaller_batch_says_is_too_slow_is_not_asked():
    """.01 s a row: 64 rows take .64 s, 2,048 would take 20."""
    log: list = []
    found = turns((1e-6, 0.01), log)
    for number in range(2):
        found.round(number)
    (left,) = found.entries["b"]["left_out"]
    assert left["cell"] == ["own", "1", "2048"] and left["expected"] == pytest.approx(20.48)
    asked = [batch for worker, call, batch in log if worker is found.workers["b"] and call == "measure"]
    assert asked == [1, 64, 1, 64]
    assert not found.entries["a"]["left_out"]
