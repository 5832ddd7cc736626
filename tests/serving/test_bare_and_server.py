"""What a served folder says of its own use, run as it stands: without this project, and behind a server."""

import json
import re
import shutil
import socket
import subprocess
import sys
import time
from urllib.error import HTTPError, URLError
from urllib.request import Request, urlopen

import numpy as np
import pytest
import torch
from raw_log import log

from lfmp_core.data import PrepareSettings, own_table, prepare
from lfmp_core.data.canonical import MISSING
from lfmp_core.errors import DataError
from lfmp_core.models import BackboneSettings, build_model
from lfmp_core.serving.folder import load_served, save_served
from lfmp_core.settings import project_root
from lfmp_core.surgery import cut

# an interpreter in which importing any of these fails, as where they are not installed
BLOCKED = ("torch", "pandas", "polars", "pyarrow", "duckdb", "scipy", "pydantic", "onnx", "lfmp_core")
BLOCK = f"""import sys
for name in {BLOCKED!r}:
    sys.modules[name] = None
exec(open("score.py").read())
"""


def python_of(text):
    """The first block of Python under the last heading that names numpy, else the first of all."""
    part = text.split("## With numpy and onnxruntime alone")[-1]
    return re.search(r"```python\n(.*?)```", part, re.DOTALL)[1]


@pytest.fixture(scope="module", params=["ln_squared", "log2", "scalar"])
def served(request, tmp_path_factory):
    """Text, truth values, amounts and numbers as pandas writes them, with gaps; a field is cut, once with it
    the only one of numbers.
    """
    folder = tmp_path_factory.mktemp("served")
    rows = log().drop(columns=["tags", "day"])
    rows["views"] = rows.views.where(rows.index % 5 > 0)  # 69.0
    rows["city"] = rows.city.replace("Oslo", "?")
    rows.to_csv(folder / "log.csv", index=False)
    kinds = {"views": "integer", "price": "scalar"}
    source = own_table(folder / "log.csv", "clicked", kinds=kinds, missing=(*MISSING, "?"))
    settings = PrepareSettings(numeric=request.param)
    data = prepare(source, folder / "data", settings, progress=False)
    backbone = BackboneSettings(name="deepfm", embedding_dim=4, hidden=(8,), init_std=0.5)
    model = build_model(backbone, data.schema.field_sizes, data.schema.scalar_columns, seed=0)
    torch.nn.init.normal_(model.linear.weight, generator=torch.Generator().manual_seed(0))
    gone = ("user_id", "price") if request.param == "log2" else ("user_id",)
    kept = [f for f, name in enumerate(data.schema.field_names) if name not in gone]
    save_served(cut(model, kept), data, folder / "model")
    return folder / "model", rows


def bare(folder, rows, place):
    """Scores of a CSV of the rows by the lines of a folder's README, run in a copy of it; what went wrong."""
    shutil.copytree(folder, place)
    code = python_of((place / "README.md").read_text())
    assert len(code.splitlines()) <= 26
    (place / "score.py").write_text(code)
    rows.to_csv(place / "rows.csv", index=False)
    done = subprocess.run([sys.executable, "-c", BLOCK], cwd=place, env={}, capture_output=True, text=True)
    return np.array(done.stdout.split(), float), done.stderr


def test_some_lines_score_where_nothing_else_is_installed(served, tmp_path):
    folder, rows = served
    scores, wrong = bare(folder, rows.drop(columns="user_id"), tmp_path / "model")
    expected = load_served(folder).predict(rows).scores
    assert not wrong and np.allclose(scores, expected, rtol=0, atol=1e-5) and expected.std() > 1e-3


SPELLINGS = ("69", "69.0", "69.", " 69 ", "0069", "-7.00", "0", "-0.0", "", "nan", "NA", "?", " <NA>")


def test_those_lines_read_the_spellings_of_a_whole_number_as_the_reader_does(served, tmp_path):
    folder, rows = served
    rows = rows.head(len(SPELLINGS)).assign(views=SPELLINGS, paid=["true", "FALSE", "True"] * 4 + ["False"])
    scores, wrong = bare(folder, rows, tmp_path / "model")
    expected = load_served(folder).predict(rows).scores
    assert not wrong and np.allclose(scores, expected, rtol=0, atol=1e-5)


@pytest.mark.parametrize("text", ["69.5", "1_000", "+5", "many"])
def test_those_lines_refuse_what_the_reader_refuses(served, tmp_path, text):
    folder, rows = served
    if load_served(folder).schema.settings.numeric == "scalar":
        pytest.skip("a number is scaled there, and needs not be whole")
    rows = rows.head(3).assign(views=["1", text, "2"])
    with pytest.raises(DataError, match="is no integer"):
        load_served(folder).predict(rows)
    scores, wrong = bare(folder, rows, tmp_path / "model")
    assert not len(scores) and f"{text!r} is no integer" in wrong


def test_the_block_blocks():
    done = subprocess.run([sys.executable, "-c", BLOCK.replace("exec", "import torch#")], capture_output=True)
    assert b"ModuleNotFoundError" in done.stderr


def ask(port, rows):
    body = json.dumps(rows).encode()
    request = Request(
        f"http://127.0.0.1:{port}/score", body, {"Content-Type": "application/json"}, method="POST"
    )
    with urlopen(request, timeout=30) as answer:
        return json.load(answer)


def test_the_page_on_serving_serves(served, tmp_path):
    """The page's own lines, a real server, real requests."""
    pytest.importorskip("fastapi")
    pytest.importorskip("uvicorn")
    folder, rows = served
    text = (project_root() / "book" / "serving.md").read_text()
    (tmp_path / "app.py").write_text(re.search(r"```python\n(from fastapi.*?)```", text, re.DOTALL)[1])
    shutil.copytree(folder, tmp_path / "model")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    server = subprocess.Popen(
        [sys.executable, "-m", "uvicorn", "app:app", "--port", str(port), "--log-level", "warning"],
        cwd=tmp_path,
    )
    try:
        given = json.loads(rows.drop(columns="clicked").head(5).to_json(orient="records"))
        for _ in range(600):
            try:
                scores = ask(port, given)
                break
            except URLError:
                assert server.poll() is None
                time.sleep(0.1)
        assert np.allclose(scores, load_served(folder).predict(rows.head(5)).scores, rtol=0, atol=1e-6)
        with pytest.raises(HTTPError, match="422") as refused:
            ask(port, [{"city": "Rome"}])
        assert "no column 'paid', 'views'" in refused.value.read().decode()
    finally:
        server.terminate()
        server.wait()
