"""The formulas of the pages' scripts, asked in the JavaScript engine that comes with playwright."""

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

STATIC = Path(__file__).parents[1] / "_static"
_ASK = """
const fs = require("fs"), vm = require("vm");
const { files, calls } = JSON.parse(fs.readFileSync(0, "utf8"));
for (const file of files) vm.runInThisContext(fs.readFileSync(file, "utf8"), file);
console.log(JSON.stringify(calls.map(([kind, name, given]) => lfmp[kind].formulas[name](...given))));
"""


def asked(*calls: tuple[str, str, list[Any]], also: tuple[str, ...] = ()) -> list[Any]:
    """What formulas answer, (kind, name, arguments) each, all in one start of the engine.

    Args:
        also: kinds whose scripts are needed besides.
    """
    driver = pytest.importorskip("playwright._impl._driver", reason="without playwright: make install")
    kinds = dict.fromkeys((*also, *(kind for kind, _, _ in calls)))
    files = [STATIC / "touch.js", *(STATIC / f"knob-{kind}.js" for kind in kinds)]
    given = json.dumps({"files": [str(f) for f in files], "calls": calls})
    engine = str(driver.compute_driver_executable()[0])
    done = subprocess.run([engine, "-e", _ASK], input=given, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)
