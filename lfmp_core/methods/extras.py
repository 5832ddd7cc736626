"""Libraries that only some methods need, or another engine, imported when they run."""

import importlib
from types import ModuleType

from ..errors import LfmpError

# what methods import when they run; a clock that should not count it imports it first
LIBRARIES = (
    "implicit.cpu.als",
    "sklearn.decomposition",
    "sklearn.ensemble",
    "sklearn.inspection",
    "sklearn.linear_model",
    "xgboost",
)
# name of the import → the package, and the extra that brings it
_BROUGHT = {
    "distributed": ("distributed", "dask"),
    "implicit": ("implicit", "controls"),
    "joblib": ("scikit-learn", "selection"),
    "sklearn": ("scikit-learn", "selection"),
    "xgboost": ("xgboost-cpu", "selection"),
}


def optional(module: str, asking: str = "this method") -> ModuleType:
    """Import a module that only an extra brings.

    Args:
        module: its name.
        asking: what needs it.

    Raises:
        LfmpError: it is not installed.
    """
    try:
        return importlib.import_module(module)
    except ImportError as error:
        package, extra = _BROUGHT[module.split(".")[0]]
        problem = f"{asking} needs {package}, which can't be imported ({error})"
        raise LfmpError(f"{problem}; install the extra: pip install 'lfmp-core[{extra}]'") from None
