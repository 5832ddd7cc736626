"""Selectors: the general half, the encoding that they read, and what each of them finds."""

import json
import sys
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from lfmp_core.budget import Budget
from lfmp_core.data import SPLITS, Dataset, Field, PrepareSettings, Rows, Schema, is_shadow, with_shadows
from lfmp_core.errors import LfmpError, UnknownName
from lfmp_core.methods import METHODS, get_method
from lfmp_core.methods.base import Context
from lfmp_core.methods.selection import EncodingSettings, FieldImportance, selector
from lfmp_core.methods.selection.base import largest
from lfmp_core.methods.selection.encoding import Encoder, encode_training, target_encode
from lfmp_core.models import BackboneSettings
from lfmp_core.settings import Settings
from lfmp_core.tasks import Clicks
from lfmp_core.training import TrainingSettings

SHALLOW = ("lasso", "pca", "random_forest", "gbdt", "xgboost", "permutation")


def task_of(dataset):
    backbone = BackboneSettings(name="dnn", embedding_dim=4, hidden=(16,))
    return Clicks(dataset, backbone, TrainingSettings(learning_rate=0.01, batch_size=256, epochs=1))


@pytest.fixture(scope="session")
def task(planted):
    return task_of(planted)


@dataclass(frozen=True)
class InMemory(Dataset):
    """Rows that a test makes up."""

    rows: dict[str, Rows]

    def split(self, name):
        return self.rows[name]


def made_up(sizes, values, labels, scalars=None):
    """A data set of three equal splits from columns of local values [N, m]."""
    offsets = np.cumsum([0, *sizes[:-1]])
    kinds = [
        "scalar" if scalars is not None and f == len(sizes) - 1 else "integer" for f in range(len(sizes))
    ]
    fields = tuple(
        Field(name=f"F{f}", kind=kind, size=size, offset=int(o), threshold=1, distinct=size, kept=size - 1)
        for f, (size, o, kind) in enumerate(zip(sizes, offsets, kinds, strict=True))
    )
    rows = Rows((values + offsets).astype(np.int32), labels.astype(np.uint8), scalars)
    schema = Schema(
        name="made up",
        fields=fields,
        rows=dict.fromkeys(SPLITS, len(labels)),
        positives=dict.fromkeys(SPLITS, int(labels.sum())),
        settings=PrepareSettings(),
        source={},
        fingerprint="f" * 64,
    )
    return InMemory(Path("nowhere"), schema, dict.fromkeys(SPLITS, rows))


# ---------------------------------------------------------------------------------------- the general half


@pytest.fixture
def enter():
    """Register a selector for one test."""
    names = []

    def register(score, name="told"):
        names.append(name)
        return selector(name)(score)

    yield register
    for name in names:
        METHODS.pop(name, None)


def test_largest_takes_the_lower_of_equals():
    assert largest(np.array([1.0, 2, 2, 2, 0]), 2) == (1, 2)
    assert largest(np.array([0.0, -0.0, 0.0]), 2) == (0, 1)
    assert largest(np.array([3.0, 1, 2]), 2) == (0, 2)


def test_selector_keeps_the_largest_and_trains_on_them(task, enter):
    values = np.linspace(0, 1, 39)
    values[[3, 30]] = values[20]  # a tie where the line is drawn: 3 and 20 come before 30

    def told(task, budget, settings, context):
        """What was told."""
        return FieldImportance(values, {"why": "told"})

    assert enter(told) is told
    method = get_method("told")
    assert method.summary == "What was told."
    outcome, choice = method.run(task, Budget(0.5), 1), method.choose(task, Budget(0.5), 1)
    kept = (3, *(f for f in range(20, 39) if f != 30))
    assert len(kept) == 19 and outcome.kept_fields == choice.fields == tuple(sorted((*kept, 30)))
    fewer = method.choose(task, Budget(20 / 39), 1)  # one field less, and 30 is the last of the equals
    assert fewer.fields == kept
    assert choice.scores == tuple(values) and choice.details == {"why": "told"}
    assert outcome.details["scores"] == pytest.approx(values, rel=1e-5) and outcome.details["why"] == "told"
    assert outcome.model.columns.tolist() == list(outcome.kept_fields)
    assert set(outcome.phases) == set(outcome.details["cpu_seconds"]) == {"PT", "CT"}


def test_a_choice_that_was_made_is_not_made_again(task, enter, tmp_path):
    calls = []

    def told(task, budget, settings, context):
        calls.append(1)
        return FieldImportance(np.random.default_rng(context.seed).normal(size=39), {"calls": len(calls)})

    enter(told)
    first = get_method("told").run(task, Budget(0.5), 1, folder=tmp_path)
    again = get_method("told").run(task, Budget(0.5), 1, folder=tmp_path)
    assert calls == [1]
    assert again.kept_fields == first.kept_fields and again.phases["PT"] == first.phases["PT"]
    clocks = ("seconds", "cpu_seconds")
    assert {k: v for k, v in again.details.items() if k not in clocks} == {
        k: v for k, v in first.details.items() if k not in clocks
    }


def test_scores_must_be_one_finite_number_a_field(task, enter):
    values = np.zeros(39)
    values[[0, 14]] = np.nan, np.inf
    enter(lambda *_: FieldImportance(values))
    enter(lambda *_: FieldImportance(np.zeros(38)), "short")
    enter(lambda *_: pytest.fail("scored what is no task"), "early")
    with pytest.raises(LfmpError, match=r"'told' gave scores that are not finite: I1, C2$"):
        get_method("told").choose(task, Budget(0.5), 1)
    with pytest.raises(LfmpError, match=r"shape \(38,\) for 39 fields"):
        get_method("short").run(task, Budget(0.5), 1)
    with pytest.raises(LfmpError, match="works on Clicks, not on SimpleNamespace"):
        get_method("early").run(SimpleNamespace(), Budget(0.5), 1)
    with pytest.raises(LfmpError, match="'no_selection' chooses no fields"):
        get_method("no_selection").choose(task, Budget(0.5), 1)


# --------------------------------------------------------------------------------------------- the encoding


def test_target_encoding_by_hand():
    """Values 0 0 0 1 1 2, clicks 1 0 1 0 0 1, folds 0 1 1 0 1 0; mean click 1/2, prior 2 rows."""
    local, fold = np.array([0, 0, 0, 1, 1, 2]), np.array([0, 1, 1, 0, 1, 0])
    labels = np.array([1.0, 0, 1, 0, 0, 1])
    rows, values = target_encode(local, labels, fold, 4, 2, 2.0)
    # (clicks of the other fold + 1) / (rows of the other fold + 2); nothing is known of 2 or 3
    assert rows == pytest.approx([2 / 4, 2 / 3, 2 / 3, 1 / 3, 1 / 3, 1 / 2])
    assert values == pytest.approx([3 / 5, 1 / 4, 2 / 3, 1 / 2])
    rows, values = target_encode(local, labels, np.zeros(6, int), 4, 1, 2.0)
    assert rows == pytest.approx([3 / 5, 3 / 5, 3 / 5, 1 / 4, 1 / 4, 2 / 3])


def test_encoder_by_hand():
    """Counts, positions and scalar values, standardised; a column that never moves is 0."""
    values = np.array([[1, 0, 1], [1, 0, 0], [1, 0, 1], [2, 0, 1]])
    scalars = np.array([[2.0], [7.0], [-1.0], [-1.0]], np.float32)  # the second is missing: it counts as 0
    dataset = made_up((4, 2, 2), values, np.array([0, 1, 0, 1]), scalars)
    raw = {"frequency": np.log([4, 4, 4, 2]), "ordinal": np.array([1, 1, 1, 2])}
    for encoding, column in raw.items():
        encoder = Encoder(dataset.schema, EncodingSettings(encoding=encoding), 0)
        x = encoder.fit_transform(dataset.split("train"))
        assert x[:, 0] == pytest.approx((column - column.mean()) / column.std())
        assert np.array_equal(x[:, 1], np.zeros(4))
        assert x[:, 2] == pytest.approx(np.array([2, 0, -1, -1]) / np.sqrt(1.5))
        unseen = Rows(np.array([[3, 4, 7]], np.int32), np.array([0], np.uint8), np.array([[0.5]], np.float32))
        new = {"frequency": 0.0, "ordinal": 3.0}[encoding]
        expected = [(new - column.mean()) / column.std(), 0, 0.5 / np.sqrt(1.5)]
        assert encoder.transform(unseen)[0] == pytest.approx(expected)


def test_encoded_rows_are_standardised_and_thinned(task):
    rows = encode_training(task, EncodingSettings(max_rows=1000), Context(1))
    assert rows.x.shape == (1000, 39)
    assert np.allclose(rows.x.mean(0), 0) and np.allclose(rows.x.std(0), 1)
    assert rows.labels.mean() == pytest.approx(np.mean(task.dataset.split("train").labels), abs=1e-3)
    again = encode_training(task, EncodingSettings(max_rows=1000), Context(1))
    assert np.array_equal(rows.x, again.x)
    assert not np.array_equal(rows.x, encode_training(task, EncodingSettings(max_rows=1000), Context(2)).x)
    assert rows.encoder.transform(task.dataset.split("val")).shape == (800, 39)


@pytest.mark.parametrize("method", ["lasso", "random_forest", "xgboost"])
def test_own_clicks_make_rare_values_look_wise(method):
    """Three fields of 4 values move the click, five of 1,500 values don't; 3 fields are kept."""
    rng, n = np.random.default_rng(0), 6000
    sizes = (4, 4, 4, *[1500] * 5)
    values = np.stack([rng.integers(0, size, n) for size in sizes], axis=1)
    labels = rng.random(n) < 1 / (1 + np.exp(-0.5 * ((values[:, :3] > 1) - 0.5).sum(1) + 1))
    task = task_of(made_up(sizes, values, labels))
    fields = {
        folds: get_method(method).choose(task, Budget(5 / 8), 0, settings={"folds": folds, "prior": 1}).fields
        for folds in (1, 5)
    }
    assert fields[5] == (0, 1, 2)
    assert not {0, 1, 2} & set(fields[1])


# ------------------------------------------------------------------------------------------- what is found


@pytest.mark.parametrize("method", SHALLOW)
def test_shallow_selectors_find_what_was_planted(task, method):
    """Law 6. Of 39 fields 10 are informative and 6 repeat one of them; 16 are kept.

    Drawn blindly, 4.1 informative ones would be among them, with a deviation of 1.2. PCA looks for what
    varies together: the repeats and their sources, 12 fields of which 4.9 would be drawn.
    """
    truth, names = task.dataset.schema.truth, np.array(task.dataset.schema.field_names)
    choice = get_method(method).choose(task, Budget(0.6), 0)
    kept = set(names[list(choice.fields)])
    assert len(kept) == 16 and len(choice.scores) == 39
    if method == "pca":
        assert len(kept & {*truth["redundant"], *truth["redundant"].values()}) >= 11
    else:
        assert len(kept & set(truth["informative"])) >= 9
    outcome = get_method(method).run(task, Budget(0.6), 0)
    assert outcome.kept_fields == choice.fields
    assert outcome.details["scores"] == pytest.approx(choice.scores, rel=1e-5)
    json.dumps(outcome.details, allow_nan=False)


def test_few_discoveries_are_false_beside_shadows(planted):
    """Of 78 fields 39 are twins: of 16 drawn blindly half are false, of a forest's at most 3."""
    both = with_shadows(planted, 0)
    shadow = is_shadow(both.schema)
    false = {
        method: np.mean(
            [
                shadow[list(get_method(method).choose(task_of(both), Budget(62 / 78), s).fields)].mean()
                for s in seeds
            ]
        )
        for method, seeds in (("random_forest", range(2)), ("random_fields", range(40)))
    }
    assert false["random_forest"] <= 3 / 16
    assert 0.4 < false["random_fields"] < 0.6


def test_pca_over_all_components_ranks_nothing(task):
    scores = get_method("pca").choose(task, Budget(0.5), 0, settings={"components": 39}).scores
    assert scores == pytest.approx([6400 / 6399] * 39)
    rows = encode_training(task, EncodingSettings(), Context(0))
    first = np.abs(np.linalg.eigh(np.corrcoef(rows.x.T))[1][:, -1])
    choice = get_method("pca").choose(task, Budget(0.5), 0, settings={"components": 1})
    assert choice.fields == largest(first, 20)


# ------------------------------------------------------------------------------------------------ refusals


def test_unknown_settings_name_the_nearest(task):
    for method, wrong, near in [
        ("lasso", "alhpa", "alpha"),
        ("pca", "component", "components"),
        ("xgboost", "max_dept", "max_depth"),
        ("permutation", "repeat", "repeats"),
        ("gbdt", "fold", "folds"),
    ]:
        with pytest.raises(UnknownName, match=f"did you mean '{near}'"):
            get_method(method).choose(task, Budget(0.5), 0, settings={wrong: 1})
    with pytest.raises(UnknownName, match="unknown encoding 'label'"):
        get_method("lasso").choose(task, Budget(0.5), 0, settings={"encoding": "label"})
    assert all(issubclass(METHODS[name].settings_type, Settings) for name in SHALLOW)


@pytest.mark.parametrize(("method", "module"), [("lasso", "sklearn.linear_model"), ("xgboost", "xgboost")])
def test_without_the_extra_its_name_is_told(task, monkeypatch, method, module):
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(LfmpError, match=r"pip install 'lfmp-core\[selection\]'"):
        get_method(method).choose(task, Budget(0.5), 0)
