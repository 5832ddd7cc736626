"""Models for other runtimes."""

import logging
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch

from ..files import atomic_write
from ..models import Backbone
from ..ownership import check_file

Program = Callable[..., torch.Tensor]


def export_onnx(model: Backbone, path: Path, *, ids: torch.dtype = torch.int32) -> Path:
    """Write a model as ONNX with a free batch size: ids [B, m] (and values [B, s]) → logits [B].

    The graph reads the data set's whole rows, like the model. It can't refuse as the model does: an id that
    its field does not have is read as that field's unseen value. Needs the extra `export`.

    Args:
        ids: type of the ids that the graph takes, and no other: int32, as data sets are stored, or int64.

    Raises:
        DataError: another kind of file is at `path`.

    Example:
        >>> import tempfile
        >>> from pathlib import Path
        >>> from lfmp_core import DeepFM, cut, export_onnx
        >>> model = cut(DeepFM([10, 20, 30], embedding_dim=4, hidden=(8,), seed=0), [0, 2])
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     export_onnx(model, Path(folder) / "model.onnx").name
        'model.onnx'
    """
    path = check_file(path, "exported model", _exported)  # before the seconds that it takes
    model.eval()
    inputs = _inputs(model, ids)
    with _quietly():
        program = torch.onnx.export(
            model,
            tuple(inputs.values()),
            dynamo=True,
            input_names=list(inputs),
            output_names=["logits"],
            dynamic_shapes=_free(inputs),
            verbose=False,
        )
    assert program is not None  # None comes from the exporter without dynamo
    atomic_write(path, program.model_proto.SerializeToString())
    return path


def exported_program(model: Backbone, *, ids: torch.dtype = torch.int32) -> Program:
    """A model as torch exports it: torch's own operations and none of this project's compiled loops.

    What `export_onnx` writes for another runtime, for torch itself; it can't refuse ids either.

    Args:
        ids: type of the ids that it takes, and no other.

    Returns:
        (ids [B, m], and values [B, s] where the model has scalar fields) → logits [B].
    """
    model.eval()
    inputs = _inputs(model, ids)
    with _quietly():
        program = torch.export.export(model, tuple(inputs.values()), dynamic_shapes=_free(inputs))
    return program.module()


def _inputs(model: Backbone, ids: torch.dtype) -> dict[str, torch.Tensor]:
    """Two rows of zeros, by the names of what a graph takes."""
    inputs = {"ids": torch.zeros(2, model.row_width, dtype=ids)}
    if model.scalar_fields:
        inputs["values"] = torch.zeros(2, model.value_width)
    return inputs


def _free(inputs: dict[str, torch.Tensor]) -> dict[str, dict[int, Any]]:
    """Shapes of inputs whose first axis may have any length."""
    return {name: {0: torch.export.Dim.DYNAMIC} for name in inputs}


@contextmanager
def _quietly() -> Iterator[None]:
    """Without what the exporter says of itself: libraries that it could use, its own deprecated calls."""
    log = logging.getLogger("torch.onnx")
    level = log.level
    log.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FutureWarning)
            yield
    finally:
        log.setLevel(level)


def _exported(path: Path) -> bool:
    """Whether a file is a graph from ids to logits."""
    import onnx
    from google.protobuf.message import DecodeError

    try:
        graph = onnx.load_model_from_string(path.read_bytes()).graph
    except DecodeError:
        return False
    return [i.name for i in graph.input][:1] == ["ids"] and [o.name for o in graph.output] == ["logits"]
