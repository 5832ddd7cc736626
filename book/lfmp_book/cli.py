"""Commands that the book adds to `lfmp`; what they need is imported when one is asked for."""

from pathlib import Path
from time import monotonic
from typing import Annotated, Any

import typer

from lfmp_core.bounds import cores, within
from lfmp_core.entry import FORWARD, say
from lfmp_core.experiments.cli import ItemName
from lfmp_core.metrics import AUC
from lfmp_core.serving.cli import OwnDelimiter, OwnDrop, OwnKind, OwnLabel, OwnPositive, OwnSplit, OwnTime


def register(app: typer.Typer) -> None:
    """Add them; named in the entry points of the installation."""
    app.command(context_settings=FORWARD, add_help_option=False)(notebook)
    app.command()(compare)
    app.command()(advise)


def notebook(context: typer.Context) -> None:
    """Run a notebook with parameters of your own."""
    from .executor import notebook_app

    notebook_app(args=context.args, prog_name="lfmp notebook")


def compare(item: ItemName) -> None:
    """Hold the reference records of ITEM against each other, and keep the result for its page."""
    from lfmp_core.experiments.items import get_item
    from lfmp_core.experiments.store import store_for
    from lfmp_core.folders import sweep

    from .evidence import results
    from .evidence.draws import draw, save_draws

    found, store = get_item(item), store_for("reference")
    grids = found.grids("reference")
    sweep(results.comparisons_path(item).parent)
    shared = results.of_one_training(grids, store)
    drawn = draw(results.finals(grids, store), store, progress=True, one_training=shared)
    rows = results.comparisons(grids, drawn, found.against)
    if found.keeps_draws:
        save_draws(results.draws_path(item), drawn)
    results.save_comparisons(item, rows)
    typer.echo(f"{len(rows)} comparisons written to {results.comparisons_path(item)}")


def advise(
    data: Annotated[
        str, typer.Argument(metavar="DATA", help="CSV or Parquet file, prepared folder, or a named set")
    ],
    label: OwnLabel = None,
    minutes: Annotated[
        float, typer.Option(callback=within("minutes"), help="of trying; no training begins that ends later")
    ] = 20.0,
    loss: Annotated[float, typer.Option(callback=within("loss"), help="of AUC that is allowed")] = AUC.margin,
    count: Annotated[
        str,
        typer.Option(help="to save: bytes | model bytes | training seconds | scoring seconds | columns"),
    ] = "bytes",
    parts: Annotated[
        str, typer.Option(help="tried, with commas: bits, dimensions, fields, tables, together; default all")
    ] = "",
    out: Annotated[
        Path | None, typer.Option(help="folder for the page and the model; default NAME-advice")
    ] = None,
    time: OwnTime = None,
    kind: OwnKind = None,
    drop: OwnDrop = None,
    positive: OwnPositive = None,
    delimiter: OwnDelimiter = None,
    split: OwnSplit = "random",
    workers: Annotated[
        int | None, typer.Option(callback=within("workers"), help="processes; default: one a core")
    ] = None,
) -> None:
    """What can go from a model on DATA, at what loss: a recommendation, its page, and the smaller model.

    All of it ends within the minutes, as far as runs that have ended tell how long others take. A file of
    one's own is prepared on the way; `lfmp data prepare` has more options for that. Started again, it goes on
    where it was, with what was trained already.
    """
    from lfmp_core.data.notices import lines
    from lfmp_core.errors import check_name
    from lfmp_core.serving.rows import open_rows

    from .advice.advise import LEAST_CLICKS, too_few
    from .advice.costs import COUNTS
    from .notebooks import NotebookFailed, answer_of, run_notebook

    began = monotonic()
    check_name(count, COUNTS, "count")
    own: dict[str, Any] = {"label": label, "time": time, "kind": kind, "drop": drop}
    own |= {"positive": positive, "delimiter": delimiter}
    dataset = open_rows(data, own, split)
    schema = dataset.schema
    for line in lines(schema.notices) if Path(data).is_file() else ():
        typer.echo(line)
    typer.echo(f"{schema.name}: {sum(schema.rows.values()):,} rows, {schema.num_fields} fields")
    if few := too_few(schema):
        what = "clicks" if few == schema.positives["test"] else "rows without a click"
        typer.echo(
            f"nothing is recommended, and nothing was trained: of {schema.rows['test']:,} test rows {few} "
            f"are {what}, where {LEAST_CLICKS} are needed to tell a loss from luck. Collect more rows, or "
            "prepare them with a larger share for tests: lfmp data prepare FILE … --shares 6,2,2"
        )
        return
    folder = out or Path(f"{Path(data).stem}-advice")
    folder.mkdir(parents=True, exist_ok=True)
    left = max(round(minutes - (monotonic() - began) / 60, 2), 0.01)
    given = {"dataset": str(dataset.folder), "minutes": left, "loss": loss, "count": count, "parts": parts}
    given |= {"model": str(folder / "model"), "workers": workers or cores()}
    try:
        page = run_notebook("your_data", folder / "your_data.ipynb", given)
    except NotebookFailed as error:
        raise typer.Exit(say(str(error), 1)) from None
    typer.echo(f"\n{answer_of(page)}\n")
    typer.echo(f"the page: {page}")
    if (folder / "model").is_dir():
        typer.echo(f"the model: {folder / 'model'}")
