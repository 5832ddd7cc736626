"""The package's front door: what `from lfmp_core import …` finds, and how one's own code makes it."""

from importlib import import_module
from typing import Any

# name → module of lfmp_core, imported when the name is asked for
PLACES = {
    "BackboneSettings": "models",
    "Budget": "budget",
    "Clicks": "tasks",
    "CutPlan": "surgery",
    "Dataset": "data",
    "HardConcrete": "face.gates",
    "LfmpError": "errors",
    "Rows": "data",
    "TableConfig": "face.tables",
    "Trainer": "training",
    "TrainingSettings": "training",
    "compress_": "face.compress",
    "cut": "surgery",
    "evaluate": "training",
    "export_onnx": "efficiency",
    "get_method": "methods",
    "load_model": "models",
    "load_served": "serving.folder",
    "plan_fields": "surgery",
    "predict": "training",
    "quantise_": "face.quantise",
    "save_model": "models",
    "save_served": "serving.folder",
}


def find_name(name: str) -> Any:
    """What the package has under a name.

    Raises:
        AttributeError: nothing; a module that was not imported yet is found by Python after that.
    """
    package = __name__.partition(".")[0]
    if name in PLACES:
        return getattr(import_module(f"{package}.{PLACES[name]}"), name)
    # backbones and tables are named as classes are; a module's name must not cost the import of torch
    if name == "__all__" or name[:1].isupper():
        from .backbones import backbones
        from .tables import table_configs

        made = backbones() | table_configs()
        if name == "__all__":
            return sorted({*PLACES, *made})
        if name in made:
            return made[name]
    raise AttributeError(
        f"module {package!r} has no attribute {name!r}", name=name, obj=import_module(package)
    )
