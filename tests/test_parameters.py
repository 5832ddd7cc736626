"""A notebook's parameters: typed, checked before anything runs, and said in its provenance."""

import shlex

import pytest
from written_notebooks import papermill, text_of, write_notebook

from lfmp_book import parameters
from lfmp_book.provenance import provenance
from lfmp_core.errors import LfmpError, UnknownName


def test_papermill_itself_changes_a_parameter(tmp_path):
    page = write_notebook(tmp_path / "page.ipynb")
    run = papermill(page, tmp_path / "out.ipynb", "-p", "prune_ratio", "0.75", cwd=tmp_path)
    assert run.returncode == 0, run.stderr
    assert "ratio=0.75 seeds=[0, 1] profile=quick" in text_of(tmp_path / "out.ipynb")


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (("-p", "prune_ration", "0.75"), "did you mean 'prune_ratio'"),
        (("-p", "prune_ratio", "half"), "its default 0.5 is float"),
        (("-p", "profile", "3"), "-r profile 3"),
    ],
)
def test_papermill_itself_fails_on_a_wrong_parameter(tmp_path, given, expected):
    page = write_notebook(tmp_path / "page.ipynb")
    run = papermill(page, tmp_path / "out.ipynb", *given, cwd=tmp_path)
    assert run.returncode != 0
    assert expected in run.stderr


def test_check_compares_what_came_between():
    space = {"np": pytest, "a": 1, "b": 0.5, "_hidden": 3, "In": []}
    parameters.declare(space)
    parameters.check(dict(space))
    for name, value in (("a", 2), ("b", 1), ("_private", 1)):
        parameters.check(space | {name: value})
    with pytest.raises(UnknownName, match="unknown parameter 'aa'; did you mean 'a'"):
        parameters.check(space | {"aa": 1})
    for name, value in (("a", True), ("a", 0.5), ("b", "0.5")):
        with pytest.raises(parameters.WrongType, match=f"parameter '{name}'"):
            parameters.check(space | {name: value})


def test_a_page_can_say_by_which_command_it_was_made(tmp_path):
    """The options that it prints give the very same values, whatever these look like."""
    body = "check(globals())\nfrom lfmp_book.parameters import given, options\n"
    body += "print(options(given(globals())) + '|', given(globals()))"
    page = write_notebook(tmp_path / "page.ipynb", body)
    for profile in ("5", "it's $x [b]"):
        values = {"profile": profile, "prune_ratio": 0.75, "seeds": [2, 3], "fold": False}
        told = parameters.options(values)
        run = papermill(page, tmp_path / "out.ipynb", *shlex.split(told), cwd=tmp_path)
        assert run.returncode == 0, run.stderr
        assert text_of(tmp_path / "out.ipynb").strip() == f"{told}| {values}".strip()
    space = {"a": 1, "b": "x"}
    parameters.declare(space)
    space["a"] = 2
    parameters.check(space)
    assert parameters.given(space) == {"a": 2} and parameters.given({}) == {}
    assert parameters.options({"a": "nan", "b": "None", "c": "n"}) == " -r a nan -r b None -p c n"


def test_provenance_names_the_command_and_the_data(planted, tmp_path, monkeypatch):
    monkeypatch.setenv("LFMP_HOME", str(tmp_path))
    space = {"dataset": "", "rows": 5}
    parameters.declare(space)
    space["dataset"] = str(planted.folder)
    parameters.check(space)
    shown = str(provenance("page", space))
    command = f"papermill notebooks/page.ipynb out.ipynb -p dataset {shlex.quote(str(planted.folder))}"
    assert command in shown and f"fingerprint {planted.schema.fingerprint}" in shown
    plain = str(provenance("page", {}))
    assert "notebooks/page.ipynb out.ipynb" in plain and "-p" not in plain and "fingerprint" not in plain


def test_check_needs_declare_and_rerunning_it_is_harmless():
    with pytest.raises(LfmpError, match=r"End the parameters cell with declare\(globals\(\)\)"):
        parameters.check({})
    space = {"a": 1}
    parameters.declare(space)
    parameters.check(space)
    parameters.check(space | {"result_of_a_later_cell": 1})


@pytest.mark.parametrize(
    ("default", "value", "fits"),
    [
        (None, "x", True),
        (1, 2, True),
        (1, 2.0, False),
        (1.0, 2, True),
        (True, 1, False),
        (1, True, False),
        ("a", 1, False),
        ([1], (2, 3), True),
        ([1], ["a"], False),
        ([], ["a"], True),
        ((0.5,), [1], True),
        ([1], 1, False),
    ],
)
def test_same_type(default, value, fits):
    assert parameters.same_type(default, value) is fits


def test_parse_follows_the_default():
    assert parameters.parse("5", "text") == "5"
    assert parameters.parse("5", 1) == 5
    assert parameters.parse("[1, 2]", [0]) == [1, 2]
    assert parameters.parse("words", 1) == "words"
