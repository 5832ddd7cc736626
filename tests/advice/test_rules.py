"""The rules of the advice, on records made by hand: what is chosen, what is recommended, when nothing is."""

from dataclasses import replace
from inspect import signature

import numpy as np
import pytest

from lfmp_book import cli
from lfmp_book.advice import words
from lfmp_book.advice.advise import LEAST_CLICKS, Held, advise, half_width, held_on_test
from lfmp_book.advice.choice import Option, boldest, finalists
from lfmp_book.advice.costs import COUNTS
from lfmp_book.advice.grids import default_loss, stages
from lfmp_book.notebooks import declared_parameters, find_notebook
from lfmp_core.budget import NOTHING, Budget
from lfmp_core.errors import LfmpError
from lfmp_core.experiments.decisions import paired_contrast
from lfmp_core.experiments.record import Record
from lfmp_core.experiments.spec import DatasetRef, RunSpec, asked
from lfmp_core.experiments.stats import plus_minus
from lfmp_core.metrics import AUC

NUMBERS = 1000  # of the whole model's table; 100 lie outside of it


def record(
    seed, val, test, *, method="no_selection", budget=NOTHING, settings=None, left=1.0, fields=8, kept=8
):
    """A finished run whose table has `left` of the whole one's bytes."""
    ratio, share = asked(budget)
    spec = RunSpec(
        item="your_data",
        profile="quick",
        role="final",
        dataset=DatasetRef(name="mine"),
        backbone={"name": "deepfm", "embedding_dim": 16},
        training={},
        method=method,
        method_settings={**(settings or {}), **share},
        prune_ratio=ratio,
        seed=seed,
    )
    sizes = {"bytes": 4 * NUMBERS * left + 400, "parameters": NUMBERS * left + 100}
    sizes |= {"embedding_parameters": NUMBERS * left, "fields_kept": kept}
    details = {"kept_fields": list(range(kept)), "cpu_seconds": {"PT": 1.0, "CT": 3.0}, "history": []}
    metrics = {"val_auc": val, "val_logloss": 0.5, "test_auc": test, "test_logloss": 0.5}
    return Record(spec=spec, metrics=metrics, phases={"IT": 2.0}, sizes=sizes, details=details)


def option(label, losses, *, tests=None, **how):
    """A way that loses `losses` of validation AUC, seed by seed, and `tests` on test rows."""
    tests = losses if tests is None else tests
    whole = tuple(record(seed, 0.8, 0.75) for seed in range(len(losses)))
    pairs = zip(losses, tests, strict=True)
    own = tuple(record(seed, 0.8 - v, 0.75 - t, **how) for seed, (v, t) in enumerate(pairs))
    return Option(label, how.get("budget", NOTHING), own, whole)


def fields(label, losses, kept, **how):
    return option(label, losses, method=label, budget=Budget(1 - kept / 8), left=kept / 8, kept=kept, **how)


def bits(number, losses):
    settings = {"bits": number, "method": "no_selection", "method_settings": {}}
    return option(f"int{number}", losses, method="quantise", settings=settings, left=number / 32)


def test_losses_shares_and_costs_by_hand():
    one = fields("gbdt", [0.001, 0.003], 2, tests=[0.002, 0.004])
    assert one.seeds == (0, 1) and one.expected == pytest.approx(0.002)
    assert one.feared == pytest.approx(0.002 + 0.001)  # s = .001·√2, over √2
    assert one.losses("test") == pytest.approx([0.002, 0.004])
    assert one.share("bytes") == 0.25 and one.share("columns") == 0.25
    assert one.share("model bytes") == pytest.approx(1400 / 4400) and one.share("training seconds") == 1
    assert COUNTS["bytes"](one.own[0]) == 1000 and COUNTS["training seconds"](one.own[0]) == 4
    assert fields("gbdt", [0.001], 2).feared == np.inf


def test_the_boldest_saves_most_among_what_may_be_lost_and_of_equals_loses_least():
    removed = lambda o: o.budget.share
    few, many = fields("a", [0.0, 0.0], 4), fields("b", [0.01, 0.01], 2)
    better = fields("c", [0.002, 0.002], 2)
    assert boldest([few, many], 0.001, removed) is few
    assert boldest([few, many, better], 0.02, removed) is better
    assert boldest([many, better], 0.001, removed) is better


def test_finalists_save_most_as_expected_save_most_as_feared_and_are_feared_least():
    bold, sure, safe = (
        fields("bold", [-0.004, 0.006], 1),  # expected .001, feared .006
        fields("sure", [0.0008, 0.0009], 4),
        bits(8, [0.0, 0.0001]),
    )
    poor, single, larger = (
        fields("poor", [0.02, 0.03], 1),
        fields("single", [0.0], 1),
        option("larger", [-0.1, -0.1], left=1.2),
    )
    every = [poor, larger, single, safe, sure, bold]
    assert [o.label for o in finalists(every, 0.0015, "bytes", 3)] == ["bold", "int8", "sure"]
    assert [o.label for o in finalists(every, 0.0015, "columns", 3)] == ["bold", "sure", "poor"]
    assert [o.label for o in finalists(every, 0.0015, "bytes", 1)] == ["bold"]
    assert finalists([single, larger], 0.1, "bytes", 3) == []


DRAWN = [Budget(7 / 8), Budget(0.5)]  # of which random fields were tried


def said(held, whole=(0.75, 0.75, 0.75), clicks=500, others=2000, allowed=0.001, count="bytes", **how):
    how = {"drawn": DRAWN} | how
    return advise(held, whole, clicks, others, allowed=allowed, count=count, **how)


WIDE = Held(fields("gbdt", [0, 0], 1), 0.0004, -0.002, 0.0028)
SHOWN = Held(fields("sfs", [0, 0], 4), -0.0004, -0.0016, 0.0008)
INT8 = Held(bits(8, [0, 0]), 0.0, -0.0001, 0.0001)


def test_what_saves_most_of_what_is_shown_to_lose_little_is_recommended():
    found = said([INT8, SHOWN, WIDE])
    assert found.said == "recommended" and found.best is INT8  # .25 of the bytes; .5 of SHOWN
    assert [one.option.label for one in found.held] == ["gbdt", "int8", "sfs"]
    assert said([INT8, SHOWN], count="columns").best is SHOWN
    assert said([INT8, SHOWN, WIDE], allowed=0.003).best is WIDE


def test_nothing_is_recommended_on_few_clicks_nor_of_what_is_not_shown():
    for clicks, others in ((LEAST_CLICKS - 1, 9000), (9000, LEAST_CLICKS - 1)):
        found = said([INT8], clicks=clicks, others=others)
        assert found.said == "too few clicks" and found.best is None
        assert "too small to say" in repr(words.answer(found, ["a"] * 8))
    assert said([INT8], clicks=LEAST_CLICKS, others=LEAST_CLICKS).best is INT8
    none = said([WIDE])
    assert (none.said, none.best) == ("nothing shown", None)
    assert "recommended where 0.0028 is allowed" in repr(words.answer(none, ["a"] * 8))
    assert said([]).said == "too little tried"
    assert "Give more minutes" in repr(words.answer(said([]), ["a"] * 8))


def test_where_the_whole_model_is_unsteady_only_its_own_bits_may_go():
    whole = (0.74, 0.75, 0.76)
    assert half_width(whole) == pytest.approx(4.302653 * 0.01 / 3**0.5, rel=1e-6)
    assert half_width((0.75,)) is None
    found = said([SHOWN, INT8], whole, count="bytes")
    assert found.unsteady and found.best is INT8
    only = said([SHOWN], whole)
    assert only.said == "nothing shown" and "0.0248" in repr(words.answer(only, ["a"] * 8))
    assert said([SHOWN], (0.75,)).best is None


def test_a_paired_contrast_by_hand():
    """Units: draws of the mean difference with variance 2e-6; seeds: s²/n = 8e-6/2, one degree of freedom."""
    theirs = np.full((2, 4), 0.7)
    ours = theirs + np.array([[0.002, 0.003, 0.001, 0.005], [0.006, 0.003, 0.003, 0.005]])
    one = paired_contrast(ours, theirs, AUC)
    units = np.var([0.003, 0.002, 0.005], ddof=1)
    assert one.gain == pytest.approx(0.004) and one.error**2 == pytest.approx(units + 4e-6)
    assert one.freedom == pytest.approx((units + 4e-6) ** 2 / 16e-12)
    same = paired_contrast(theirs + 0.001, theirs, AUC)
    assert same.freedom == np.inf or same.freedom > 1e6
    with pytest.raises(LfmpError, match="single training"):
        paired_contrast(ours[:1], theirs[:1], AUC)


class Kept:
    """A store of logits alone."""

    def __init__(self, logits):
        self.known = logits

    def logits(self, of):
        return self.known[of.id]


def test_intervals_hold_for_all_together_and_equal_scores_lose_nothing():
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 2, 400)
    same, worse = bits(8, [0.0, 0.0]), bits(4, [0.1, 0.1])
    logits = {r.id: (labels + rng.normal(size=400)).astype(np.float16) for r in same.whole}
    logits |= {o.id: logits[w.id] for o, w in zip(same.own, same.whole, strict=True)}
    logits |= {r.id: rng.normal(size=400).astype(np.float16) for r in worse.own}
    alone, (zero, large) = (
        held_on_test([worse], labels, Kept(logits)),
        held_on_test([same, worse], labels, Kept(logits)),
    )
    assert (zero.loss, zero.low, zero.high) == (0, 0, 0)
    assert large.loss == pytest.approx(0.1) and large.low < 0.1 < large.high
    assert large.high - large.low > 1.05 * (alone[0].high - alone[0].low)  # two were looked at


def test_one_default_of_the_loss_but_on_planted_rows():
    page = find_notebook("your_data")
    assert default_loss("", "", planted=declared_parameters(page)["loss"]) == 0.01
    for profile, dataset in (("", "mine"), ("quick", "mine"), ("reference", "")):
        assert default_loss(profile, dataset, planted=0.01) == AUC.margin
    assert f"{AUC.margin:g} on all others" in page.read_text()
    defaults = [signature(function).parameters["loss"].default for function in (stages, cli.advise)]
    assert defaults == [AUC.margin] * 2


def test_names_of_users_are_no_markup():
    found = said([SHOWN], allowed=0.003)
    answer = words.answer(found, ["a_b", "<i>", "d", "e", "f", "g", "h", "i"])
    assert "It reads a_b, <i>, d, e." in repr(answer) and "4 of 8 fields" in repr(answer)
    assert "a_b, &lt;i&gt;, d" in answer._repr_html_()


def test_a_choice_of_fields_stands_behind_all_else_until_chance_was_tried():
    fewer = SHOWN._replace(option=fields("sfs", [0, 0], 1))
    assert said([INT8, fewer]).best is fewer and not said([INT8, fewer]).blind
    assert said([INT8, fewer], drawn=[Budget(0.5)]).best is INT8
    alone = said([fewer], drawn=[])
    assert alone.best is fewer and alone.blind
    assert "random were not tried beside these" in repr(words.answer(alone, ["a"] * 8))
    assert "not tried" not in repr(words.answer(said([fewer]), ["a"] * 8))


def kept_by(*seeds):
    """A way whose seeds keep these fields; the first is best on validation rows."""
    one = fields("sfs", [0.0] + [0.001] * (len(seeds) - 1), 4)
    own = [
        r.model_copy(update={"details": {**r.details, "kept_fields": k}})
        for r, k in zip(one.own, seeds, strict=True)
    ]
    return replace(one, own=tuple(own))


def test_a_choice_that_is_one_seeds_and_columns_that_tell_nothing_are_said():
    names = list("abcdefgh")
    steady, loose = kept_by([0, 1, 2, 3], [0, 1, 2, 4]), kept_by([0, 1, 2, 3], [0, 5, 6, 7])
    assert words.kept_in_words(steady, names) == (
        "It reads a, b, c, d. Of these fields 3 are kept by each of its 2 seeds."
    )
    assert "one seed's: of these 4 fields 1 is kept by each of its 2 seeds." in words.kept_in_words(
        loose, names
    )
    idle = words.kept_in_words(steady, names, {1})
    assert idle.startswith("It reads a, c, d. Of these fields 2 are kept") and "It takes b as well" in idle


def test_an_interval_without_width_is_no_knowledge():
    none = Held(bits(8, [0, 0]), 0.0, 0.0, 0.0)
    found = said([none, SHOWN])
    assert words.lost(none._replace(loss=-1e-17)).startswith("+0.0000 (its interval can't be stated")
    assert "of 95 %" not in repr(words.answer(found, ["a"] * 8)) and found.best is none
    assert "can't be stated from so few rows" in words.lost(none) and "[" not in words.lost(none)
    told = repr(words.too_small(found))
    assert "known to ± 0.0012 where it is known best, and to ± 0.0012" in told and "Of 1 of 2 ways" in told
    assert "is known to" not in repr(words.too_small(said([none])))
    assert plus_minus(0.00123) == "± 0.0012" and plus_minus(2e-5) == "± 2.0e-05"
    assert plus_minus(0.0) == "(± can't be stated from so few rows)"


def test_a_leak_is_said_before_all_else():
    for held in ([INT8], [WIDE], []):
        answer = repr(words.answer(said(held, leak="Leave out: --drop x."), ["a"] * 8))
        assert answer.startswith("**Leave out: --drop x.**\n**")
