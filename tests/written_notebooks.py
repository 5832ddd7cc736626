"""Small notebooks that the tests write, and papermill on them."""

import subprocess
import sys

import nbformat

HEAD = "from lfmp_book.parameters import check, declare\n"
PARAMETERS = (
    HEAD
    + 'profile: str = "quick"  # which data\nprune_ratio: float = 0.5  # share of fields removed\n'
    + "seeds: list = [0, 1]\nfold: bool = True\ndeclare(globals())"
)
BODY = 'check(globals())\nprint(f"ratio={prune_ratio} seeds={seeds} profile={profile}")'


def write_notebook(path, body=BODY, parameters_cell=PARAMETERS):
    cells = [nbformat.v4.new_markdown_cell("# A tiny page")]
    if parameters_cell:
        cells.append(nbformat.v4.new_code_cell(parameters_cell, metadata={"tags": ["parameters"]}))
    cells.append(nbformat.v4.new_code_cell(body))
    for number, cell in enumerate(cells):
        cell["id"] = f"cell-{number}"
    notebook = nbformat.v4.new_notebook(cells=cells)
    notebook.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3", "language": "python"}
    path.parent.mkdir(parents=True, exist_ok=True)
    nbformat.write(notebook, path)
    return path


def text_of(path):
    cells = nbformat.read(path, as_version=4).cells
    return "".join(o.get("text", "") for c in cells if c.cell_type == "code" for o in c.outputs)


def papermill(*arguments, cwd):
    command = [sys.executable, "-m", "papermill", *map(str, arguments)]
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True)
