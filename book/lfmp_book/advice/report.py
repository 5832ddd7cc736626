"""What a page shows of one data set's steps."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from lfmp_core.data import Dataset
from lfmp_core.data.leaks import leak_in_words, leaking
from lfmp_core.experiments.executor import open_dataset
from lfmp_core.experiments.store import Store, store_for

from ..evidence.results import finals
from .advise import Advice, advise, held_on_test
from .choice import WHOLE, Option, finalists, options_of
from .grids import CHANCE, FINALISTS, MORE, Stage


@dataclass(frozen=True)
class Report:
    """The records of some steps.

    Attributes:
        data: what they learnt from. store: of the records. found: every way. advice: what may be said.
    """

    data: Dataset
    store: Store
    found: tuple[Option, ...]
    advice: Advice

    @property
    def names(self) -> tuple[str, ...]:
        """Of the fields."""
        return self.data.schema.field_names


def report(steps: Sequence[Stage], loss: float, count: str, store: Store | None = None) -> Report:
    """Read the records of the steps, hold the finalists against the whole model, and say what may be said.

    Args:
        steps: of one data set, see `grids.stages`. loss: of AUC that is allowed. count: what is to be saved.
        store: of the records; by default the profile's.
    """
    whole, store = steps[0].grid, store or store_for(steps[0].grid.profile)
    more = [step.grid for step in steps if step.name == MORE]
    rest = [step.grid for step in steps[1:]]
    first = [step.grid for step in steps[1:] if step.name not in (MORE, CHANCE)]
    lines = [o.line for o in finalists(options_of([whole], first, store), loss, count, FINALISTS)]
    found = options_of([whole, *more], rest, store)
    spec = next(iter(whole.plan(store)))
    data = open_dataset(spec.dataset)
    labels = np.asarray(data.split("test").labels)
    held = held_on_test([o for o in found if o.line in lines], labels, store) if lines else []
    plain = [r.metrics for label, r in finals([whole, *more], store) if label == WHOLE]
    clicks, fields = int(labels.sum()), data.schema.fields
    reached = float(np.mean([m["val_auc"] for m in plain])) if plain else None
    said = advise(
        held,
        [m["test_auc"] for m in plain],
        clicks,
        len(labels) - clicks,
        allowed=loss,
        count=count,
        drawn={o.budget for o in found if o.label == CHANCE},
        leak=leak_in_words(data.schema, reached, leaking(data.split("train"), data.split("val"), fields)),
        constant=[f for f, field in enumerate(fields) if field.constant],
    )
    return Report(data, store, tuple(found), said)
