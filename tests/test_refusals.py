"""Every way in ends in one line that names the thing: settings, options, profiles, own data on a page."""

import inspect
import math

import pandas as pd
import pytest
from typer.testing import CliRunner

from lfmp_book.evidence import results
from lfmp_book.ledger import ledger
from lfmp_book.lers import cf_grids as lers_cf
from lfmp_book.lers import fig2 as lers_fig2
from lfmp_book.lers import grids as lers
from lfmp_book.lers import walkthrough as lers_walkthrough
from lfmp_book.lightfmp import (
    choice_grids as lightfmp_choices,
)
from lfmp_book.lightfmp import (
    grids as lightfmp,
)
from lfmp_book.lightfmp import (
    open_grids as lightfmp_open,
)
from lfmp_book.lightfmp import (
    selection_grids as lightfmp_selection,
)
from lfmp_book.lightfmp.table2 import shadows
from lfmp_book.notebooks import declared_parameters, find_notebook, notebook_names
from lfmp_book.speed import grids as speed
from lfmp_book.speed.speed import load_figures
from lfmp_core import bounds, cli, entry
from lfmp_core.data.cli import app as data_app
from lfmp_core.data.prepared import prepare_cached
from lfmp_core.data.schema import check_both_classes
from lfmp_core.data.sources import own_table
from lfmp_core.errors import DataError, LfmpError, UnknownName, WrongValue
from lfmp_core.experiments.executor import prepared
from lfmp_core.experiments.profiles import PROFILES
from lfmp_core.settings import Settings


def every_settings(base=Settings):
    for own in base.__subclasses__():
        if own.__module__.startswith("lfmp_core."):
            yield own
        yield from every_settings(own)


def numbers_of(own):
    return [name for name, field in own.model_fields.items() if field.annotation in (int, float)]


def test_no_number_of_any_settings_takes_what_is_none():
    """One line that names the field; nothing of pydantic's own words reaches a user."""
    cases = [(own, name) for own in dict.fromkeys(every_settings()) for name in numbers_of(own)]
    assert len(cases) > 100
    for own, name in cases:
        for value in (math.nan, math.inf, 2**70, -(2**70), "many", None, [1]):
            with pytest.raises(LfmpError) as caught:
                own.model_validate({name: value})
            said = str(caught.value)
            assert name in said and "\n" not in said and "pydantic" not in said, (own, value)
            assert "validation error" not in said


def test_a_choice_names_the_nearest_and_settings_inside_settings_speak():
    from lfmp_core.data import PrepareSettings
    from lfmp_core.training import TrainingSettings

    with pytest.raises(UnknownName, match="unknown optimizer 'lazzy'; did you mean 'lazy'"):
        TrainingSettings(optimizer="lazzy")
    with pytest.raises(WrongValue, match=r"^epochs is 0: it must be at least 1$"):
        TrainingSettings(epochs=0)
    with pytest.raises(WrongValue, match="shares are whole numbers"):
        PrepareSettings(shares=(0, 1, 1))
    with pytest.raises(WrongValue, match="no interval"):
        lers.TPE(space={"l2": {"low": 2, "high": 1}})


OPTIONS = [
    ("--threads", ("-1", "0", "100000")),
    ("--block-mib", ("nan", "inf", "1e9", "0", "-3")),
    ("--seed", ("-1", str(2**70))),
    ("--shares", (f"{2**70},1,1", "1000000000000,1,1", "-8,1,1")),
    ("--rows", ("0", "-5", str(10**12))),
    ("--threshold", ("0", str(2**70))),
    ("--numeric-threshold", ("0",)),
]


@pytest.mark.parametrize(("option", "value"), [(o, v) for o, values in OPTIONS for v in values])
def test_options_have_bounds(tmp_path, option, value):
    given = ["prepare", "planted", "--out", str(tmp_path / "x"), "--quiet", option, value]
    done = CliRunner().invoke(data_app, given)
    assert done.exit_code == 2 and len(done.output.strip().splitlines()) == 1, done.output
    assert option.strip("-").replace("shares", "share") in done.output.replace("_", "-")
    assert not list(tmp_path.iterdir())


def test_what_typer_refuses_is_one_line_too(capsys):
    for arguments in (["runn"], ["run"], ["run", "x", "--worker", "2"], ["run", "x", "--workers", "two"]):
        with pytest.raises(SystemExit) as caught:
            cli.main(arguments)
        said = capsys.readouterr().err
        assert caught.value.code == 2 and said.startswith("lfmp: ") and said.count("\n") == 1


@pytest.mark.parametrize(
    ("error", "code", "words"),
    [
        (OSError(40, "Too many levels of symbolic links", "loop"), 2, "loop: Too many levels"),
        (OSError(5, "Input/output error", "a\nb"), 2, "a\\nb: Input/output error"),
        (MemoryError(), 2, "out of memory"),
        (LfmpError("no"), 2, "lfmp: no"),
        (KeyboardInterrupt(), 130, "interrupted"),
    ],
)
def test_a_command_ends_in_a_line(error, code, words):
    app = entry.typer.Typer(cls=entry.Commands)

    @app.command()
    def fails():
        raise error

    @app.command()
    def other():
        """So that there are two."""

    done = CliRunner().invoke(app, ["fails"])
    assert done.exit_code == code and words in done.output and done.output.count("\n") == 1


def test_every_number_of_a_page_has_bounds_and_its_default_lies_within():
    for name in notebook_names():
        for parameter, default in declared_parameters(find_notebook(name)).items():
            if isinstance(default, int | float) and not isinstance(default, bool):
                assert bounds.check_number(parameter, default) == default
                with pytest.raises(WrongValue, match=parameter):
                    bounds.check_number(parameter, math.inf)


MAKERS = [
    function
    for module in (lers, lers_cf, lightfmp, lightfmp_choices, lightfmp_open, lightfmp_selection, speed)
    for name, function in vars(module).items()
    if inspect.isfunction(function) and function.__module__ == module.__name__
    if list(inspect.signature(function).parameters)[:1] == ["profile"] and not name.startswith("_")
] + [lers_fig2.grids, shadows.grids]


@pytest.mark.parametrize("make", MAKERS, ids=lambda make: f"{make.__module__}.{make.__name__}")
def test_an_unknown_profile_is_a_name_with_its_nearest(make):
    more = {"prune_ratio": 0.5, "sparsity": 0.5, "rates": None, "dataset": None, "_": None}
    names = inspect.signature(make).parameters
    given = {n: more[n] for n, p in names.items() if n in more and p.default is p.empty}
    with pytest.raises(UnknownName, match="unknown profile 'quik'; did you mean 'quick'"):
        make("quik", **given)


def test_other_names_of_pages():
    with pytest.raises(UnknownName, match="unknown paper 'ler'; did you mean 'lers'"):
        ledger.make("ler")
    with pytest.raises(UnknownName, match="unknown file of figures 'cpus'; did you mean 'cpu'"):
        load_figures("cpus")
    for given, words in (("0.5,1.5", "prune_ratios is 1.5"), ("nan", "prune_ratios is nan"), ("a", "commas")):
        with pytest.raises(WrongValue, match=words):
            lightfmp.fig3("quick", prune_ratios=given)


@pytest.fixture(scope="module")
def own(tmp_path_factory):
    """One's own rows: three small fields, among them none of the planted names."""
    folder = tmp_path_factory.mktemp("own")
    columns = {f"f{k}": [f"v{i % (k + 2)}" for i in range(600)] for k in range(3)}
    pd.DataFrame({"y": [i % 2 for i in range(600)], **columns}).to_csv(folder / "own.csv", index=False)
    return prepare_cached(own_table(folder / "own.csv", "y"), out=folder / "own", progress=False)


def test_recovery_says_at_once_that_nothing_was_planted(own):
    with pytest.raises(LfmpError, match="nothing was planted in own"):
        lightfmp_choices.recovery("quick", dataset=prepared(own.folder))


def test_arms_that_can_not_meet_their_budget_are_left_out_before_anything_runs(own):
    ref = prepared(own.folder)
    with pytest.warns(UserWarning, match=r"mixed dimension at 80% of the numbers is left out on own: a "):
        grids = lers.table5("quick", dataset=ref, sets="criteo")
    assert grids[0].picks is not None
    searched = {arm.label for arm in grids[0].picks.arms}
    assert "mixed dimension" not in searched and {"Original", "PEP", "MagPrune"} <= searched
    assert {arm.label for arm in grids[0].arms} <= searched
    # without own data every arm of the committed records stays
    every = {arm.label for arm in lers.compressions("reference", 0.8)}
    assert every <= {arm.label for arm in lers.table5("reference", sets="criteo")[0].arms}


def test_the_walkthrough_follows_a_field_of_ones_own_data(own, planted):
    of, i = lers_walkthrough.followed(own.schema, "", 1)
    assert of.size == max(own.schema.field_sizes) and i == of.offset + 1
    assert lers_walkthrough.followed(planted.schema, "", 1)[0].name == "C4"
    with pytest.raises(UnknownName, match=r"unknown field 'C4'\. Valid: f0, f1, f2"):
        lers_walkthrough.followed(own.schema, "C4", 1)
    with pytest.raises(WrongValue, match="ids of f0, is 99: it must be at least 0 and below"):
        lers_walkthrough.followed(own.schema, "f0", 99)


def test_a_split_without_both_classes_is_refused_before_anything_runs(own, monkeypatch):
    for rows, clicks in ((0, 0), (5, 0), (5, 5)):
        with pytest.raises(DataError, match=f"val rows can't be ranked: {clicks} of {rows} are clicks"):
            check_both_classes("val", rows, clicks)
    lacking = own.schema.model_copy(update={"positives": {**own.schema.positives, "val": 0}})
    monkeypatch.setattr(results, "opened", lambda ref: type("Data", (), {"schema": lacking}))
    grid = lightfmp.table3("quick", dataset=prepared(own.folder), backbones="dnn", seeds=1)
    with pytest.raises(DataError, match="the val rows can't be ranked"):
        results.run([grid])


def test_profiles_are_those_of_the_records():
    assert PROFILES == ("quick", "reference", "paper")
