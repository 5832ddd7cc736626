"""What can be touched: each script's formulas are those of Python, and a box holds data and a still form."""

import json
import math
from itertools import product

import numpy as np
import pandas as pd
import pytest
import torch
from bs4 import BeautifulSoup
from scipy.stats import norm
from scipy.stats import t as student
from touched import asked

from lfmp_book.evidence.datasets import auc_error
from lfmp_book.guide import size_knob, sure_knobs
from lfmp_book.lightfmp import fig2d_slices, gate_law
from lfmp_book.lightfmp.gate_law import GateLaw
from lfmp_book.show.front import Axis, Mark, front_to_touch
from lfmp_book.show.html import table
from lfmp_book.show.pareto import front as front_of
from lfmp_book.show.touch import Touch, settled
from lfmp_book.speed import large_tables
from lfmp_core.experiments.decisions import Contrast, decide
from lfmp_core.masking import HIGH, LOW, HardConcrete, MaskSettings, SparsityConstraint

SETTINGS = [(0.5, 0.83, -0.1, 1.1), (-2.0, 0.3, -0.5, 1.01), (3.0, 2.0, -0.01, 1.9), (0.0, 0.83, -0.1, 1.1)]

KEYS = ("closed", "open", "still", "mean")


def near(found, wanted, within=1e-9):
    assert np.abs(np.subtract(found, wanted)).max() < within


# ---- a gate and equation 4


def test_the_law_of_a_gate_is_that_of_its_samples():
    """P(z > 0) and z̄ as the core has them; masses and density add up to 1; the mean is that of samples."""
    starts = [-2.0, 0.0, 0.5, 2.0]
    gates = HardConcrete(4, MaskSettings(), torch.Generator().manual_seed(0))
    gates.a.data.copy_(torch.tensor(starts))
    laws = [GateLaw(a) for a in starts]
    near([1 - law.closed for law in laws], gates.open_probability().detach(), 1e-6)
    near([law.still for law in laws], gates.deterministic().detach(), 1e-6)
    z = torch.stack([gates.sample() for _ in range(4000)]).detach()
    near([law.mean for law in laws], z.mean(0), 0.02)
    near([law.open for law in laws], (z == 1).float().mean(0), 0.025)
    at = np.linspace(0, 1, 4001)[1:-1]
    for law in laws:
        between = np.trapezoid([law.density(float(x)) for x in at], at)
        assert abs(law.closed + law.open + between - 1) < 2e-3


def test_a_gate_on_the_page_is_the_gate():
    calls = [("gate", "law", list(s)) for s in SETTINGS]
    calls += [("gate", "density", [z, *s]) for s in SETTINGS for z in (0.01, 0.3, 0.9)]
    found = asked(*calls)
    for own, given in zip(found, SETTINGS, strict=False):
        law = GateLaw(*given)
        near(
            [own[k] for k in ("closed", "open", "still", "mean")], [law.closed, law.open, law.still, law.mean]
        )
    near(found[len(SETTINGS) :], [GateLaw(*s).density(z) for s in SETTINGS for z in (0.01, 0.3, 0.9)])


@pytest.mark.parametrize("reading", ["as_printed", "expected"])
def test_equation_4_is_that_of_the_core(reading):
    """Python's penalty as `SparsityConstraint` has it, given the mean gate; the page's as Python's."""
    settings = MaskSettings(constraint=reading)
    wanted = []
    for log_alpha, tau, (lam, phi) in product((-1.0, 0.5, 2.0), (0.25, 0.75), ((1.0, 0.0), (0.5, 10.0))):
        constraint = SparsityConstraint(tau, settings, 0)
        constraint.multipliers.data.copy_(torch.tensor([lam, phi]))
        gates, law = HardConcrete(3, settings, torch.Generator()), GateLaw(log_alpha)
        gates.a.data.fill_(log_alpha)
        own = constraint(gates, torch.full((3,), law.mean), 1).item()
        near(gate_law.penalty(reading, law, tau, lam, phi), own, 1e-5)
        wanted.append((log_alpha, tau, lam, phi, gate_law.penalty(reading, law, tau, lam, phi)))
    rest = [settings.temperature, LOW, HIGH]
    found = asked(*(("equation", "penalty", [reading, *w[:4], rest]) for w in wanted), also=("gate",))
    near(found, [w[4] for w in wanted])
    (own,) = asked(("equation", "settles", [reading, 0.75, rest]), also=("gate",))
    law = gate_law.settles(reading, 0.75)
    near([own["closed"], own["mean"]], [law.closed, law.mean], 1e-8)
    assert abs((law.mean if reading == "as_printed" else law.closed) - 0.75) < 1e-9


# ---- bytes by form


@pytest.mark.parametrize(
    ("sizes", "dim"), [((3, 40, 500, 1200), 16), ((7, 7, 7, 2000, 31), 10), ((100, 2500), 5)]
)
def test_bytes_on_the_page_are_those_of_tables(sizes, dim):
    """To the byte, of every form, plain and in 4 bits."""
    cases = list(product(size_knob.FORMS, (0.5, 0.8, 0.95), (32, 4)))
    tables = [size_knob.made(form, sizes, dim, t, bits, hashes=16) for form, t, bits in cases]
    found = asked(*(("bytes", "size", [form, sizes, dim, t, bits, 16]) for form, t, bits in cases))
    wanted = [(one.num_parameters(), one.num_bytes()) for one in tables]
    assert [(own["numbers"], own["bytes"]) for own in found] == wanted


# ---- tables larger than any that was trained


@pytest.mark.parametrize("ids", [10**9, 10**6 + 3])
def test_bytes_of_a_large_table_on_the_page_are_those_of_a_table(ids):
    """Of every form, as a table whose numbers take no memory tells them."""
    calls = [("large", "served", [form, ids, 16, 0.8, 32]) for form in large_tables.FORMS]
    found = asked(*calls, also=("bytes",))
    wanted = [large_tables.unfilled(form, ids, 16, 0.8).num_bytes() for form in large_tables.FORMS]
    assert found == wanted and wanted[0] == 4 * 16 * ids
    few = asked(*(("large", "served", ["full", ids, 16, 0.8, b]) for b in (8, 4, 2)), also=("bytes",))
    assert few == [large_tables.in_bits(ids, 16, b) for b in (8, 4, 2)]


def test_what_a_large_table_takes_on_the_page_is_pythons():
    time = large_tables.StepTime(2e-5, 6e-10)
    cases = list(product((10**4, 10**9, 7 * 10**11), (1, 16), (1, 19), (2048, 65536)))
    calls = [("large", "training", [n, d]) for n, d, _, _ in cases]
    calls += [("large", "rate", [vars(time), n, d, p, b]) for n, d, p, b in cases]
    calls += [("large", "exchanged", [39, d, b]) for _, d, _, b in cases]
    calls += [("large", "shards", [large_tables.training_bytes(n, d), 16e9]) for n, d, _, _ in cases]
    found = asked(*calls, also=("bytes",))
    wanted = [large_tables.training_bytes(n, d) for n, d, _, _ in cases]
    wanted += [time.rate(n, d, p, b) for n, d, p, b in cases]
    wanted += [large_tables.exchanged(39, d, b) for _, d, _, b in cases]
    wanted += [large_tables.shards(large_tables.training_bytes(n, d), 16e9) for n, d, _, _ in cases]
    near(np.divide(found, wanted), 1)


# ---- intervals and the line


def test_intervals_on_the_page_are_hanley_and_mcneils():
    given = [(0.75, 3521, 10194), (0.6, 10, 90), (0.97, 500, 500)]
    near(asked(*(("interval", "error", list(g)) for g in given)), [auc_error(*g) for g in given], 1e-15)
    cases = [(0.75, 13_715, 0.26, 0.84), (0.71, 3_398, 0.17, 0.0), (0.9, 100, 0.01, 0.99)]
    halves = asked(*(("interval", "half", list(c)) for c in cases))
    near([[h["one"], h["pair"]] for h in halves], [sure_knobs.half_interval(*c) for c in cases], 1e-12)
    asks = [(0.75, 0.26, 0.84, 0.001), (0.71, 0.17, 0.0, 0.01)]
    found = asked(*(("interval", "needed", list(a)) for a in asks))
    assert found == [sure_knobs.rows_needed(*a) for a in asks]


def test_the_interval_is_that_of_fresh_rows():
    """Of exponential scores, for which Hanley and McNeil's formula holds."""
    generator = np.random.default_rng(0)  # A = θ/(1 + θ) at θ times the mean
    clicks, others = generator.exponential(3.0, (1500, 100)), generator.exponential(1.0, (1500, 300))
    ranks = np.argsort(np.argsort(np.hstack([clicks, others]), axis=1), axis=1)[:, :100] + 1
    aucs = (ranks.sum(1) - 100 * 101 / 2) / (100 * 300)
    assert abs(aucs.mean() - 0.75) < 0.003
    assert abs(auc_error(0.75, 100, 300) / aucs.std() - 1) < 0.06


def test_outcomes_on_the_page_are_those_of_holm():
    generator = np.random.default_rng(1)
    tails = [(t, f) for t in (0.0, 0.1, 1.0, 2.0, 3.5, 5.0, 12.0) for f in (None, 1.0, 2.3, 17.5, 300.0)]
    found = asked(*(("margin", "beyond", list(c)) for c in tails))
    near(found, [2 * (norm.sf(t) if f is None else student.sf(t, f)) for t, f in tails], 1e-11)
    calls, wanted = [], []
    for _ in range(30):
        errors = np.abs(generator.normal(0, 0.001, 40))
        freedoms = [None if generator.random() < 0.5 else float(generator.uniform(1, 30)) for _ in errors]
        own = list(zip(generator.normal(0, 0.003, 40).tolist(), errors.tolist(), freedoms, strict=True))
        line = float(10 ** generator.uniform(-4, -1.5))
        contrasts = {i: Contrast(g, e, math.inf if f is None else f) for i, (g, e, f) in enumerate(own)}
        calls.append(("margin", "decide", [own, line]))
        wanted.append([one.outcome for one in decide(contrasts, line).by_name.values()])
    assert asked(*calls) == wanted
    assert {word for own in wanted for word in own} == {"better", "worse", "equal", "undecided"}


# ---- slices and fronts


def test_a_slice_is_its_records():
    """The numbers that the page holds are those of the records, to six digits; what no run has is none."""
    found = fig2d_slices.slices()
    held = fig2d_slices.slices_knob(found).data["slices"]
    calls = [("slices", "find", [held, one["arm"], one["tau"]]) for one in found]
    for own, one in zip(asked(*calls), found, strict=True):
        assert own["rows"] == one["rows"] and own["kept"] == one["kept"] and own["seeds"] == one["seeds"]
        near([own["auc"], own["spread"]], [one["auc"], one["spread"]], 1e-6)
    assert asked(("slices", "find", [held, found[0]["arm"], 0.99])) == [None]
    assert len({(one["arm"], one["tau"]) for one in found}) == len(found) > 10
    assert all(sum(one["kept"]) == one["seeds"] * round(sum(one["kept"]) / one["seeds"]) for one in found)


AXES = (Axis("cost", "MB", "across", log=True), Axis("worth", "AUC", "up", more=True, digits=4))


def marks():
    generator = np.random.default_rng(2)
    for n in range(40):
        cost, worth = float(generator.integers(1, 12)), float(generator.integers(1, 12))
        values = {"cost": (cost,), "worth": (worth, worth - 1, worth + 1)}
        yield Mark(f"m{n}", "ab"[n % 2], "p", values, "3 seeds")


def test_what_nothing_beats_is_the_same_on_the_page():
    own = list(marks())
    data = front_to_touch("t", own, AXES, table_of(), families=("b", "a", "c")).data
    (points,) = asked(("front", "unpacked", [data]))
    assert [p["name"] for p in points] == [m.name for m in own] and data["families"] == ["b", "a"]
    assert [p["values"] for p in points] == [{k: list(v) for k, v in m.values.items()} for m in own]
    pairs = [[p["values"]["cost"][0], p["values"]["worth"][0]] for p in points]
    (found,) = asked(("front", "front", [pairs, [-1, 1]]))
    assert found == front_of([c for c, _ in pairs], [w for _, w in pairs]).tolist()


def table_of():
    return table(pd.DataFrame({"a": [1.0]}), caption="still")


def test_a_box_holds_its_data_and_what_stands_without_scripts():
    box = Touch("gate", "One <gate>", {"a": "</script><b>", "n": 0.5}, table_of(), "Words.")
    soup = BeautifulSoup(box._repr_html_(), "html.parser")
    assert soup.div["data-knob"] == "gate" and soup.div["aria-label"] == "One <gate>"
    assert json.loads(soup.script.string) == box.data and len(soup.find_all("script")) == 1
    assert soup.select_one(".lfmp-still table") is not None and repr(box).startswith("One <gate>\nstill")
    assert settled(0.123456789) == 0.123457 and settled(math.nan) is None


@pytest.mark.parametrize("made", [gate_law.gate_knob, gate_law.equation_knob, size_knob.size_knob])
def test_a_knob_is_the_same_each_time(made):
    assert made()._repr_html_() == made()._repr_html_()
