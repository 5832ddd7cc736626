"""A folder that serves: a model with its graph, schema, vocabulary and card; raw rows scored by it."""

import json
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import torch
from scipy.special import expit

from ..data import Dataset, NewRows, Schema
from ..data.faults import writing
from ..data.leaks import leak_in_words, leaking
from ..data.raw_rows import RowEncoder, encoded_whole, values_by_field
from ..efficiency import export_onnx
from ..errors import DataError, LfmpError
from ..experiments.certificate import certify
from ..folders import fresh_folder
from ..models import Backbone, load_model, write_model
from ..ownership import FolderKind, restore
from ..training import predict
from .card import ModelCard, digest_of, stored_files
from .measure import graph_distance, latency, measured
from .readme import readme

FILES = ("model.json", "model.safetensors", "model.onnx", "schema.json", "vocabulary.json")
SERVED = FolderKind(
    "served model", "card.json", frozenset({"title", "digest"}), (*FILES, "card.json", "README.md")
)
_REMEDY = "Train or export the model again"


@dataclass(frozen=True)
class Scored:
    """Raw rows scored.

    Attributes:
        scores: probabilities of a click, float64 [N], in the rows' order.
        unseen: see `NewRows`.
    """

    scores: np.ndarray
    unseen: dict[str, int]


@dataclass(frozen=True)
class Served:
    """A model that takes raw rows; see `load_served`.

    Attributes:
        folder: where it lies.
        card: what it is.
        schema: of the data set that it learnt from.
        model: the model itself, which reads ids.
        encoder: raw rows to ids, of the columns that the model reads.
    """

    folder: Path
    card: ModelCard
    schema: Schema
    model: Backbone
    encoder: RowEncoder

    def encode(self, rows: Any) -> NewRows:
        """Raw rows to what the model reads; see `Dataset.encode`. Columns of fields that were cut are not
        needed.
        """
        return encoded_whole(self.encoder, rows)

    def score(self, encoded: NewRows) -> np.ndarray:
        """Probabilities, float64 [N]: σ of the logits."""
        return expit(predict(self.model, encoded.rows).astype(np.float64))

    def predict(self, rows: Any) -> Scored:
        """The probability of a click of each raw row.

        Args:
            rows: a DataFrame, an Arrow table, or the path of a CSV or Parquet file with a header.

        Raises:
            DataError: see `Dataset.encode`.
        """
        encoded = self.encode(rows)
        return Scored(self.score(encoded), encoded.unseen)


def save_served(
    model: Backbone,
    data: Dataset,
    folder: Path | str,
    *,
    replace: bool = False,
    made: Mapping[str, Any] | None = None,
    command: str = "lfmp_core.save_served",
    started: float | None = None,
    holds: Iterable[Path] = (),
) -> Served:
    """Write a trained model with all that turns raw rows into scores, whole or not at all.

    Written are the weights, the graph (ONNX, ids as int64), the schema, the vocabulary of the fields that the
    model reads, and a card, as JSON and for people. The model is measured on the way, and its graph held
    against it. Needs the extra `export`.

    Args:
        model: trained on `data`: masked, cut, pruned or rounded to few bits.
        data: a prepared data set.
        folder: a new or an empty one.
        replace: an older served model there may go.
        made: what the card says of the training: title, training, method, seed, phases.
        command: that made it. started: when (`time.time`). holds: files that must not lie in the folder.

    Raises:
        DataError: the folder holds something else, or the disk is full.
        LfmpError: the model is of another data set, can't be saved, or its graph gives other logits.

    Example:
        >>> import tempfile
        >>> from pathlib import Path
        >>> import pandas as pd
        >>> from lfmp_core import DeepFM, load_served, save_served
        >>> from lfmp_core.data import own_table, prepare
        >>> log = pd.DataFrame({"clicked": [0, 1] * 100, "colour": ["red", "blue"] * 100})
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     log.to_csv(Path(folder) / "log.csv", index=False)
        ...     source = own_table(Path(folder) / "log.csv", "clicked")
        ...     data = prepare(source, Path(folder) / "data", progress=False)
        ...     model = DeepFM(data.schema.field_sizes, embedding_dim=4, hidden=(8,), seed=0)
        ...     # … train it …
        ...     _ = save_served(model, data, Path(folder) / "served")
        ...     served = load_served(Path(folder) / "served")
        ...     done = served.predict(pd.DataFrame({"colour": ["blue", "green"]}))
        >>> done.scores.shape, done.unseen, served.card.columns
        ((2,), {'colour': 1}, ('colour',))
    """
    need_graphs()
    clock = time.perf_counter()
    began = time.time() if started is None else started
    check_fits(model, data.schema)
    read = model.columns.tolist()
    vocabulary = values_by_field(data.vocabulary(), data.schema)
    schema = data.schema.model_copy(update={"notices": (), "truth": None})
    encoder = RowEncoder(schema, vocabulary, read)
    said = dict(made or {})
    target = fresh_folder(folder, SERVED, replace=replace, holds=holds)
    with writing(Path(folder), "served model"), target as new, _as_served(model):
        write_model(model, new)
        export_onnx(model, new / "model.onnx", ids=torch.int64)
        schema.write(new / "schema.json")
        kept = {field.name: vocabulary[field.name].to_pylist() for field in encoder.fields}
        (new / "vocabulary.json").write_text(json.dumps(kept, ensure_ascii=False), encoding="utf-8")
        rows = next(own for own in map(data.split, ("val", "test", "train")) if len(own))
        files, scores = stored_files(new), measured(model, data)
        alone = leaking(data.split("train"), data.split("val"), schema.fields)
        leaks = {field.name: alone[field.name] for field in encoder.fields if field.name in alone}
        card = ModelCard(
            title=said.pop("title", model.settings.name),
            backbone=model.settings.model_dump(mode="json"),
            dataset=schema.name,
            fingerprint=schema.fingerprint,
            label=schema.reading.label if schema.reading else "",
            fields=schema.num_fields,
            kept_fields=tuple(field.name for field in encoder.fields),
            columns=tuple(encoder.columns),
            parameters=model.num_parameters(),
            embedding_parameters=model.num_embedding_parameters(),
            bytes=model.num_bytes(),
            scores=scores,
            leak=leak_in_words(schema, scores["val"].auc if "val" in scores else None, leaks),
            agreement=graph_distance(model, new / "model.onnx", rows),
            latency=latency(model, new / "model.onnx", rows),
            files=files,
            digest=digest_of(files),
            certificate=certify(
                command,
                started=datetime.fromtimestamp(began, UTC).isoformat(timespec="seconds"),
                seconds=time.time() - began if started else time.perf_counter() - clock,
                threads=torch.get_num_threads(),
            ),
            **said,
        )
        (new / "card.json").write_text(json.dumps(card.model_dump(mode="json"), indent=1) + "\n")
        (new / "README.md").write_text(readme(card, schema), encoding="utf-8")
    return load_served(folder)


@contextmanager
def _as_served(model: Backbone) -> Iterator[None]:
    """In the block the model is on the processor and learns nothing."""
    device, training = next(model.parameters()).device, model.training
    try:
        model.cpu().eval()
        yield
    finally:
        model.to(device).train(training)


def load_served(folder: Path | str) -> Served:
    """The served model in a folder, ready for raw rows. Its files are held against their digests.

    Raises:
        DataError: the folder holds no served model, or not as it was written.

    Example:
        See `save_served`, or `lfmp train`, for what makes one.

        >>> from lfmp_core import LfmpError, load_served
        >>> try:
        ...     load_served("nowhere")
        ... except LfmpError as error:
        ...     print(error)
        nowhere: no served model here. Train or export the model again
    """
    folder = Path(folder)
    restore(folder)
    path = folder / "card.json"
    try:
        card = ModelCard.model_validate(json.loads(path.read_bytes()))
    except (FileNotFoundError, NotADirectoryError):
        raise DataError("no served model here", file=folder, remedy=_REMEDY) from None
    except (OSError, ValueError, RecursionError, LfmpError) as error:
        problem = f"not the card of a served model ({str(error).splitlines()[0]})"
        raise DataError(problem, file=path, remedy=_REMEDY) from None
    found = stored_files(folder)
    for name in FILES:
        if found.get(name) != card.files.get(name) or name not in found:
            what = "is not as it was written" if name in found else "is missing"
            raise DataError(f"this file {what}", file=folder / name, remedy=_REMEDY)
    schema, model = Schema.read(folder / "schema.json"), load_model(folder).eval()
    kept = json.loads((folder / "vocabulary.json").read_text(encoding="utf-8"))
    vocabulary = {name: pa.array(values, pa.string()) for name, values in kept.items()}
    return Served(folder, card, schema, model, RowEncoder(schema, vocabulary, model.columns.tolist()))


def need_graphs() -> None:
    """Refuse where no graph can be written.

    Raises:
        LfmpError: the extra is not installed.
    """
    for package in ("onnx", "onnxruntime", "onnxscript"):
        if find_spec(package) is None:
            problem = f"a served folder holds a graph, which needs {package}"
            raise LfmpError(f"{problem}; install the extra: pip install 'lfmp-core[export]'")


def check_fits(model: Backbone, schema: Schema) -> None:
    """Refuse a model of another data set's rows.

    Raises:
        LfmpError: it reads rows of another width, or fields of other sizes.
    """
    read, sizes = model.columns.tolist(), schema.field_sizes
    scalars = tuple(j for j, f in enumerate(read) if f in schema.scalar_columns)
    whole = (model.row_width, model.value_width) == (schema.num_fields, len(schema.scalar_columns))
    if not whole or tuple(sizes[f] for f in read) != model.field_sizes or scalars != model.scalar_fields:
        raise LfmpError(
            f"this model reads rows of {model.row_width} fields that are not those of {schema.name} "
            f"({schema.num_fields} fields, {schema.num_ids:,} ids): name the data set that it learnt from"
        )
