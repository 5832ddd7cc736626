"""Models for other runtimes."""

from pathlib import Path

import torch

from ..models import Backbone
from ..settings import atomic_write


def export_onnx(model: Backbone, path: Path) -> Path:
    """Write a model as ONNX with a free batch size: ids [B, m] int32 (and values [B, s]) → logits [B].

    The graph reads the data set's whole rows, like the model. Needs the extra `export`.
    """
    model.eval()
    ids = torch.zeros(2, model.row_width, dtype=torch.int32)
    inputs: tuple = (ids,)
    names, shapes = ["ids"], {"ids": {0: torch.export.Dim.DYNAMIC}}
    if model.scalar_fields:
        inputs = (ids, torch.zeros(2, model.value_width))
        names, shapes = [*names, "values"], {**shapes, "values": {0: torch.export.Dim.DYNAMIC}}
    path = Path(path)
    program = torch.onnx.export(
        model,
        inputs,
        dynamo=True,
        input_names=names,
        output_names=["logits"],
        dynamic_shapes=shapes,
        verbose=False,
    )
    assert program is not None  # None comes from the exporter without dynamo
    atomic_write(path, program.model_proto.SerializeToString())
    return path
