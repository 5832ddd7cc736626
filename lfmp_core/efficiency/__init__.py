"""Time, memory, export."""

from .export import export_onnx
from .graph import graph_logits, graph_scorer, open_graph
from .timing import inference_rate, lapses, rate

__all__ = ["export_onnx", "graph_logits", "graph_scorer", "inference_rate", "lapses", "open_graph", "rate"]
