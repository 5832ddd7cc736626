"""Commands about models that serve: train, export, predict."""

import shlex
import sys
from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ..bounds import within
from ..data.canonical import MISSING
from ..errors import LfmpError

if TYPE_CHECKING:
    from .folder import Served

Out = Annotated[Path, typer.Option(help="folder to write: a new or an empty one, or see --replace")]
Replace = Annotated[bool, typer.Option("--replace", help="an older served model at --out may go")]
Quiet = Annotated[bool, typer.Option("--quiet", help="no progress bar")]
# of a file of one's own that is prepared on the way
OwnLabel = Annotated[str | None, typer.Option(help="own file: the column of 0 and 1")]
OwnTime = Annotated[str | None, typer.Option(help="own file: the column that orders rows")]
OwnKind = Annotated[list[str] | None, typer.Option(help="own file: FIELD=categorical|integer|scalar")]
OwnDrop = Annotated[list[str] | None, typer.Option(help="own file: a column to leave out")]
OwnPositive = Annotated[list[str] | None, typer.Option(help="own file: a label that counts as a click")]
OwnDelimiter = Annotated[str | None, typer.Option(help="own file: between columns")]
OwnSplit = Annotated[str, typer.Option(help="own file: random | chronological | in_order")]


def train(
    data: Annotated[
        str, typer.Argument(metavar="DATA", help="prepared folder, CSV or Parquet file, or a named set")
    ],
    out: Out,
    settings: Annotated[
        Path | None,
        typer.Option(help="TOML or JSON file: backbone, method, budget, table, quantise, training"),
    ] = None,
    backbone: Annotated[str | None, typer.Option(help="deepfm by default")] = None,
    embedding_dim: Annotated[
        int | None, typer.Option(callback=within("embedding_dim"), help="length of a vector")
    ] = None,
    method: Annotated[str | None, typer.Option(help="what removes; no_selection by default")] = None,
    prune_ratio: Annotated[
        float | None, typer.Option(callback=within("prune_ratio"), help="share of fields to remove")
    ] = None,
    sparsity: Annotated[
        float | None, typer.Option(callback=within("sparsity"), help="share of embedding numbers to remove")
    ] = None,
    table: Annotated[str | None, typer.Option(help="another form of table, with --sparsity")] = None,
    bits: Annotated[int | None, typer.Option(help="8, 4 or 2 a number, after training")] = None,
    epochs: Annotated[int | None, typer.Option(min=1, help="most passes over the training rows")] = None,
    batch_size: Annotated[int | None, typer.Option(callback=within("batch_size"))] = None,
    learning_rate: Annotated[float | None, typer.Option(callback=within("learning_rate"))] = None,
    seed: Annotated[int | None, typer.Option(callback=within("seed"), help="of everything random")] = None,
    assign: Annotated[
        list[str] | None, typer.Option("--set", help="any other setting: backbone.hidden=[64,32]")
    ] = None,
    label: OwnLabel = None,
    time: OwnTime = None,
    kind: OwnKind = None,
    drop: OwnDrop = None,
    positive: OwnPositive = None,
    missing: Annotated[
        list[str] | None, typer.Option(help=f"own file: a text for no value, besides {', '.join(MISSING)}")
    ] = None,
    delimiter: OwnDelimiter = None,
    multi: Annotated[
        list[str] | None, typer.Option(help="own file: a column of several values, COLUMN=flags|first")
    ] = None,
    separator: Annotated[str | None, typer.Option(help="own file: between several values; default |")] = None,
    split: OwnSplit = "random",
    shard_from: Annotated[
        int, typer.Option(min=1, help="by torchrun: tables of so many ids lie in shards")
    ] = 1 << 20,
    replace: Replace = False,
    quiet: Quiet = False,
) -> None:
    """Train a model on DATA and write one folder that scores raw rows.

    By `torchrun --nproc-per-node 2 --no-python lfmp train ...` several processes train it together.

    Flags count before the settings file. A file of one's own is prepared on the way, with kinds guessed from
    its rows; `lfmp data prepare` has more options for that.
    """
    from ..data.notices import lines
    from ..ownership import check_target
    from ..training.processes import launched
    from .folder import SERVED, need_graphs
    from .recipe import assigned, merged, read_settings
    from .rows import open_rows
    from .train import train_served

    sizes: dict[str, Any] = {"embedding_dim": embedding_dim, "name": backbone}
    if prune_ratio is not None and sparsity is not None:
        raise LfmpError(
            "--prune-ratio removes fields and --sparsity numbers: one of them is asked for at a time"
        )
    fields, numbers = {"share": prune_ratio, "of": "fields"}, {"share": sparsity, "of": "numbers"}
    budget: dict[str, Any] = fields if prune_ratio is not None else numbers if sparsity is not None else {}
    protocol: dict[str, Any] = {"epochs": epochs, "batch_size": batch_size, "learning_rate": learning_rate}
    flags = {"backbone": sizes, "method": {"name": method}, "budget": budget, "table": {"name": table}}
    flags |= {"quantise": {"bits": bits}, "training": protocol}
    given: dict[str, Any] = {part: _given(values) for part, values in flags.items() if _given(values)}
    given |= {} if seed is None else {"seed": seed}
    recipe = merged(read_settings(settings) if settings else {}, given, assigned(assign or []))
    need_graphs()
    recipe.planned(rows=1)  # all names are looked at before anything is read
    holds = [path for path in (Path(data), settings) if path is not None and path.is_file()]
    check_target(out, SERVED, replace=replace, holds=holds, called="--out")
    own = {"label": label, "time": time, "kind": kind, "drop": drop, "positive": positive}
    own |= {"missing": missing, "delimiter": delimiter, "multi": multi, "separator": separator}
    with launched(shard_from) as processes:
        speaks = processes is None or processes.rank == 0
        tell, quiet = (typer.echo if speaks else lambda line: None), quiet or not speaks
        with processes.first() if processes else nullcontext():  # which prepares rows for all
            dataset = open_rows(data, own, split, not quiet)
        schema = dataset.schema
        plan = recipe.planned(schema.rows["train"])
        for line in lines(schema.notices) if Path(data).is_file() else ():  # else they were said before
            tell(line)
        tell(
            f"{schema.name}: {schema.rows['train']:,} rows to learn from, {schema.num_fields} fields, "
            f"{schema.num_ids:,} ids"
        )
        tell(
            f"training {plan.title}: D = {plan.backbone.embedding_dim}, "
            f"batches of {plan.training.batch_size:,}, at most {plan.training.epochs} epochs, "
            f"seed {plan.seed}{f', {processes.count} processes' if processes else ''}"
        )
        served = train_served(
            dataset,
            out,
            recipe,
            replace=replace,
            progress=not quiet,
            command=_command(),
            holds=holds,
            processes=processes,
        )
        if served is not None:
            _tell(served)


def export(
    model: Annotated[Path, typer.Argument(metavar="MODEL", help="folder of save_model, or a served one")],
    data: Annotated[str, typer.Argument(metavar="DATA", help="the prepared folder that it learnt from")],
    out: Out,
    replace: Replace = False,
) -> None:
    """Write a saved model as a folder that scores raw rows."""
    from ..models import load_model
    from ..ownership import check_target
    from .folder import SERVED, save_served
    from .rows import open_rows

    check_target(out, SERVED, replace=replace, called="--out")
    loaded = load_model(model)
    dataset = open_rows(data, {}, progress=False)
    _tell(save_served(loaded, dataset, out, replace=replace, command=_command(), holds=[model]))


def predict(
    model: Annotated[Path, typer.Argument(metavar="MODEL", help="a served folder")],
    rows: Annotated[Path, typer.Argument(metavar="ROWS", help="CSV or Parquet file with a header")],
    out: Annotated[Path, typer.Option(help="file to write, .parquet or .csv")],
    keep: Annotated[list[str] | None, typer.Option(help="a column of ROWS to hand on")] = None,
    delimiter: Annotated[str | None, typer.Option(help="between columns of a text")] = None,
    quiet: Quiet = False,
) -> None:
    """Score the raw rows of a file: the columns to keep, and the probability of a click."""
    from .folder import load_served
    from .scores import check_out, score_file

    check_out(rows, out, keep or [])
    served = load_served(model)
    count, unseen = score_file(served, rows, out, keep=keep or [], delimiter=delimiter, progress=not quiet)
    typer.echo(f"{out}: {count:,} rows scored by {served.card.title}")
    for line in _unseen(unseen, count):
        typer.echo(line)


_SHOWN = 12


def _unseen(unseen: dict[str, int], rows: int) -> Iterator[str]:
    """Fields by how many rows have a value that training did not hold, the most first."""
    found = sorted(((count, name) for name, count in unseen.items() if count), reverse=True)
    if not found:
        yield "no value was unseen in training"
        return
    shown = ", ".join(f"{name} {count:,} ({100 * count / rows:.3g} %)" for count, name in found[:_SHOWN])
    more = f" and {len(found) - _SHOWN} more fields" if len(found) > _SHOWN else ""
    yield f"rows with a value unseen in training, or too rare: {shown}{more}"


def _tell(served: "Served") -> None:
    card = served.card
    for split, m in card.scores.items():
        typer.echo(f"AUC on {m.rows:,} {split} rows: {m.told}")
    if card.leak:
        typer.echo(f"warning: {card.leak}")
    kept = f"{len(card.kept_fields)} of {card.fields} fields"
    if len(card.kept_fields) < card.fields:
        kept += f" ({', '.join(card.kept_fields)})"
    typer.echo(f"it reads {kept}")
    latency = card.latency
    typer.echo(
        f"{served.folder}: {card.bytes:,} bytes of numbers, one row in {latency.graph_row_us:,.0f} µs, "
        f"{latency.graph_rows_per_second:,.0f} rows a second by the graph on one thread"
    )


def _given(values: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in values.items() if value is not None}


def _command() -> str:
    return shlex.join(["lfmp", *sys.argv[1:]])
