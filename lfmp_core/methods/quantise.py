"""Few bits a number: trained as by any method, then rounded."""

from typing import Any

from pydantic import field_validator

from ..budget import Budget
from ..embeddings.packed import Bits, Per
from ..embeddings.quantised import QuantisedTable
from ..errors import LfmpError, check_name
from ..settings import Settings
from ..tasks import Task
from .base import METHODS, Context, Outcome, get_method, register


class QuantiseSettings(Settings):
    """
    Attributes:
        bits: of a number. per: what has a scale of its own, "field" or "row"; see `QuantisedTable`.
        method: what trains the model; the whole one by default. method_settings: of that method.
    """

    bits: Bits = 4
    per: Per = "field"
    method: str = "no_selection"
    method_settings: dict[str, Any] = {}

    @field_validator("method")
    @classmethod
    def _trains(cls, method: str) -> str:
        if check_name(method, METHODS, "method") == "quantise":
            raise LfmpError("what is rounded can't be rounded again: name the method that trains")
        return method


@register("quantise", QuantiseSettings, removes=("fields", "numbers", "bytes"), task=Task)
def quantise(task: Task, budget: Budget, settings: QuantiseSettings, context: Context) -> Outcome:
    """Train by a method, then round its tables to few bits, in uniform steps; nothing is trained afterwards.

    The budget is the method's, and what it removes stays removed: fields, values, dimensions, numbers. To
    what it says of itself are added the bytes of its tables before and after (`table_bytes`); rounding is in
    phase PT.

    Raises:
        LfmpError: the training has diverged, or `per` is "row" and a number is beyond float16.

    Source: Jacob et al. 2018, eq. 1, for weights alone, after training.
    """
    outcome = get_method(settings.method).within(task, budget, settings.method_settings, context)
    tables = outcome.model.tables()
    with context.phase("PT"):
        rounded = {name: QuantisedTable.of(own, settings.bits, settings.per) for name, own in tables.items()}
    outcome.model.put(rounded)
    outcome.details |= {
        "table_bytes": [sum(own.num_bytes() for own in each.values()) for each in (tables, rounded)],
        "cpu_seconds": dict(context.cpu_seconds),
    }
    return outcome
