"""`lfmp advise`: what it prepares, what it asks the page for, what it refuses before anything runs."""

import nbformat
import numpy as np
import pandas as pd
import pytest

from lfmp_book import notebooks
from lfmp_book.advice.costs import COUNTS
from lfmp_core import cli
from lfmp_core.data import Dataset


@pytest.fixture
def lfmp(monkeypatch, tmp_path, capsys):
    """Call the command in an empty folder; returns (exit code, stdout, stderr)."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LFMP_HOME", str(tmp_path / "home"))

    def call(*arguments):
        with pytest.raises(SystemExit) as end:
            cli.main(arguments)
        return end.value.code or 0, *capsys.readouterr()

    return call


@pytest.fixture
def asked(monkeypatch):
    """Parameters that the page was asked for, by its name; the page answers without running anything."""
    found = {}

    def run_notebook(name, out, parameters):
        found[name] = parameters
        cell = nbformat.v4.new_code_cell("answer")
        cell["id"] = "answer"
        data = {"text/plain": "Keep 3 fields."}
        cell.outputs = [nbformat.v4.new_output("execute_result", data=data)]
        nbformat.write(nbformat.v4.new_notebook(cells=[cell]), out)
        return out

    monkeypatch.setattr(notebooks, "run_notebook", run_notebook)
    return found


def write(path, rows):
    rng = np.random.default_rng(0)
    log = pd.DataFrame({"clicked": rng.integers(0, 2, rows), "colour": rng.choice(["red", "blue"], rows)})
    log.to_csv(path, index=False)


def test_a_file_is_prepared_and_the_page_asked(lfmp, asked, tmp_path):
    write("my clicks.csv", 3000)
    code, out, err = lfmp("advise", "my clicks.csv", "--label", "clicked", "--minutes", "3", "--workers", "1")
    assert code == 0, err
    given = asked["your_data"]
    assert Dataset.load(given.pop("dataset")).schema.field_names == ("colour",)
    assert given.pop("model").endswith("my clicks-advice/model")
    assert 2.5 < given.pop("minutes") <= 3  # what preparing took is gone
    assert given == {"loss": 0.001, "count": "bytes", "parts": "", "workers": 1}
    assert "my clicks: 3,000 rows, 1 fields" in out and "Keep 3 fields." in out and "the page: my cl" in out
    assert "nothing is recommended" not in out and "the model:" not in out
    declared = notebooks.declared_parameters(notebooks.find_notebook("your_data"))
    assert {*given, "dataset", "model", "minutes"} <= declared.keys()


def test_few_clicks_are_said_and_nothing_runs(lfmp, asked, tmp_path):
    write("few.csv", 300)
    code, out, _ = lfmp("advise", "few.csv", "--label", "clicked")
    assert code == 0 and "nothing is recommended, and nothing was trained: of " in out
    assert asked == {} and not list(tmp_path.glob("*-advice"))


def test_refusals_name_the_remedy_and_leave_nothing(lfmp, asked, tmp_path):
    write("log.csv", 300)
    for arguments, said in (
        (("log.csv",), "--label"),
        (("log.csv", "--label", "clicks"), "clicked"),
        (("log.csv", "--label", "clicked", "--count", "byte"), "did you mean 'bytes'"),
        (("log.csv", "--label", "clicked", "--minutes", "0"), "above 0"),
        (("log.csv", "--label", "clicked", "--loss", "1"), "below 1"),
        (("none.csv", "--label", "clicked"), "none.csv"),
    ):
        code, _, err = lfmp("advise", *arguments)
        assert code == 2 and said in err and err.count("\n") == 1
    assert asked == {} and not list(tmp_path.glob("*-advice"))


def test_every_count_is_shown_by_help(lfmp):
    _, out, _ = lfmp("advise", "--help")
    assert all(name in " ".join(out.split()).replace("│ ", "").replace(" │", "") for name in COUNTS)
