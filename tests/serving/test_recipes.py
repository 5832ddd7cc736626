"""What is to be trained: names held against the registries, parts that go together, flags before the file."""

import pytest

from lfmp_core.budget import NOTHING, Budget
from lfmp_core.errors import DataError, LfmpError
from lfmp_core.experiments.own_sizes import batch_size
from lfmp_core.serving.recipe import Recipe, assigned, merged, read_settings


def planned(**parts):
    return Recipe(**parts).planned(rows=10_000)


def test_nothing_said_is_the_whole_deepfm():
    plan = planned()
    assert (plan.backbone.name, plan.method, plan.budget, plan.title) == (
        "deepfm", "no_selection", NOTHING, "deepfm",
    )  # fmt: skip
    assert (plan.training.batch_size, plan.training.patience) == (128, 2)


def test_batches_follow_the_rows():
    rows = (1, 6_400, 9_600, 9_601, 100_000, 10**8)
    assert [batch_size(n) for n in rows] == [64, 64, 128, 128, 1024, 2048]


def test_hidden_layers_follow_the_rows_unless_asked_for():
    sizes = {n: Recipe().planned(rows=n).backbone.hidden for n in (199_999, 200_000)}
    assert sizes == {199_999: (128, 64), 200_000: (400, 400, 200)}
    assert planned(backbone={"hidden": [8, 4]}).backbone.hidden == (8, 4)


def test_parts_become_a_method_its_settings_and_a_budget():
    plan = planned(table={"name": "qr"}, budget={"share": 0.8}, quantise={"bits": 8, "per": "row"})
    assert plan.method == "quantise" and plan.budget == Budget(0.8, "numbers")
    assert plan.title == "deepfm, table qr, 80% of the numbers removed, 8 bits a number"
    assert plan.method_settings["method"] == "table"
    assert plan.method_settings["method_settings"]["table"] == "qr"
    plan = planned(table={"name": "tt_rec", "cache_rows": 3, "tolerance": 0.1}, budget={"share": 0.5})
    assert plan.method_settings == {"table": "tt_rec", "table_settings": {"cache_rows": 3}, "tolerance": 0.1}
    plan = planned(method={"name": "light_fmp", "pretrain_rows": 50}, budget={"share": 0.75})
    assert (plan.method, plan.budget) == ("light_fmp", Budget(0.75, "fields"))
    assert plan.method_settings["pretrain_rows"] == 50
    assert plan.title == "deepfm, light_fmp, 75% of the fields removed"
    assert (
        planned(method={"name": "smaller_dense"}, budget={"share": 0.5, "of": "bytes"}).budget.of == "bytes"
    )
    assert (
        planned(method={"name": "optfs"}).budget
        == planned(method={"name": "lasso"}, budget={"share": 0}).budget
    )


@pytest.mark.parametrize(
    ("parts", "said"),
    [
        ({"backbone": {"name": "deepmf"}}, "unknown backbone 'deepmf'; did you mean 'deepfm'"),
        ({"backbone": {"embeding_dim": 4}}, "did you mean 'embedding_dim'"),
        ({"method": {"name": "laso"}}, "unknown method 'laso'; did you mean 'lasso'"),
        ({"method": {"name": 3}}, "the method can't be 3"),
        ({"method": {"name": "quantise"}}, "few bits are asked for by quantise"),
        (
            {"method": {"name": "light_fmp", "pretrain_row": 3}, "budget": {"share": 0.5}},
            "mean 'pretrain_rows'",
        ),
        ({"method": {"name": "lasso"}}, "'lasso' removes a share of fields: say how much, by --prune-ratio"),
        ({"table": {"name": "qr"}}, "'table' removes a share of numbers: say how much"),
        (
            {"budget": {"share": 0.5}},
            "'no_selection' removes no share of fields: take by --method one of adafs.*lasso",
        ),
        ({"method": {"name": "pep"}, "budget": {"share": 0.5, "of": "fields"}}, "ask for a share of numbers"),
        ({"method": {"name": "lasso"}, "budget": {"share": 1}}, "must be at least 0 and below 1"),
        ({"method": {"name": "lasso"}, "budget": {"share": "half"}}, "share is 'half': it must be a number"),
        ({"method": {"name": "lasso"}, "budget": {"share": 0.5, "of": "field"}}, "did you mean 'fields'"),
        ({"method": {"name": "lasso"}, "budget": {"shares": 0.5}}, "did you mean 'share'"),
        ({"table": {"name": "qrr"}}, "unknown table 'qrr'; did you mean 'qr'"),
        ({"table": {"name": ["qr"]}}, "unknown table"),
        ({"table": {"buckets": 5}}, "a table needs its name, one of dhe"),
        ({"table": {"name": "qr", "remainder": 3}}, "did you mean 'remainders'"),
        ({"table": {"name": "qr"}, "method": {"name": "lasso"}}, "leave the table out, or the method"),
        ({"quantise": {"bits": 3}}, "bits is 3: it must be 2, 4 or 8"),
        ({"training": {"epoch": 3}}, "did you mean 'epochs'"),
        ({"trainign": {}}, "did you mean 'training'"),
        ({"seed": "x"}, "seed is 'x'"),
    ],
)
def test_what_can_not_be_is_refused_by_name(parts, said):
    with pytest.raises(LfmpError, match=said):
        planned(**parts)


def test_flags_come_before_the_file(tmp_path):
    (tmp_path / "r.toml").write_text(
        'seed = 3\n[backbone]\nname = "dnn"\nhidden = [8]\n[training]\nepochs = 2\n'
    )
    (tmp_path / "r.json").write_text('{"seed": 3, "backbone": {"name": "dnn", "hidden": [8]}}')
    file = read_settings(tmp_path / "r.toml")
    recipe = merged(file, {"backbone": {"embedding_dim": 4}}, assigned(["backbone.hidden=[5]", "seed=9"]))
    plan = recipe.planned(rows=1)
    assert (plan.backbone.name, plan.backbone.embedding_dim, plan.backbone.hidden) == ("dnn", 4, (5,))
    assert (plan.seed, plan.training.epochs) == (9, 2)
    assert merged(read_settings(tmp_path / "r.json")).planned(rows=1).backbone.hidden == (8,)
    assert assigned(["method.name=lasso", "quantise.per=row"]) == {
        "method": {"name": "lasso"}, "quantise": {"per": "row"},
    }  # fmt: skip


def test_files_that_are_no_settings(tmp_path):
    for name, text, said in (
        ("a.toml", "seed = ", "no settings"),
        ("a.json", "[1]", "no object"),
        ("a.json", "{", "no settings"),
    ):
        (tmp_path / name).write_text(text)
        with pytest.raises(DataError, match=said):
            read_settings(tmp_path / name)
    with pytest.raises(DataError, match="can't be read"):
        read_settings(tmp_path / "absent.toml")
    for text, said in (
        ("hidden=[5]", "is not like"),
        ("backbone.hidden", "is not like"),
        ("bakcbone.hidden=[5]", "did you mean 'backbone'"),
    ):
        with pytest.raises(LfmpError, match=said):
            assigned([text])
    with pytest.raises(LfmpError, match="did you mean 'quantise'"):
        merged({"quantize": {}})
