"""The committed pins: worked out again, held against each other, renewed where they no longer hold.

On the kind of processor that made a pin, and under the same versions, the bits must be the same. Elsewhere
the order of sums is another, and the numbers must agree within 1e-5, of products in bfloat16 within 2⁻⁸, its
own rounding.
"""

import json
import platform
import re
from collections.abc import Collection, Iterator, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import LfmpError, check_name
from ..files import atomic_write
from ..settings import canonical_json
from .executor import cpu_threads
from .stamp import PINS

# what the numbers are computed with
LIBRARIES = ("torch", "numpy", "numba", "scipy", "scikit-learn", "xgboost-cpu", "implicit")
BOUND, HALF_BOUND = 1e-5, 2.0**-8


@dataclass(frozen=True)
class PinResult:
    """What became of one pin.

    Attributes:
        state: "same" bits; "close", the numbers agree elsewhere; "changed"; "new", never pinned; "gone", of
            nothing that is registered; "absent", a library that it needs is not installed.
        pin: as the file keeps it; of a changed one the new one.
        why: in words, where it doesn't hold.
    """

    component: str
    state: str
    pin: Mapping[str, Any]
    why: str = ""

    @property
    def holds(self) -> bool:
        return self.state in ("same", "close", "absent")


def processor() -> str:
    """The kind of this machine's processor: model, family, and the vector units that torch uses.

    The model's name alone is one for several generations.
    """
    import torch

    known = {"model name": platform.processor() or platform.machine()}
    with suppress(OSError):
        text = Path("/proc/cpuinfo").read_text()
        pairs = re.findall(r"^(model name|cpu family|model)\s*:\s*(.+)$", text, re.MULTILINE)
        known |= dict(reversed(pairs))
    family = [
        f"{word} {known[key]}" for word, key in (("family", "cpu family"), ("model", "model")) if key in known
    ]
    return ", ".join([known["model name"].strip(), *family, torch.backends.cpu.get_cpu_capability()])


def versions() -> dict[str, str]:
    """Versions of the libraries that are installed here, of those that compute."""
    found = {}
    for name in LIBRARIES:
        with suppress(PackageNotFoundError):
            found[name] = version(name)
    return found


def kept() -> dict[str, dict[str, Any]]:
    """The committed pins by component: numbers, bits, and the processor and versions that made them."""
    if not PINS.exists():
        return {}
    whole = json.loads(PINS.read_text())
    return {name: {**pin, "made": whole["made"][pin["made"]]} for name, pin in whole["pins"].items()}


def problem(component: str, pinned: Mapping[str, Any], found: Mapping[str, Any]) -> str:
    """What parts a pin from what it was; empty where it holds."""
    if pinned["made"]["processor"] == found["made"]["processor"]:
        same = pinned["bits"] == found["bits"]
        return "" if same else f"its bits were {pinned['bits']} and are {found['bits']}"
    bound = HALF_BOUND if "bfloat16" in component else BOUND
    for name, numbers in pinned["numbers"].items():
        if not portable(component, name):
            continue
        before, now = np.array(numbers), np.array(found["numbers"].get(name, ()))
        if before.shape != now.shape:
            return f"{name} are {len(now)} numbers, and were {len(before)}"
        apart = float((np.abs(now - before) / (1 + np.abs(before))).max())
        if not apart <= bound:
            return f"{name} is off by {apart:.1e}, and may be by {bound:.0e} on another processor"
    return ""


def portable(component: str, numbers: str) -> bool:
    """Whether some numbers of a pin say something on another processor.

    Rounding in bfloat16 is seen in single logits. A bias before a batch norm has no gradient but its own
    rounding, of which Adam makes whole steps; the running mean lags behind them, so what is served feels it.
    Gates that choose among fields row by row choose otherwise where two of them are equal but for rounding.
    """
    if "bfloat16" in component or "regular" in component or component == "method:adafs:hard":
        return numbers in ("train_loss", "losses")
    # what a method says is rounded, and may round otherwise; two items of nearly one score may change places
    return numbers not in ("logits", "said", "val_ndcg20")


def examine_pins(components: Collection[str] = ()) -> Iterator[PinResult]:
    """Work out every pin, or some, and say whether it holds.

    Args:
        components: such as `table:dhe`, which stands for its ways too; all by default.

    Raises:
        UnknownName: of a component.
    """
    from .numerics import cases

    before, computed = kept(), dict(cases())
    known = {name for whole in (*before, *computed) for name in (whole, ":".join(whole.split(":")[:2]))}
    for name in components:
        check_name(name, known if name in known else {k for k in known if k.count(":") < 2}, "component")
    asked = tuple(f"{name}:" for name in components) if components else ("",)
    made = {"processor": processor(), "packages": versions()}
    with cpu_threads(1):
        for name, compute in computed.items():
            if not f"{name}:".startswith(asked):
                continue
            try:
                pin = asdict(compute()) | {"made": made}
            except LfmpError as error:
                if "install the extra" not in str(error):
                    raise
                yield PinResult(name, "absent", before.get(name, {}), str(error))
                continue
            pinned = before.get(name)
            if pinned is None:
                yield PinResult(name, "new", pin, "it has no pin")
                continue
            why = problem(name, pinned, pin)
            state = "changed" if why else "same" if pinned["bits"] == pin["bits"] else "close"
            yield PinResult(name, state, pin if why else pinned, why)
    for name in before if not components else ():
        if name not in computed:
            yield PinResult(name, "gone", before[name], "nothing of this name is registered")


def renew(findings: Collection[PinResult]) -> list[str]:
    """Write what was found into the committed file; components whose stamp is another one now.

    What holds stays as it is, wherever it was made.
    """
    pins = kept() | {f.component: dict(f.pin) for f in findings if f.pin}
    for finding in findings:
        if finding.state == "gone":
            del pins[finding.component]
    makers: list[Any] = []
    lines = []
    for name in sorted(pins):
        if pins[name]["made"] not in makers:
            makers.append(pins[name]["made"])
        pin = {**pins[name], "made": makers.index(pins[name]["made"])}
        lines.append(f"  {json.dumps(name)}: {canonical_json(pin)}")
    made = ",\n".join(f"  {canonical_json(maker)}" for maker in makers)
    atomic_write(PINS, f'{{\n "made": [\n{made}\n ],\n "pins": {{\n' + ",\n".join(lines) + "\n }\n}\n")
    return [f.component for f in findings if not f.holds]
