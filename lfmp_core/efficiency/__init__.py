"""Time, memory, export."""

from .export import export_onnx, exported_program
from .graph import graph_logits, graph_scorer, open_graph
from .latency import latencies, percentiles
from .program import program_scorer
from .timing import inference_rate, lapses, rate

__all__ = [
    "export_onnx",
    "exported_program",
    "graph_logits",
    "graph_scorer",
    "inference_rate",
    "lapses",
    "latencies",
    "open_graph",
    "percentiles",
    "program_scorer",
    "rate",
]
