"""`lfmp data`: list the sets at hand, prepare one, describe a prepared one, fetch a public one."""

import json
from pathlib import Path
from typing import Annotated, Any, NoReturn

import numpy as np
import typer

from ..bounds import check_number, within
from ..entry import Commands
from ..errors import LfmpError, check_name, visible
from ..ownership import check_target
from ..settings import data_root
from .canonical import MISSING
from .dataset import PREPARED, Dataset
from .given import check_given
from .notices import lines as notice_lines
from .passes import BLOCK_BYTES
from .planted import PlantedSettings
from .planted_text import PLANTED, write_planted
from .prepared import prepare as run_prepare
from .schema import SPLITS, PrepareSettings
from .shown import console, fields_table, lined
from .sources import SOURCES, Source, get_source, own_table

app = typer.Typer(cls=Commands, help="Real, own and planted data.", no_args_is_help=True)


def _fail(text: str) -> NoReturn:
    raise LfmpError(text) from None


@app.command("list")
def list_sources() -> None:
    """Which sets are known, and which of their files lie below LFMP_DATA."""
    try:
        root: Path | None = data_root()
    except LfmpError as error:
        root = None
        typer.echo(str(error), err=True)
    table = lined(f"LFMP_DATA = {root}")
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
    source: Annotated[str, typer.Argument(help=f"one of {', '.join(SOURCES)}")],
    out: Annotated[Path, typer.Option(help="folder to write: a new or an empty one, or see --replace")],
    file: Annotated[Path | None, typer.Option(help="read this file instead of LFMP_DATA's")] = None,
    label: Annotated[
        str | None, typer.Option(help="csv: the column of 0 and 1, or of true and false")
    ] = None,
    positive: Annotated[
        list[str] | None, typer.Option(help="csv: a label that counts as a click, all others do not")
    ] = None,
    kind: Annotated[list[str] | None, typer.Option(help="csv: FIELD=categorical|integer|scalar")] = None,
    drop: Annotated[list[str] | None, typer.Option(help="csv: a column to leave out")] = None,
    time: Annotated[
        str | None, typer.Option(help="csv: the column that orders rows, of whole numbers or ISO dates")
    ] = None,
    missing: Annotated[
        list[str] | None, typer.Option(help=f"csv: a text for no value, besides {', '.join(MISSING)}")
    ] = None,
    not_missing: Annotated[
        list[str] | None, typer.Option(help="csv: one of these that is a value, such as NA for Namibia")
    ] = None,
    delimiter: Annotated[
        str | None, typer.Option(help="csv: between columns; default tab in .tsv, else a comma")
    ] = None,
    multi: Annotated[
        list[str] | None,
        typer.Option(help="csv: a column of several values a row, COLUMN=flags|flags:50|first"),
    ] = None,
    separator: Annotated[
        str | None, typer.Option(help="csv: between the several values of a text; default |")
    ] = None,
    train: Annotated[Path | None, typer.Option(help="csv: training rows, in place of --file")] = None,
    val: Annotated[Path | None, typer.Option(help="csv: validation rows, with --train")] = None,
    test: Annotated[Path | None, typer.Option(help="csv: test rows, with --train")] = None,
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
    split: Annotated[str, typer.Option(help="random | chronological | in_order")] = "random",
    shares: Annotated[str, typer.Option(help="train,val,test")] = "8,1,1",
    seed: Annotated[
        int, typer.Option(callback=within("seed"), help="of the random split and of planted data")
    ] = 0,
    genres: Annotated[str, typer.Option(help="MovieLens: each | combined")] = "each",
    avazu_hour: Annotated[str, typer.Option(help="Avazu: raw | parts")] = "raw",
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
    try:
        shares_read = check_number("share", tuple(int(part) for part in shares.split(",")))
    except ValueError:
        _fail(f"--shares {shares!r} is not like 8,1,1")
    settings = PrepareSettings.model_validate(
        dict(
            numeric=numeric,
            threshold=threshold,
            numeric_threshold=numeric_threshold,
            split=split,
            seed=seed,
            vocabulary_rows=vocabulary_rows,
            shares=shares_read,
            genres=genres,
            avazu_hour=avazu_hour,
        )
    )
    own: dict[str, Any] = {"kind": kind, "drop": drop, "time": time, "positive": positive}
    own |= {"missing": missing, "not-missing": not_missing, "delimiter": delimiter}
    own |= {"multi": multi, "separator": separator, "train": train, "val": val, "test": test}
    chosen = _source(source, file, label, own)
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
    for line in notice_lines(schema.notices):
        typer.echo(line)
    typer.echo(
        f"{out}: {sum(schema.rows.values()):,} rows "
        f"({', '.join(f'{s} {schema.rows[s]:,}' for s in SPLITS)}), "
        f"{schema.num_fields} fields, {schema.num_ids:,} ids, fingerprint {schema.fingerprint[:16]}"
    )


def _source(name: str, file: Path | None, label: str | None, own: dict[str, Any]) -> Source:
    """The source of that name; `own` are the options that go with a table of one's own."""
    source = get_source(name)
    if source.format != "table":
        for option, value in ({"label": label} | own).items():
            if value is not None and value != []:
                _fail(f"--{option} goes with source csv, {name} has a format of its own")
        return source.at(file) if file else source
    parts = {split: own.pop(split) for split in SPLITS}
    if any(parts.values()):
        if file is not None:
            _fail("--file goes without --train, --val and --test")
        file = check_given(parts)["train"]
    if file is None or label is None:
        _fail("source csv needs --file FILE and --label COLUMN; three files go by --train, --val and --test")
    kinds, multi = (
        _pairs("kind", own.pop("kind"), "price=scalar"),
        _pairs("multi", own.pop("multi"), "tags=flags"),
    )
    own["separator"] = "|" if own["separator"] is None else own["separator"]
    values = [check_name(text, MISSING, "missing marker") for text in own.pop("not-missing") or []]
    own["missing"] = [text for text in (*MISSING, *(own["missing"] or [])) if text not in values]
    own |= {option: own[option] or () for option in ("drop", "positive")}
    return own_table(file, label, kinds=kinds, multi=multi, val=parts["val"], test=parts["test"], **own)


def _pairs(option: str, given: list[str] | None, like: str) -> dict[str, str]:
    for pair in given or []:
        if "=" not in pair:
            _fail(f"--{option} {pair!r} is not like {like}")
    return dict(pair.rsplit("=", 1) for pair in given or [])


@app.command()
def describe(
    folder: Annotated[Path, typer.Argument(help="a prepared dataset")],
    as_json: Annotated[bool, typer.Option("--json", help="machine-readable")] = False,
) -> None:
    """Fields, sizes, thresholds, counts, and the share of unseen values per split."""
    dataset = Dataset.load(folder)
    report = describe_dataset(dataset)
    if as_json:
        typer.echo(json.dumps(report, indent=1))
        return
    out = console()
    out.print(
        f"{visible(report['name'])}: {report['num_fields']} fields, {report['num_ids']:,} ids, "
        f"fingerprint {report['fingerprint'][:16]}"
    )
    for split in SPLITS:
        rows = report["rows"][split]
        share = report["positives"][split] / rows if rows else 0
        out.print(f"  {split}: {rows:,} rows, {100 * share:.2f} % clicks")
    out.print(fields_table(report["fields"]))
    for line in notice_lines(dataset.schema.notices):
        typer.echo(visible(line))


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
def fetch(
    name: Annotated[str, typer.Argument(help="a public set, e.g. ml-20m")],
    into: Annotated[Path | None, typer.Option(help="data folder; default LFMP_DATA")] = None,
    sha256: Annotated[str | None, typer.Option(help="hash that the download must have")] = None,
) -> None:
    """Download a public set into the data folder, or say how to get it."""
    from .fetch import fetch as run_fetch

    for path in run_fetch(name, into or data_root(), sha256):
        typer.echo(path)
