"""Commands that the book adds to `lfmp`; what they need is imported when one is asked for."""

import typer

from lfmp_core.entry import FORWARD
from lfmp_core.experiments.cli import ItemName


def register(app: typer.Typer) -> None:
    """Add them; named in the entry points of the installation."""
    app.command(context_settings=FORWARD, add_help_option=False)(notebook)
    app.command()(compare)


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
    drawn = draw(results.finals(grids, store), store, progress=True)
    rows = results.comparisons(grids, drawn, found.against)
    if found.keeps_draws:
        save_draws(results.draws_path(item), drawn)
    results.save_comparisons(item, rows)
    typer.echo(f"{len(rows)} comparisons written to {results.comparisons_path(item)}")
