"""Time, memory, export."""

from .export import export_onnx
from .timing import inference_rate, rate

__all__ = ["export_onnx", "inference_rate", "rate"]
