"""How long runs will take, by those that have ended."""

from collections.abc import Iterable
from statistics import median

from .record import Record
from .spec import RunSpec


def seconds_of(specs: Iterable[RunSpec], records: Iterable[Record]) -> dict[str, float]:
    """Expected wall-clock seconds by spec id: the median of finished runs of the same kind.

    The same backbone, method and role if there is one, else the same backbone, else any run at all. The first
    run of a process takes far longer than the others, which moves a mean.
    """
    times: dict[tuple[str, ...], list[float]] = {}
    for record in records:
        if record.certificate:
            for kind in _kinds(record.spec):
                times.setdefault(kind, []).append(record.certificate.seconds)
    found = {spec.id: next((times[k] for k in _kinds(spec) if k in times), []) for spec in specs}
    return {key: median(values) for key, values in found.items() if values}


def _kinds(spec: RunSpec) -> list[tuple[str, ...]]:
    backbone = spec.backbone["name"]
    return [(backbone, spec.method, spec.role), (backbone,), ()]
