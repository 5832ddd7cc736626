"""Tables as a site needs them: a caption that belongs to its table, a name column, the same numbers as CSV.

Notebooks store their tables without any of this, so that outputs stay what a run prints. Here each page's
tables are rewritten as the page is: the paragraph above becomes the caption, the column that says what a row
is about is marked (`lfmp-name-2`: the second) and stays in sight, and a CSV file is written to
`tables/PAGE/PAGE-NN.csv` and linked below. `_static/tables.js` adds what needs a browser: sorting, filtering,
choosing columns, copying; it writes CSV by the same rule.

A cell that is a mean over records leads to them: a notebook keeps their ids beside its output, the cell gets
their numbers on the page (`data-runs`), and `tables/PAGE/runs.js`, which is asked for when a cell is touched,
says of each what its certificate says. All records of a data set are in `records/SET.csv`.
"""

import csv
import io
import json
import re
from functools import cache
from pathlib import Path
from shutil import rmtree

from bs4 import BeautifulSoup, Tag
from docutils import nodes
from sphinx.writers.html5 import HTML5Translator

FOLDER, RECORDS = "tables", "records"
NAMES = 40  # letters of the longest text that still is a name and no sentence
LONG = 300  # letters of a text that needs a wide column
EMPTY = {"", "–"}
_NUMBER = r"[+\-−]?(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+)?(?:e[+-]?\d+)?"
# a mean with its spread, its interval and a remark: 0.7541 ± 0.0012 [0.75, 0.76] tied
_MEASURED = re.compile(
    rf"(?P<value>{_NUMBER})(?: ± (?P<spread>{_NUMBER}))?"
    rf"(?: \[(?P<low>{_NUMBER}), (?P<high>{_NUMBER})\])?(?: (?P<remark>[^\d\[\]±]+))?"
)
PARTS = {"value": "", "spread": " ±", "low": " low", "high": " high", "remark": " remark"}


def grid(table: Tag) -> tuple[list[str], list[list[str]]]:
    """A table's heads, one for each column with the groups above it, and the texts of its rows."""
    levels = []
    for row in table.select("thead tr"):
        cells = [(_text(c), int(str(c.get("colspan", 1)))) for c in row.find_all(["th", "td"])]
        levels.append([text for text, span in cells for _ in range(span)])
    heads = [" ".join(filter(None, parts)) for parts in zip(*levels, strict=True)]
    return heads, [[_text(c) for c in row.find_all("td")] for row in table.select("tbody tr")]


def _text(cell: Tag) -> str:
    """A cell's text on one line; where it breaks lines stands a semicolon."""
    pieces = ("; " if getattr(e, "name", None) == "br" else e for e in cell.descendants)
    return " ".join("".join(p for p in pieces if isinstance(p, str)).split())


def _plain(number: str) -> str:
    return number.replace(",", "").replace("−", "-")


def columns(head: str, cells: list[str]) -> dict[str, list[str]]:
    """A column as the columns of a CSV: what is measured is taken apart, other text stays as it is."""
    cells = ["" if c in EMPTY else c for c in cells]
    found = [_MEASURED.fullmatch(c) for c in cells]
    if not any(cells) or any(c and not m for c, m in zip(cells, found, strict=True)):
        return {head: cells}
    parts = {part: [m[part] or "" if m else "" for m in found] for part in PARTS}
    parts |= {p: [_plain(c) for c in parts[p]] for p in PARTS if p != "remark"}
    return {head + ending: parts[p] for p, ending in PARTS.items() if p == "value" or any(parts[p])}


def as_csv(heads: list[str], rows: list[list[str]]) -> str:
    """The table as CSV; two columns of one name stay two."""
    made = [pair for n, head in enumerate(heads) for pair in columns(head, [r[n] for r in rows]).items()]
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow([name for name, _ in made])
    writer.writerows(zip(*(cells for _, cells in made), strict=True))
    return out.getvalue()


def name_column(table: Tag, rows: list[list[str]]) -> int | None:
    """The column that tells rows apart: of names before the first figures, the one of most values."""
    numeric = [
        "num" in (head.get("class") or []) for head in table.select("thead tr")[-1].find_all(["th", "td"])
    ]
    before = numeric.index(True) if True in numeric else len(numeric)
    names = [n for n in range(before) if max((len(r[n]) for r in rows), default=0) <= NAMES]
    return max(names, key=lambda n: len({r[n] for r in rows}), default=None)


@cache
def committed(folder: Path) -> dict[str, Path]:
    """Files of the reference records by id."""
    return {path.stem: path for path in folder.glob("*/*.json")}


def certificate(record: dict) -> dict:
    """What a cell tells of one of its records."""
    own, spec = record["certificate"], record["spec"]
    return {
        "id": record["id"],
        "set": spec["dataset"]["name"],
        "seed": spec["seed"],
        "values": {k: round(v, 5) for k, v in record["metrics"].items() if k.startswith("test_")},
        "command": own["command"],
        "commit": own["commit"][:12],
        "on": f"{own['started'][:10]}, {own['hardware']['cpu']}",
    }


def flat(record: dict, under: str = "") -> dict:
    """A record as one row: nested names joined by points, lists as JSON."""
    row = {}
    for name, value in record.items():
        if isinstance(value, dict):
            row |= flat(value, f"{under}{name}.")
        else:
            row[under + name] = json.dumps(value) if isinstance(value, list) else value
    return row


def records_csv(paths: list[Path]) -> str:
    """Records as a table, without the histories and gates of `details`."""
    parts = ("id", "status", "spec", "metrics", "phases", "sizes", "certificate")
    rows = []
    for path in sorted(paths):
        record = json.loads(path.read_text())
        rows.append(flat({part: record[part] for part in parts if part in record}))
    heads = list(dict.fromkeys(name for row in rows for name in row))
    out = io.StringIO()
    writer = csv.DictWriter(out, heads, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue()


def outputs_runs(notebook: Path) -> dict[str, list]:
    """HTML of an output → for each of its tables the ids of its cells' records; empty of a page of prose."""
    if notebook.suffix != ".ipynb":
        return {}
    found = {}
    for cell in json.loads(notebook.read_text())["cells"]:
        for output in cell.get("outputs", ()):
            runs = output.get("metadata", {}).get("text/html", {}).get("lfmp_runs")
            if runs:
                found["".join(output["data"]["text/html"]).strip()] = runs
    return found


def mark_runs(box: Tag, cells: list, known: dict[str, int]) -> None:
    """Say in each cell which runs of the page it is of.

    Args:
        cells: [row, column, *ids] each.
        known: id → number on the page; those that are no records are left out.
    """
    rows = box.find("tbody").find_all("tr", recursive=False)
    for row, column, *ids in cells:
        numbers = [str(known[one]) for one in ids if one in known]
        if numbers:
            rows[row].find_all("td", recursive=False)[column]["data-runs"] = " ".join(numbers)


def dress(box: Tag, soup: BeautifulSoup, number: int, address: str, file: str) -> str:
    """Rewrite one table in place; returns its CSV."""
    table = box.find("table")
    heads, rows = grid(table)
    for head in table.select("thead th"):
        if not _text(head):  # a head of nothing is none
            head.name = "td"
            del head["scope"]
    column = name_column(table, rows)
    if column is not None:
        table["class"] = [*table["class"], f"lfmp-name-{column + 1}"]
    for row in table.select("tbody tr"):
        for n, cell in enumerate(row.find_all("td")):
            if max(len(r[n]) for r in rows) > LONG:
                cell["class"] = [*cell.get("class", []), "long"]
    box["id"] = f"lfmp-table-{number}"
    frame = table.parent
    frame["role"] = "group"
    frame["aria-label"] = "Table"
    if above := box.find("p", class_="lfmp-caption"):
        caption, words = soup.new_tag("caption"), soup.new_tag("span")
        words.string = _text(above)
        caption.append(words)
        table.insert(0, caption)
        above.decompose()
        frame["aria-label"] = words.string
    take = soup.new_tag("p", attrs={"class": "lfmp-take"})
    link = soup.new_tag("a", href=address, download=file, attrs={"class": "lfmp-csv"})
    link.string = "CSV"
    link["aria-label"] = f"CSV of {frame['aria-label']}"
    take.append(link)
    box.append(take)
    return as_csv(heads, rows)


def _rewrite(app, doctree, docname):
    if app.builder.format != "html":
        return
    page = docname.split("/")[-1]
    folder = Path(app.outdir) / FOLDER / page
    up = "../" * docname.count("/")
    rmtree(folder, ignore_errors=True)
    runs = outputs_runs(Path(app.env.doc2path(docname)))
    there = committed(Path(app.srcdir) / "book" / RECORDS)
    shown = dict.fromkeys(one for tables in runs.values() for cells in tables for c in cells for one in c[2:])
    known = {one: n for n, one in enumerate(one for one in shown if one in there)}
    number = 0
    for raw in doctree.findall(nodes.raw):
        if "html" not in raw.get("format", "").split() or 'class="lfmp-table"' not in raw.astext():
            continue
        soup = BeautifulSoup(raw.astext(), "html.parser")
        own = runs.get(raw.astext().strip(), [])
        boxes = soup.find_all("div", class_="lfmp-table")
        if len(own) != len(boxes):
            own = [[]] * len(boxes)
        # without rows there is a caption alone
        marked = [(box, cells) for box, cells in zip(boxes, own, strict=True) if box.find("table")]
        for box, cells in marked:
            mark_runs(box, cells, known)
        for box, _ in marked:
            number += 1
            file = f"{page}-{number:02}.csv"
            text = dress(box, soup, number, f"{up}{FOLDER}/{page}/{file}", file)
            folder.mkdir(parents=True, exist_ok=True)
            (folder / file).write_text(text)
        raw.children = [nodes.Text(str(soup))]
    if known:
        told = [certificate(json.loads(there[one].read_text())) for one in known]
        (folder / "runs.js").write_text(f"lfmpRuns({json.dumps(told, separators=(',', ':'))});\n")


def _write_records(app, exception):
    if exception is not None or app.builder.format != "html":
        return
    folder = Path(app.outdir) / RECORDS
    folder.mkdir(exist_ok=True)
    paths = list(committed(Path(app.srcdir) / "book" / RECORDS).values())
    for name in sorted({path.parent.name for path in paths}):
        (folder / f"{name}.csv").write_text(records_csv([p for p in paths if p.parent.name == name]))


def _visit_entry(self, node):
    """In tables of the prose, too, a head of nothing is none."""
    HTML5Translator.visit_entry(self, node)
    if isinstance(node.parent.parent, nodes.thead) and not node.astext().strip():
        self.body[-1] = self.body[-1].replace("<th", "<td")
        self.context[-1] = self.context[-1].replace("</th", "</td")


def setup(app):
    app.add_node(nodes.entry, override=True, html=(_visit_entry, HTML5Translator.depart_entry))
    app.connect("doctree-resolved", _rewrite)
    app.connect("build-finished", _write_records)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
