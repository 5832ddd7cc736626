"""The card of a served model: what it is, what it keeps, how good, how fast, how it was made."""

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..experiments.certificate import Certificate
from ..experiments.stats import plus_minus
from ..settings import Settings, digest


class SplitScores(Settings):
    """Scores on one split.

    Attributes:
        auc_error: standard deviation of `auc` over resamples of the rows; of one training, so that the spread
            of seeds is not in it.
    """

    auc: float
    auc_error: float
    logloss: float
    rows: int
    clicks: int

    @property
    def told(self) -> str:
        """The AUC with its error, where resamples give one."""
        return f"{self.auc:.4f} {plus_minus(self.auc_error)}"


class Latency(Settings):
    """Of one thread, from ids in memory to logits; medians of the project's clock (`efficiency.rate`).

    Attributes:
        graph_row_us: microseconds of one row alone, by the graph.
        graph_rows_per_second, model_rows_per_second: in batches of `batch_size`, by the graph in onnxruntime
            and by the model in torch.
    """

    graph_row_us: float
    graph_rows_per_second: float
    model_rows_per_second: float
    batch_size: int


class StoredFile(Settings):
    """A file of the folder."""

    bytes: int
    sha256: str


class ModelCard(Settings):
    """What `card.json` holds.

    Attributes:
        title: of the model, in a line.
        backbone, training, method: their settings; `training` and `method` are empty of a model that was
            trained elsewhere and exported.
        seed: of the training.
        dataset, fingerprint: whose rows it learnt from.
        label: the column whose truth is predicted; empty of a public set.
        fields: m of the data set. kept_fields: those that the model reads, by name.
        columns: that raw rows need to have.
        parameters, embedding_parameters, bytes: of the model as served, with scales, indices and masks.
        scores: by split. leak: what is said of scores that are too good; empty where they are not.
        agreement: largest distance of the graph's logits from the model's, on rows of the validation split.
        phases: seconds of the training: PT choosing and pretraining, CT training.
        files: the others of the folder. digest: of all of them together.
    """

    title: str
    backbone: dict[str, Any]
    training: dict[str, Any] = {}
    method: dict[str, Any] = {}
    seed: int | None = None
    dataset: str
    fingerprint: str
    label: str
    fields: int
    kept_fields: tuple[str, ...]
    columns: tuple[str, ...]
    parameters: int
    embedding_parameters: int
    bytes: int
    scores: dict[str, SplitScores]
    leak: str = ""
    agreement: float
    latency: Latency
    phases: dict[str, float] = {}
    files: dict[str, StoredFile]
    digest: str
    certificate: Certificate


def stored_files(folder: Path) -> dict[str, StoredFile]:
    """Size and SHA-256 of all files in a folder."""
    found = {}
    for path in sorted(path for path in folder.iterdir() if path.is_file()):
        with open(path, "rb") as file:
            sha256 = hashlib.file_digest(file, "sha256").hexdigest()
        found[path.name] = StoredFile(bytes=path.stat().st_size, sha256=sha256)
    return found


def digest_of(files: Mapping[str, StoredFile]) -> str:
    """One digest of them all."""
    return digest({name: file.sha256 for name, file in files.items()}, 64)
