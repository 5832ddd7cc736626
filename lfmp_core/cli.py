"""The command `lfmp`. Rooms are imported when one of their commands is asked for, so that help is instant."""

from collections.abc import Sequence
from importlib.metadata import entry_points

import typer

from .entry import FORWARD, Commands
from .experiments import cli as experiments
from .serving import cli as serving

app = typer.Typer(
    name="lfmp",
    cls=Commands,
    help="What can be removed from a recommender, by which method, at what loss.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
app.command()(serving.train)
app.command()(serving.export)
app.command()(serving.predict)
app.command()(experiments.plan)
app.command()(experiments.run)
app.command()(experiments.status)
app.command()(experiments.numerics)
app.command()(experiments.doctor)


@app.command(context_settings=FORWARD, add_help_option=False)
def data(context: typer.Context) -> None:
    """List, prepare, describe and fetch data sets."""
    from .data.cli import app as room

    room(args=context.args, prog_name="lfmp data")


for _point in entry_points(group="lfmp.commands"):  # of packages that are installed beside this one
    _point.load()(app)


def main(arguments: Sequence[str] | None = None) -> None:
    """Entry point. What this package refuses is one line on stderr and exit code 2, never a traceback."""
    app(args=None if arguments is None else list(arguments), prog_name="lfmp")


if __name__ == "__main__":
    main()
