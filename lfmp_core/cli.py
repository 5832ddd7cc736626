"""The command `lfmp`. Rooms are imported when one of their commands is asked for, so that help is instant."""

from collections.abc import Sequence

import typer

from .entry import Commands
from .experiments import cli as experiments

app = typer.Typer(
    name="lfmp",
    cls=Commands,
    help="What can be removed from a recommender, by which method, at what loss.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
app.command()(experiments.plan)
app.command()(experiments.run)
app.command()(experiments.status)
app.command()(experiments.numerics)
app.command()(experiments.doctor)

# A room with commands of its own gets everything behind its name, `--help` included.
FORWARD = {"allow_extra_args": True, "ignore_unknown_options": True, "help_option_names": []}


@app.command(context_settings=FORWARD, add_help_option=False)
def data(context: typer.Context) -> None:
    """List, prepare, describe and fetch data sets."""
    from .data.cli import app as room

    room(args=context.args, prog_name="lfmp data")


@app.command(context_settings=FORWARD, add_help_option=False)
def notebook(context: typer.Context) -> None:
    """Run a notebook with parameters of your own."""
    from .book import notebook_app

    notebook_app(args=context.args, prog_name="lfmp notebook")


@app.command()
def compare(item: experiments.ItemName) -> None:
    """Hold the reference records of ITEM against each other, and keep the result for its page."""
    from .experiments.items import get_item
    from .experiments.store import store_for
    from .folders import sweep
    from .report import results
    from .report.draws import draw, save_draws

    found, store = get_item(item), store_for("reference")
    grids = found.grids("reference")
    sweep(results.comparisons_path(item).parent)
    drawn = draw(results.finals(grids, store), store, progress=True)
    rows = results.comparisons(grids, drawn, found.against)
    if found.keeps_draws:
        save_draws(results.draws_path(item), drawn)
    results.save_comparisons(item, rows)
    typer.echo(f"{len(rows)} comparisons written to {results.comparisons_path(item)}")


def main(arguments: Sequence[str] | None = None) -> None:
    """Entry point. What this package refuses is one line on stderr and exit code 2, never a traceback."""
    app(args=None if arguments is None else list(arguments), prog_name="lfmp")


if __name__ == "__main__":
    main()
