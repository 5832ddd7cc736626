"""Names that users give are shown as they are: not as markup, not as a formula, never cut."""

import numpy as np
import pandas as pd
import pytest
import torch
from matplotlib.figure import Figure
from matplotlib.text import Text
from typer.testing import CliRunner

from lfmp_book.claims.claim import Prose, literal
from lfmp_book.lers import search as lers_search
from lfmp_book.lightfmp import fig3, walkthrough
from lfmp_book.show.figures import Picture
from lfmp_book.show.html import table
from lfmp_core.data.cli import app, describe_dataset
from lfmp_core.data.dataset import Dataset
from lfmp_core.data.prepared import prepare_cached
from lfmp_core.data.shown import console, fields_text
from lfmp_core.data.sources import own_table
from lfmp_core.errors import DataError

HOSTILE = (
    "$\\frac{1$",
    "a$b$c",
    "[/bold]",
    "[red]x",
    ":smile:",
    "<script>x</script>",
    "_a_ *b* `c`",
    "ünï 名",
)


def drawn(figure):
    """Every text of a figure that is shown, after it was drawn."""
    Picture(figure, "").png()
    return {text.get_text(): text for text in figure.findobj(Text)}


def test_no_name_is_a_formula_in_a_figure():
    runs = pd.DataFrame(
        {
            "arm": ["x"] * 2,
            "budget": [0.5] * 2,
            "log_alpha": [np.arange(len(HOSTILE)) / 4] * 2,
            "kept_fields": [(0, 1)] * 2,
        }
    )
    m = len(HOSTILE)
    figures = [
        fig3.gate_heatmap(runs, HOSTILE),
        walkthrough.vectors(torch.ones(m, 2), torch.ones(m), HOSTILE),
    ]
    figure = Figure()
    axis = figure.subplots()
    axis.plot([1, 2], [1, 2], label=HOSTILE[0])
    axis.set(title=HOSTILE[0], xlabel=HOSTILE[1], ylabel=HOSTILE[0])
    axis.legend()
    for one in (*figures, figure):
        assert {HOSTILE[0], HOSTILE[1]} <= set(drawn(one))


def test_powers_on_a_logarithmic_axis_stay_formulas():
    figure = Figure()
    axis = figure.subplots()
    axis.plot([1, 1000], [1, 2])
    axis.set_xscale("log")
    powers = [text for shown, text in drawn(figure).items() if "mathdefault" in shown]
    assert powers and all(text.get_parse_math() for text in powers)


def test_no_name_is_markup_on_a_page():
    html = table(pd.DataFrame({HOSTILE[5]: HOSTILE}), caption=HOSTILE[5], note=HOSTILE[5])._repr_html_()
    assert "<script>" not in html and "&lt;script&gt;" in html
    markdown = Prose((literal("<script>*x* [a](b) $y$ `c`"),))._repr_markdown_()
    assert markdown == "- \\<script\\>\\*x\\* \\[a\\](b) \\$y\\$ \\`c\\`"
    assert literal("ml-1m, criteo 2.5") == "ml-1m, criteo 2.5"
    trials = pd.DataFrame(
        {"dataset": ["*x*"], "state": ["done"], "backbone": "b", "arm": "a", "chosen": True}
    )
    assert lers_search.state(trials).sentences[0].startswith("\\*x\\*: 1 trials done")


@pytest.fixture(scope="module")
def hostile(tmp_path_factory):
    """A prepared data set whose columns have hostile names, and long ones that begin alike."""
    folder = tmp_path_factory.mktemp("hostile")
    long = [f"user-agent-of-the-last-visit-{k}" for k in range(3)]
    columns = {name: [f"v{i % 5}" for i in range(400)] for name in (*HOSTILE, *long, "two\nlines")}
    pd.DataFrame({"y": [i % 2 for i in range(400)], **columns}).to_parquet(folder / "own.parquet")
    prepare_cached(own_table(folder / "own.parquet", "y"), out=folder / "out", progress=False)
    return folder / "out"


def test_the_terminal_shows_every_name_whole(hostile, monkeypatch):
    done = CliRunner().invoke(app, ["describe", str(hostile)])
    assert done.exit_code == 0 and "…" not in done.output, done.output
    monkeypatch.setenv("COLUMNS", "80")
    terminal = console()
    with terminal.capture() as shown:
        terminal.print(fields_text(describe_dataset(Dataset.load(hostile))["fields"]))
    lines = shown.get().splitlines()
    assert max(map(len, lines)) <= 80 and any(line.endswith(" test %") for line in lines)
    assert sum(line.endswith(" 0.00") for line in lines) == 12  # the last column, a number a field
    # the first column alone, folded names put together again
    width = next(line for line in lines if line.lstrip().startswith("field")).index("kind")
    names = "".join(line[:width].strip() for line in lines)
    for name in (*HOSTILE[:5], *(f"user-agent-of-the-last-visit-{k}" for k in range(3)), "two\\nlines"):
        assert name in names, name


def test_a_path_in_a_message_stays_on_its_line():
    assert str(DataError("no", file="a\nb", column="c\td")) == "a\\nb, column c\\td: no"
