"""The last cell of a page."""

from collections.abc import Mapping
from importlib.metadata import version
from platform import python_version
from typing import Any

import pandas as pd

from lfmp_core import __version__
from lfmp_core.experiments.certificate import hardware, source_state
from lfmp_core.experiments.own_data import prepared
from lfmp_core.settings import project_root

from .parameters import given, notebook_options, options
from .show.html import HtmlTable, table

SHOWN = ("torch", "numpy", "pandas", "numba")


def provenance(
    notebook: str, namespace: Mapping[str, Any], *, run: str | None = None, alone: bool = False
) -> HtmlTable:
    """What made this page: commands, data, commit, versions, hardware.

    Args:
        notebook: its name.
        namespace: its globals(), in which `parameters.check` left what was given.
        run: the command that makes the reference records.
        alone: the page is the one that `lfmp notebook` makes on one's own data.
    """
    commit, dirty = source_state(project_root())
    machine, values = hardware(), given(namespace)
    own = prepared(values["dataset"]) if values.get("dataset") else None
    rows = {
        "this page": f"lfmp notebook {notebook} -o out.ipynb{notebook_options(values)}"
        if alone
        else f"papermill notebooks/{notebook}.ipynb out.ipynb{options(values)}",
        "its data": f"{own.name}, fingerprint {own.fingerprint}" if own else None,
        "reference records": run,
        "source": f"lfmp_core {__version__}, commit {commit[:12]}{' with changes' if dirty else ''}",
        "versions": ", ".join([f"Python {python_version()}", *(f"{p} {version(p)}" for p in SHOWN)]),
        "hardware": f"{machine.cpu}, {machine.cores} cores, {machine.memory / 2**30:.0f} GiB",
    }
    data = pd.DataFrame([{"": key, "made by": value} for key, value in rows.items() if value])
    return table(data, caption="Provenance")
