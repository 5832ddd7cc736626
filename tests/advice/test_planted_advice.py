"""On planted rows the right answer is known: fields that matter, and the loss on fresh rows."""

import numpy as np
import pandas as pd
import pytest

from lfmp_book.advice import page, words
from lfmp_book.advice.costs import table_bytes
from lfmp_book.advice.grids import stages
from lfmp_book.advice.report import report
from lfmp_book.advice.run import closing_seconds, run_stages, untried
from lfmp_book.advice.serve import served_model
from lfmp_book.arguments import settings_of
from lfmp_core.budget import Budget
from lfmp_core.data import PlantedSettings, PrepareSettings, prepare_named
from lfmp_core.data.planted import NAMES
from lfmp_core.data.planted_text import write_planted
from lfmp_core.experiments.arms import Arm
from lfmp_core.experiments.executor import prepared, task_on
from lfmp_core.experiments.reach import unmet
from lfmp_core.methods import get_method
from lfmp_core.serving.folder import load_served
from lfmp_core.training import auc, predict

LAW = PlantedSettings(rows=8_000, signal=3.0, scale=0.005)
BLOCK = 32_768  # rows with a generator of their own; the first block begins as the rows that were learnt from
PARTS = "bits,dimensions,fields,together"


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LFMP_HOME", str(tmp_path_factory.mktemp("home")))
        yield


@pytest.fixture(scope="module")
def data(home, tmp_path_factory):
    folder = tmp_path_factory.mktemp("planted") / "rows"
    settings = PrepareSettings(threshold=4, shares=(6, 2, 2))
    return prepare_named("planted", settings, folder, planted=LAW, progress=False)


@pytest.fixture(scope="module")
def steps(data):
    return stages("quick", dataset=prepared(data.folder), parts=PARTS, loss=0.01, patient=False)


@pytest.fixture(scope="module")
def made(steps):
    assert run_stages(steps, 10, workers=1) == []
    return report(steps, 0.01, "bytes")


@pytest.fixture(scope="module")
def fresh(tmp_path_factory):
    """Raw rows of the same law that nothing was learnt from, and their clicks."""
    text = write_planted(
        tmp_path_factory.mktemp("fresh") / "text", LAW.model_copy(update={"rows": 2 * BLOCK})
    )
    rows = pd.read_csv(text, sep="\t", header=None, names=["label", *NAMES], dtype=str)[BLOCK:]
    return rows.drop(columns="label"), rows.label.astype(int).to_numpy()


def test_the_fields_that_matter_stay(made, data):
    truth = data.schema.truth
    speaking = {*truth["informative"], *truth["redundant"]}
    best = made.advice.best
    kept = [{made.names[f] for f in own.details["kept_fields"]} for own in best.option.own]
    assert made.advice.said == "recommended" and best.option.share("bytes") < 0.2
    assert len(kept[0]) < len(made.names) / 2
    always, chance = set.intersection(*kept), len(speaking) / len(made.names)
    assert len(always & speaking) >= 0.9 * len(always) > 0 and chance < 0.5
    assert len(always & set(truth["informative"])) >= 6
    told = page.own_fields(made.found, made.names).plain
    assert {row[0] for row in told[:6]} <= set(truth["informative"])  # most is lost without them


def trained(option, seed, data):
    """A new training of a way, or of the whole model beside it."""
    spec = option.spec
    task = task_on(data, spec.backbone, spec.training)
    return get_method(spec.method).run(task, spec.budget, seed, settings=spec.own_settings).model


def test_what_can_be_touched_is_what_was_found(made):
    """A point a way: bytes first, since they count, and the AUC that test rows lost, the other way round."""
    data = page.touched(made.found, "bytes").data
    keys = [axis["key"] for axis in data["axes"]]
    assert data["x"] == "bytes" and data["y"] == "test" and len(data["points"]) == len(made.found)
    for point, option in zip(data["points"], made.found, strict=True):
        told = dict(zip(keys, point[4:], strict=True))
        mean = told["test"][0] if isinstance(told["test"], list) else told["test"]
        assert mean == pytest.approx(-page.mean_loss(option), abs=1e-5)
        assert told["bytes"] == pytest.approx(np.mean([table_bytes(r) for r in option.own]), rel=1e-4)


def test_the_stated_interval_covers_the_loss_on_fresh_rows(made, data, fresh):
    """The mean of new trainings on rows that nobody has seen; its own error is far below the interval."""
    rows, clicks = fresh
    encoded = data.encode(rows).rows
    best = made.advice.best
    losses = []
    for seed in range(100, 106):
        whole, own = (trained(way[0], seed, data) for way in (best.option.whole, best.option.own))
        losses.append(auc(clicks, predict(whole, encoded)) - auc(clicks, predict(own, encoded)))
    true, error = np.mean(losses), np.std(losses, ddof=1) / len(losses) ** 0.5
    assert error < (best.high - best.low) / 4
    assert best.low < true < best.high
    assert best.high - best.low < 0.06  # it says something


def test_it_is_written_as_a_folder_that_scores_fresh_rows(made, fresh, tmp_path):
    rows, clicks = fresh
    said = repr(served_model(made.advice, str(tmp_path / "model")))
    served = load_served(tmp_path / "model")
    assert f"seed {served.card.seed}" in said and len(served.card.columns) < 20
    scores = served.predict(rows[list(served.card.columns)][:4000]).scores
    assert auc(clicks[:4000], scores) == pytest.approx(served.card.scores["test"].auc, abs=0.03)
    given = {"dataset": "rows of mine", "model": str(tmp_path / "model")}
    again = repr(served_model(made.advice, given["model"], given))  # an older model may go
    said_by = load_served(tmp_path / "model").card.certificate.command
    assert said_by == f"lfmp notebook your_data -p dataset 'rows of mine' -p model {given['model']}"
    assert again.partition("one row in")[0] == said.partition("one row in")[0]
    assert "no folder was named" in repr(served_model(made.advice, ""))


def test_the_report_and_the_model_get_their_time(made, steps):
    """As long as a training of the whole model takes, and the resamples."""
    whole = steps[0].grid
    each = [made.store.get(spec).certificate.seconds for spec in whole.plan(made.store)]
    assert min(each) < closing_seconds(whole, made.store) < max(each) + 60


def test_with_few_clicks_nothing_runs(home, tmp_path, monkeypatch):
    monkeypatch.setenv("LFMP_HOME", str(tmp_path / "home"))
    few = LAW.model_copy(update={"rows": 600})
    data = prepare_named("planted", PrepareSettings(), tmp_path / "rows", planted=few, progress=False)
    own = stages("quick", dataset=prepared(data.folder), parts="bits", patient=False)
    assert run_stages(own, 10, workers=1) == [] and not list(tmp_path.glob("home/records/*"))
    assert report(own, 0.01, "bytes").advice.said == "too few clicks"


def test_what_minutes_did_not_allow_is_listed_by_name(made, steps, data, tmp_path, monkeypatch):
    assert untried(steps, made.store) == []
    monkeypatch.setenv("LFMP_HOME", str(tmp_path / "elsewhere"))
    own = stages("quick", dataset=prepared(data.folder), parts=PARTS, loss=0.01, patient=False)
    assert run_stages(own, 1e-6, workers=1) == []
    found = report(own, 0.01, "bytes")
    lines = untried(own, found.store)
    assert [line.partition(":")[0] for line in lines] == [step.name for step in own]
    assert found.advice.said == "too little tried"
    assert "For lack of minutes: the whole model" in repr(words.not_tried(lines, [], []))
    for shown in (page.picture(found.found, "bytes"), page.tried_table(found.found, found.advice, "bytes")):
        assert shown is page.NOTHING_YET
    assert "No way of choosing fields" in repr(page.own_fields(found.found, found.names))
    assert "No model was written" in repr(served_model(found.advice, str(tmp_path / "model")))
    assert words.too_small(found.advice).sentences and page.chance_lines(found.found).sentences


def test_a_table_that_cant_be_so_small_is_known_before_anything_runs(data):
    """A hash network needs some numbers however few are asked for; a smaller plain table meets its budget."""
    hidden = Arm("DHE", "table", Budget(0.999, "numbers"), settings_of("table", {"table": "dhe"}))
    narrow = Arm("smaller dense", "smaller_dense", Budget(0.75, "numbers"), settings_of("smaller_dense", {}))
    found = unmet([hidden, narrow], prepared(data.folder), {"name": "deepfm", "embedding_dim": 16})
    [(arm, error)] = found
    assert arm is hidden and error.nearest > error.target
    said = f"DHE, 99.9% of the numbers removed: – (needs at least {error.nearest:,} numbers)"
    assert str(found[0]) == said
    assert said.partition(":")[0] in repr(words.not_tried([], [said], []))
    assert unmet([hidden], None, {"name": "deepfm"}) == []
