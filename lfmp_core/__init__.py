"""What can be removed from a recommender, by which method, at what loss.

    from lfmp_core import DeepFM, TTRec, compress_, cut

What one's own code needs stands here, and comes from its module when it is first asked for: importing this
package imports nothing else. Every backbone and every table of the registries has its name here too.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .budget import Budget as Budget
    from .data import Dataset as Dataset
    from .data import Rows as Rows
    from .efficiency import export_onnx as export_onnx
    from .errors import LfmpError as LfmpError
    from .face.compress import compress_ as compress_
    from .face.gates import HardConcrete as HardConcrete
    from .face.quantise import quantise_ as quantise_
    from .face.tables import TableConfig as TableConfig
    from .methods import get_method as get_method
    from .models import BackboneSettings as BackboneSettings
    from .models import load_model as load_model
    from .models import save_model as save_model
    from .serving.folder import load_served as load_served
    from .serving.folder import save_served as save_served
    from .surgery import CutPlan as CutPlan
    from .surgery import cut as cut
    from .surgery import plan_fields as plan_fields
    from .tasks import Clicks as Clicks
    from .training import Trainer as Trainer
    from .training import TrainingSettings as TrainingSettings
    from .training import evaluate as evaluate
    from .training import predict as predict

__version__ = "0.1.0"


def __getattr__(name: str) -> Any:
    from .face import find_name

    return find_name(name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__getattr__("__all__")})
