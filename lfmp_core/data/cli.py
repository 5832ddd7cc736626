"""`lfmp data`: list the sets at hand, prepare one, describe it, sample negatives, fetch a public one."""

import json
import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer

from ..bounds import check_number, within
from ..entry import Commands
from ..errors import LfmpError, visible
from ..ownership import check_target
from ..settings import data_root
from .asked import fail, named_source
from .canonical import MISSING
from .dataset import PREPARED, Dataset
from .interactions import InteractionData, InteractionSchema, InteractionSettings, prepare_interactions
from .interactions.dataset import PREPARED_INTERACTIONS
from .interactions.planted import PlantedInteractionSettings
from .interactions.shown import describe_interactions, splits_table
from .load import load_prepared
from .notices import lines as notice_lines
from .passes import BLOCK_BYTES
from .planted import PlantedSettings
from .planted_text import PLANTED, write_planted
from .prepared import prepare as run_prepare
from .schema import SPLITS, Schema
from .shown import MANY, console, fields_tables, lined
from .sources import SOURCES, Source

app = typer.Typer(cls=Commands, help="Real, own and planted data.", no_args_is_help=True)


# options of `prepare` that say how fields are read, or how many rows at a time
_OF_CLICKS = (
    "rows",
    "numeric",
    "threshold",
    "numeric_threshold",
    "vocabulary_rows",
    "genres",
    "avazu_hour",
    "threads",
    "block_mib",
)


@app.command("list")
def list_sources() -> None:
    """Which sets are known, and which of their files lie below LFMP_DATA."""
    try:
        root: Path | None = data_root()
    except LfmpError as error:
        root = None
        typer.echo(str(error), err=True)
    table = lined(f"LFMP_DATA = {root}" if root else "LFMP_DATA names no folder")
    for heading in ("source", "what it is, and its files", "there", "full rows"):
        table.add_column(heading, justify="right" if heading == "full rows" else "left", overflow="fold")
    for source in SOURCES.values():
        paths = [root / name for name in source.files] if root else []
        size = sum(path.stat().st_size for path in paths if path.exists())
        found = bool(paths) and all(path.exists() for path in paths)
        there = ("yes" if found else "no") if source.files else "-"
        table.add_row(
            source.name,
            "\n".join(filter(None, (source.title, *source.files, source.page))),
            f"{there}\n{size / 2**20:.1f} MiB" if size else there,
            f"{source.rows:,}" if source.rows else "",
        )
    console().print(table)


@app.command()
def prepare(
    context: typer.Context,
    source: Annotated[
        str,
        typer.Argument(help=f"one of {', '.join(SOURCES)}; or one's own file, as csv or interactions"),
    ],
    out: Annotated[Path, typer.Option(help="folder to write: a new or an empty one, or see --replace")],
    file: Annotated[Path | None, typer.Option(help="read this file instead of LFMP_DATA's")] = None,
    label: Annotated[
        str | None, typer.Option(help="csv: the column of 0 and 1, or of true and false")
    ] = None,
    user: Annotated[str | None, typer.Option(help="interactions: the column of users")] = None,
    item: Annotated[str | None, typer.Option(help="interactions: the column of items")] = None,
    positive: Annotated[
        list[str] | None, typer.Option(help="csv: a label that counts as a click, all others do not")
    ] = None,
    kind: Annotated[list[str] | None, typer.Option(help="csv: FIELD=categorical|integer|scalar")] = None,
    drop: Annotated[list[str] | None, typer.Option(help="csv: a column to leave out")] = None,
    time: Annotated[
        str | None,
        typer.Option(help="own files: the column that orders rows, of whole numbers or ISO dates"),
    ] = None,
    missing: Annotated[
        list[str] | None,
        typer.Option(help=f"own files: a text for no value, besides {', '.join(MISSING)}"),
    ] = None,
    not_missing: Annotated[
        list[str] | None,
        typer.Option(help="own files: one of these that is a value, such as NA for Namibia"),
    ] = None,
    delimiter: Annotated[
        str | None, typer.Option(help="own files: between columns; default tab in .tsv, else a comma")
    ] = None,
    multi: Annotated[
        list[str] | None,
        typer.Option(help="csv: a column of several values a row, COLUMN=flags|flags:50|first"),
    ] = None,
    separator: Annotated[
        str | None, typer.Option(help="csv: between the several values of a text; default |")
    ] = None,
    train: Annotated[Path | None, typer.Option(help="own files: training rows, in place of --file")] = None,
    val: Annotated[Path | None, typer.Option(help="own files: validation rows, with --train")] = None,
    test: Annotated[Path | None, typer.Option(help="own files: test rows, with --train")] = None,
    rows: Annotated[int, typer.Option(callback=within("rows"), help="planted: rows to generate")] = 20_000,
    numeric: Annotated[str, typer.Option(help="ln_squared | log2 | scalar")] = "ln_squared",
    threshold: Annotated[
        int | None,
        typer.Option(callback=within("threshold"), help="rarer values share one id; default per source"),
    ] = None,
    numeric_threshold: Annotated[
        int | None, typer.Option(callback=within("numeric_threshold"), help="the same for integer fields")
    ] = None,
    vocabulary_rows: Annotated[str, typer.Option(help="train | all")] = "train",
    split: Annotated[
        str,
        typer.Option(
            help="random | chronological | in_order; interactions: random (of each user) | chronological | "
            "last_out (of each user the latest)"
        ),
    ] = "random",
    shares: Annotated[
        str | None, typer.Option(help="train,val,test; default 8,1,1; interactions with a test file 9,1,0")
    ] = None,
    seed: Annotated[
        int, typer.Option(callback=within("seed"), help="of the random split and of planted data")
    ] = 0,
    genres: Annotated[str | None, typer.Option(help="MovieLens: each | combined; default each")] = None,
    avazu_hour: Annotated[str | None, typer.Option(help="Avazu: raw | parts; default raw")] = None,
    replace: Annotated[bool, typer.Option("--replace", help="an older data set at --out may go")] = False,
    threads: Annotated[
        int | None, typer.Option(callback=within("threads"), help="default: one a core")
    ] = None,
    block_mib: Annotated[
        float, typer.Option(callback=within("block_mib"), help="text read at a time")
    ] = BLOCK_BYTES / 2**20,
    quiet: Annotated[bool, typer.Option("--quiet", help="no progress bar")] = False,
) -> None:
    """Turn raw files into a dataset folder.

    What this program did not write is never replaced; an older data set stays until the new one is whole.
    """
    own: dict[str, Any] = {"label": label, "kind": kind, "drop": drop, "time": time, "positive": positive}
    own |= {"missing": missing, "not-missing": not_missing, "delimiter": delimiter}
    own |= {"multi": multi, "separator": separator, "train": train, "val": val, "test": test}
    chosen = named_source(source, file, own | {"user": user, "item": item})
    asked: dict[str, Any] = {"split": split, "seed": seed}
    asked |= {} if shares is None else {"shares": _shares(shares)}
    if chosen.holds == "interactions":
        _check_options(context, chosen.name)
        _interactions(chosen, out, InteractionSettings.model_validate(asked), replace)
        return
    options = {
        key: value for key, value in (("genres", genres), ("avazu_hour", avazu_hour)) if value is not None
    }
    for key in options:
        if key not in chosen.settings_type.model_fields:
            fail(f"--{key.replace('_', '-')} is no option of {source}")
    settings = chosen.settings_type.model_validate(
        asked
        | options
        | dict(
            numeric=numeric,
            threshold=threshold,
            numeric_threshold=numeric_threshold,
            vocabulary_rows=vocabulary_rows,
        )
    )
    check_target(out, PREPARED, replace=replace, holds=chosen.named(), called="--out")
    if chosen.format == "planted" and chosen.path is None:
        # beside the dataset, so that the text can be prepared again with other settings
        text = out.with_name(f"{out.name}-text")
        check_target(text, PLANTED, called="--out")
        chosen = chosen.at(write_planted(text, PlantedSettings(rows=rows, seed=seed), not quiet))
        typer.echo(f"wrote {text / 'train.txt'} and its truth.json")
    dataset = run_prepare(
        chosen,
        out,
        settings,
        not quiet,
        threads=threads,
        block_bytes=max(1, int(block_mib * 2**20)),
        replace=replace,
    )
    schema = dataset.schema
    _tell(
        out,
        schema,
        f"{sum(schema.rows.values()):,} rows ({_counts(schema.rows)}), {schema.num_fields} fields, "
        f"{schema.num_ids:,} ids",
    )


def _interactions(source: Source, out: Path, settings: InteractionSettings, replace: bool) -> None:
    check_target(out, PREPARED_INTERACTIONS, replace=replace, holds=source.named(), called="--out")
    planted = PlantedInteractionSettings(seed=settings.seed)
    schema = prepare_interactions(source, out, settings, planted=planted, replace=replace).schema
    total = f"{sum(schema.pairs.values()):,} pairs ({_counts(schema.pairs)})"
    _tell(out, schema, f"{total}, {schema.num_users:,} users, {schema.num_items:,} items")


def _tell(out: Path, schema: Schema | InteractionSchema, what: str) -> None:
    for line in notice_lines(schema.notices):
        typer.echo(line)
    typer.echo(f"{out}: {what}, fingerprint {schema.fingerprint[:16]}")


def _counts(rows: Mapping[str, int]) -> str:
    return ", ".join(f"{split} {rows[split]:,}" for split in SPLITS)


def _shares(text: str) -> tuple[int, ...]:
    try:
        train, val, test = (int(part) for part in text.split(","))
    except ValueError:
        fail(f"--shares {text!r} is not like 8,1,1: three whole numbers, of train, val and test")
    return check_number("share", (train, val, test))


def _check_options(context: typer.Context, name: str) -> None:
    """Refuse what is said of fields and labels where there are none."""
    for option in _OF_CLICKS:
        source = context.get_parameter_source(option)
        if source is not None and source.name == "COMMANDLINE":
            fail(f"--{option.replace('_', '-')} goes with clicks, {name} holds interactions")


@app.command()
def describe(
    folder: Annotated[Path, typer.Argument(help="a prepared dataset")],
    as_json: Annotated[bool, typer.Option("--json", help="machine-readable")] = False,
) -> None:
    """Fields, sizes, thresholds, counts, and the share of unseen values per split; or users, items, pairs."""
    dataset = load_prepared(folder)
    if isinstance(dataset, InteractionData):
        report = describe_interactions(dataset)
    else:
        report = describe_dataset(dataset)
    if as_json:
        typer.echo(json.dumps(report, indent=1))
        return
    if isinstance(dataset, InteractionData):
        _show_interactions(report)
    else:
        _show_fields(report)
    for line in notice_lines(dataset.schema.notices):
        typer.echo(visible(line))


def _show_interactions(report: dict[str, Any]) -> None:
    out = console()
    pairs = f"{sum(report['pairs'].values()):,} pairs ({100 * report['density']:.3g} % of all)"
    out.print(
        f"{visible(report['name'])}: {report['num_users']:,} users, {report['num_items']:,} items, {pairs}, "
        f"fingerprint {report['fingerprint'][:16]}"
    )
    out.print(splits_table(report))
    means = (f"{split} {report['popularity'][split]['mean']:,.1f}" for split in SPLITS)
    out.print(f"Training pairs of a pair's item, in the mean: {', '.join(means)}")


def _show_fields(report: dict[str, Any]) -> None:
    out = console()
    out.print(
        f"{visible(report['name'])}: {report['num_fields']} fields, {report['num_ids']:,} ids, "
        f"fingerprint {report['fingerprint'][:16]}"
    )
    for split in SPLITS:
        rows = report["rows"][split]
        share = report["positives"][split] / rows if rows else 0
        out.print(f"  {split}: {rows:,} rows, {100 * share:.2f} % clicks")
    for table in fields_tables(report["fields"], out.width):
        out.print(table)
    if report["num_fields"] > MANY:
        out.print("Distinct and kept values, and the other splits: --json")


def describe_dataset(dataset: Dataset) -> dict[str, Any]:
    """The schema with, per field and split, the share of rows that carry the unseen-value id, and the number
    of rows that carry the commonest value."""
    schema = dataset.schema
    offsets = np.array([field.offset for field in schema.fields], np.int32)
    unseen, top = {}, {}
    for split in SPLITS:
        rows = dataset.split(split)
        counts = np.zeros((2, len(offsets)), np.int64)
        for start in range(0, len(rows), 65536):
            # values are numbered by falling count, so the commonest comes right after the unseen-value id
            local = rows.ids[start : start + 65536] - offsets
            counts += np.stack([(local == 0).sum(axis=0), (local == 1).sum(axis=0)])
        unseen[split], top[split] = counts[0] / max(len(rows), 1), counts[1]
    report = schema.model_dump(mode="json")
    report |= {"num_fields": schema.num_fields, "num_ids": schema.num_ids}
    for number, field in enumerate(report["fields"]):
        field["unseen"] = {split: round(float(unseen[split][number]), 6) for split in SPLITS}
        field["top"] = {split: int(top[split][number]) for split in SPLITS}
    return report


@app.command()
def negatives(
    log: Annotated[Path, typer.Argument(metavar="LOG", help="CSV or Parquet file of what was taken")],
    item: Annotated[str, typer.Option(help="column of what was taken")],
    out: Annotated[Path, typer.Option(help="file to write, .csv or .parquet")],
    user: Annotated[
        str | None, typer.Option(help="column of who took it: nobody's own items are drawn")
    ] = None,
    time: Annotated[
        str | None, typer.Option(help="column of times: items are drawn from rows near in time")
    ] = None,
    of_item: Annotated[
        list[str] | None, typer.Option(help="a column that belongs to the item, such as its price")
    ] = None,
    per: Annotated[int, typer.Option(callback=within("per"), help="negatives of each row")] = 4,
    near: Annotated[int, typer.Option(callback=within("near"), help="with --time: of so many rows")] = 10_000,
    delimiter: Annotated[str | None, typer.Option(help="between columns; default as of prepare")] = None,
    seed: Annotated[int, typer.Option(callback=within("seed"), help="of the draws")] = 0,
) -> None:
    """Add rows that were not taken to a log that has none, so that clicks can be learnt from it.

    Each row gets `clicked` 1, and is followed by others with 0 and an item of another row, which is drawn as
    often as it is taken. AUC then says how well taken items are told from drawn ones, not from seen ones.
    """
    from .negatives import CLICKED, write_negatives

    how: dict[str, Any] = {"user": user, "time": time, "of_item": of_item or (), "delimiter": delimiter}
    taken, drawn = write_negatives(log, out, item, per=per, near=near, seed=seed, **how)
    typer.echo(f"{out}: {taken:,} rows with {CLICKED} 1, {drawn:,} drawn with 0")
    # whole numbers that name things would be guessed to be amounts
    kinds = [word for name in (user, item) if name for word in ("--kind", f"{name}=categorical")]
    order = ["--split", "chronological", "--time", time] if time else []
    words = ["lfmp", "data", "prepare", str(out), "--label", CLICKED, *kinds, *order, "--out", "FOLDER"]
    typer.echo(f"next: {shlex.join(words)}")


@app.command()
def fetch(
    name: Annotated[str, typer.Argument(help="a public set, e.g. ml-20m")],
    into: Annotated[Path | None, typer.Option(help="data folder; default LFMP_DATA")] = None,
    sha256: Annotated[str | None, typer.Option(help="hash that the download must have")] = None,
) -> None:
    """Download a public set into the data folder, or say how to get it."""
    from .fetch import fetch as run_fetch

    for path in run_fetch(name, into or data_root(), sha256):
        typer.echo(path)
