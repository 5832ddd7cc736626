"""The numerics stamp of a run: which components it uses, and what each of them computed when it was pinned.

A component is a backbone, a table, a method or the training, in one of the ways that compute apart: a change
of DHE's loops must not make a run without DHE stale. `numerics` works the pins out; here they are only read.
"""

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .record import Record
    from .spec import RunSpec

PINS = Path(__file__).with_name("numerics.json")
UNPINNED = "unpinned"  # of what somebody registered outside this package
UNSTAMPED = "no stamp"  # stands for the component of a record that carries none

# methods whose choice of fields trains nothing: what trains can't make their choices stale
UNTRAINED = ("gbdt", "lasso", "pca", "permutation", "random_fields", "random_forest", "xgboost")
# methods of a single phase; all others search before they train, and what they saw on the way is pinned apart
SINGLE_PHASE = (
    *UNTRAINED,
    "dsl",
    "ials",
    "magprune",
    "no_selection",
    "popularity",
    "quantise",
    "smaller_dense",
    "table",
)
# recommenders: what a method computes on their pairs is pinned apart from what it computes on clicks
OF_PAIRS = ("lightgcn", "mf", "neumf")
# data sets of so many fields that xDeepFM's loops work on short chunks; elsewhere they may work on long ones
MANY_FIELDS = ("criteo", "avazu", "planted")
# settings that open another way through a method, by component beside the method's own
VARIANTS: dict[str, dict[str, dict[str, Any]]] = {
    "light_fmp": {
        "as printed": {"mask": {"parametrisation": "alpha", "constraint": "as_printed"}, "fold": False},
        "afresh": {"keep_weights": False},
        "all rows": {"continue_on": "all"},
        "moments": {"optimizer_state": "carried"},
        "coverage": {"subset": "coverage"},
        "coreset": {"subset": "coreset"},
        "tolerance": {"tolerance": 1e-3},
        "first order": {"mask": {"gate_linear": True}},
    },
    "adafs": {"hard": {"mode": "hard"}},
}
# tables that a method makes itself, to find what stays or to serve it
TABLES_OF: dict[str, tuple[str, ...]] = {
    "cerp": ("masked", "pair", "soft_threshold", "sparse"),
    "deeplight": ("masked", "sparse"),
    "dsl": ("masked", "sparse"),
    "magprune": ("sparse",),
    "optembed": ("masked", "masked:widths", "ragged"),
    "optembed_budget": ("masked", "masked:widths", "ragged"),
    "optembed_d": ("masked", "masked:widths", "ragged"),
    "optfs": ("masked", "ragged"),
    "pep": ("masked", "soft_threshold", "sparse"),
    "quantise": ("quantised",),
    "sseds": ("field_columns", "masked"),
}


def goes(settings: Mapping[str, Any], way: Mapping[str, Any]) -> bool:
    """Whether some settings open a way: the same words and switches; of a number, that there is one."""
    for key, value in way.items():
        own = settings.get(key)
        if isinstance(value, Mapping):
            same = isinstance(own, Mapping) and goes(own, value)
        elif isinstance(value, bool | str):
            same = own == value
        else:
            same = own is not None
        if not same:
            return False
    return True


def components(spec: "RunSpec") -> tuple[str, ...]:
    """Names of what decides the numbers of a run.

    backbone:NAME, table:NAME, method:NAME, search:NAME, choice:NAME and training, each with the ways that it
    goes, such as `backbone:dcn_mix:regular:bfloat16`. `regular` means batch norm or dropout, `pairs` that it
    is of a recommender.
    """
    settings, backbone, training = spec.method_settings, spec.backbone, spec.training
    method = spec.method
    trained: tuple[str, ...] = ()
    if method == "quantise":
        inner = {"method": settings.get("method", "no_selection")}
        inner["method_settings"] = settings.get("method_settings", {})
        trained = components(spec.model_copy(update=inner))
    if spec.role == "choice" and method in UNTRAINED:
        return (f"choice:{method}",)
    half = ":bfloat16" if training.get("precision") == "bfloat16" else ""
    if backbone["name"] in OF_PAIRS:
        half = ":pairs" + half
    names = ["training" + half]
    ways = ["", *(f":{way}" for way, own in VARIANTS.get(method, {}).items() if goes(settings, own))]
    parts = ("method",) if method in SINGLE_PHASE else ("method", "search")
    names += [f"{part}:{method}{way}{half}" for way in ways for part in parts]
    names += ["training:lazy" + half] if training.get("optimizer") == "lazy" else []
    names += ["training:either" + half] if training.get("progress") == "either" else []
    names += [f"table:{name}" for name in TABLES_OF.get(method, ())]  # of lookups alone, which are float32
    names += [name + half for name in _trained_tables(method, settings)]
    names += [name + half.removeprefix(":pairs") for name in _of_backbone(backbone, spec.dataset.name)]
    return tuple(dict.fromkeys((*trained, *names)))


def _trained_tables(method: str, settings: Mapping[str, Any]) -> list[str]:
    if method == "autodim":
        return ["table:mixed_dimension"]
    if method != "table":
        return []
    name = f"table:{settings.get('table', 'qr')}"
    return [name, f"{name}:cached"] if settings.get("table_settings", {}).get("cache_share") else [name]


def _of_backbone(backbone: Mapping[str, Any], dataset: str) -> list[str]:
    name = f"backbone:{backbone['name']}"
    regular = ":regular" if backbone.get("batch_norm") or backbone.get("dropout") else ""
    if backbone["name"] == "dcn_mix" and backbone.get("gate") == "softmax":
        return [f"{name}:softmax{regular}"]
    if backbone["name"] == "pnn" and backbone.get("product") == "outer":
        return [f"{name}:outer{regular}"]
    if backbone["name"] == "xdeepfm" and dataset not in MANY_FIELDS:
        return [f"{name}{regular}", f"{name}:narrow{regular}"]
    return [name + regular]


@cache
def present() -> Mapping[str, str]:
    """Digests of the committed pins, by component."""
    return {name: pin["bits"] for name, pin in json.loads(PINS.read_text())["pins"].items()}


def stamp_of(spec: "RunSpec", pins: Mapping[str, str] | None = None) -> dict[str, str]:
    """Digest of every component that a run uses.

    Args:
        spec: the run.
        pins: digests by component; those committed by default. What they lack is `UNPINNED`.
    """
    pins = present() if pins is None else pins
    return {name: pins.get(name, UNPINNED) for name in components(spec)}


def carried(record: "Record") -> Mapping[str, str]:
    """The stamp that a record carries; empty where it was made before there were any."""
    return record.certificate.numerics if record.certificate else {}


def outdated(record: "Record", pins: Mapping[str, str] | None = None) -> tuple[str, ...]:
    """The components that compute something else now than when a record was made; none: it is current.

    One that was pinned later says nothing of a record from before.
    """
    own, pins = carried(record), present() if pins is None else pins
    if not own:
        return (UNSTAMPED,)
    return tuple(name for name, bits in own.items() if bits not in (UNPINNED, pins.get(name)))


def tally_stale(records: Iterable["Record"]) -> tuple[int, dict[str, int]]:
    """How many records are stale, and by component how many it made so, most first."""
    found = [names for record in records if (names := outdated(record))]
    return len(found), dict(Counter(name for names in found for name in names).most_common())


def comparable(one: Mapping[str, str], other: Mapping[str, str]) -> bool:
    """Whether runs under two stamps may be compared: what both use computed the same in both."""
    return all(bits == other.get(name, bits) for name, bits in one.items())
