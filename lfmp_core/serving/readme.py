"""The README of a served folder: its card for people, and how it is used with and without this project."""

from ..data.reading import ReadingRules
from ..data.schema import Schema
from .card import ModelCard

_BUCKETS = {
    "ln_squared": "bucket = lambda v: math.floor(math.log(v) ** 2) if v > 2 else v",
    "log2": "bucket = lambda v: math.ceil(math.log2(v)) if v > 2 else v",
}
_LOG = "math.copysign(math.log1p(abs(float(t))), float(t))"
# what `data.canonical` does to the spellings that pandas gives the values of one column
_SPELT = r"""def text(t):
    t = re.sub(r"^(-?[0-9]+)\.0*$", r"\1", t.strip())
    t = t.lower() if t.lower() in ("true", "false") else t
    return "" if t in missing else t"""
# int takes 1_000 and +5 as well, which the readers refuse
_WHOLE = """def whole(t):
    if not re.fullmatch("-?[0-9]+", t):
        raise ValueError(f"{t!r} is no integer")
    return int(t)"""

_TEXT = """# {card.title}

{what}, learnt from `{card.dataset}`.

{table}
{leak}
It reads {columns}. Columns may stand in any order and beside others. A value that the training rows did \
not hold, or too rarely, is the field's unseen one.

## With this project

```bash
lfmp predict . rows.csv --out scores.parquet
```

```python
from lfmp_core import load_served

served = load_served(".")
print(served.predict("rows.csv").scores)
```

## With numpy and onnxruntime alone

```python
{code}
```

Run it in this folder. As by `lfmp predict`, blanks around a value go, `69.0` is `69`, `True` is `true`, and \
the texts of `missing` stand for no value. Times and numbers like `1e+05` are respelt there, and not \
here.{several} The graph takes ids as int64, any number of rows at a time; a wrong id is read as its field's \
unseen value.

## The files

| | |
|---|---|
| `model.safetensors`, `model.json` | the weights, and their shape; `lfmp_core.load_model` reads them |
| `model.onnx` | the same as a graph: {inputs} → `logits` [B] |
| `schema.json` | fields: names, kinds, first ids, sizes, means; of rules `settings.numeric` |
| `vocabulary.json` | values of the fields that are read, in the order of their ids, first + 1 and on |
| `card.json` | all of this card, with digests, versions and hardware |
"""


def readme(card: ModelCard, schema: Schema) -> str:
    """The text, as Markdown."""
    several = schema.reading.several if schema.reading else {}
    divided = " Columns of several values must be divided into fields before."
    inputs = f"`ids` [B, {card.fields}]"
    if _kinds(schema, set(card.kept_fields)) & {"scalar"}:
        inputs += f" and `values` [B, {len(schema.scalar_columns)}]"
    return _TEXT.format(
        card=card,
        what=f"The probability that {f'`{card.label}` is true' if card.label else 'there is a click'}",
        table=_table(card),
        leak=f"\n**{card.leak}**\n" if card.leak else "",
        columns=", ".join(f"`{name}`" for name in card.columns),
        code=bare_code(schema, set(card.kept_fields)),
        several=divided if several.keys() & set(card.kept_fields) else "",
        inputs=inputs,
    )


def _table(card: ModelCard) -> str:
    rows = [
        (f"AUC, {split} rows", f"{m.told} ({m.rows:,} rows, {m.clicks:,} clicks)")
        for split, m in card.scores.items()
    ]
    rows += [
        ("fields read", f"{len(card.kept_fields)} of {card.fields}"),
        ("parameters", f"{card.parameters:,}, of the tables {card.embedding_parameters:,}"),
        ("bytes", f"{card.bytes:,}"),
        ("one row", f"{card.latency.graph_row_us:,.0f} µs, by the graph on one thread"),
        ("many rows", f"{card.latency.graph_rows_per_second:,.0f} a second, in batches of "
                      f"{card.latency.batch_size:,}"),
        ("digest", f"`{card.digest[:16]}`"),
        ("made by", f"`{card.certificate.command}`"),
    ]  # fmt: skip
    return "\n".join(["| | |", "|---|---|", *(f"| {what} | {value} |" for what, value in rows)])


def _kinds(schema: Schema, kept: set[str]) -> set[str]:
    return {field.kind for field in schema.fields if field.name in kept}


def bare_code(schema: Schema, kept: set[str]) -> str:
    """Lines of Python that score `rows.csv` with numpy and onnxruntime, as this model needs them."""
    kinds = _kinds(schema, kept)
    key = "t"
    if "integer" in kinds:
        key = f'str(bucket(whole(t))) if f["kind"] == "integer" and t else {key}'
    if "scalar" in kinds:
        key = f'str(int(t != "")) if f["kind"] == "scalar" else {key}'
    lines = [
        "import csv, json, math, re",
        "import numpy as np, onnxruntime",
        'read = lambda name: json.load(open(name + ".json", encoding="utf-8"))',
        'schema, vocabulary = read("schema"), read("vocabulary")',
        "place = {name: {v: i for i, v in enumerate(vs, 1)} for name, vs in vocabulary.items()}",
    ]
    stored = 'schema["reading"]["missing"]' if schema.reading else list(ReadingRules().missing)
    lines += [f"missing = {stored}", _SPELT]
    lines += [_BUCKETS[schema.settings.numeric], _WHOLE] if "integer" in kinds else []
    lines += [
        f"key = lambda f, t: {key}",
        'local = lambda f, row: place[f["name"]].get(key(f, row[f["name"]]), 0) if f["name"] in place else 0',
        'lines = csv.DictReader(open("rows.csv", encoding="utf-8"))',
        "rows = [{name: text(t) for name, t in line.items()} for line in lines]",
        'feed = {"ids": np.array([[f["offset"] + local(f, row) for f in schema["fields"]] for row in rows])}',
    ]
    if "scalar" in kinds:
        lines += [
            'scalars = [f for f in schema["fields"] if f["kind"] == "scalar"]',
            f'scale = lambda f, t: ({_LOG} - f["mean"]) / f["std"] if t else 1',
            'values = [[scale(f, row.get(f["name"])) for f in scalars] for row in rows]',
            'feed["values"] = np.array(values, np.float32)',
        ]
    return "\n".join(
        [
            *lines,
            '(logits,) = onnxruntime.InferenceSession("model.onnx").run(None, feed)',
            "print(*1 / (1 + np.exp(-logits)))",
        ]
    )
