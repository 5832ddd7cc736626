"""The training loop on rows of a click log."""

from pathlib import Path

import numpy as np
from torch import Tensor

from ..data.dataset import Rows
from ..data.schema import check_both_classes
from ..errors import DataError
from ..metrics import AUC, LOG_LOSS
from ..models import Backbone
from .batches import Batches, least_rows
from .evaluate import evaluate
from .loop import Loop
from .objective import LogLoss, Objective
from .processes import Processes
from .settings import TrainingSettings


class Trainer(Loop):
    """Adam on batches of rows, early stopping on validation AUC, resumable at any step.

    Args:
        model: trained in place; afterwards it holds the best epoch's weights, or the last step's without
            validation rows.
        train: rows to learn from.
        settings: see `TrainingSettings`.
        seed: of the row order and of dropout.
        validation: rows for early stopping; None trains to the end.
        objective: what to minimise, the mean log-loss by default; its parameters are trained too.
        exclude: sorted indices of training rows to leave out.
        max_steps, checkpoint, optimizer_state, label, start, pieces, processes: see `Loop`.

    Raises:
        DataError: no row is left to learn from, or the validation rows are of one class.

    Example:
        >>> import numpy as np
        >>> from lfmp_core import Dataset, DeepFM, Trainer, TrainingSettings
        >>> ids = np.random.default_rng(0).integers(0, [4, 6], (1000, 2))
        >>> data = Dataset.from_arrays(ids, ids[:, 0] > 1, field_sizes=[4, 6], local=True)
        >>> model = DeepFM(data.schema.field_sizes, embedding_dim=4, hidden=(8,), seed=0)
        >>> settings = TrainingSettings(learning_rate=0.05, batch_size=100, epochs=3)
        >>> trainer = Trainer(model, data.split("train"), settings, seed=0, validation=data.split("val"))
        >>> trainer.fit()[-1]["val_auc"] > 0.99
        True
    """

    model: Backbone
    batches: Batches

    def __init__(
        self,
        model: Backbone,
        train: Rows,
        settings: TrainingSettings,
        *,
        seed: int,
        validation: Rows | None = None,
        objective: Objective | None = None,
        exclude: np.ndarray | None = None,
        max_steps: int | None = None,
        checkpoint: Path | None = None,
        optimizer_state: dict[str, dict[str, Tensor]] | None = None,
        label: str | None = None,
        start: tuple[int, int] = (0, 0),
        pieces: int = 1,
        processes: Processes | None = None,
    ):
        least = least_rows(model)
        batches = Batches(train, settings.batch_size, seed, exclude, device=settings.device, least=least)
        if not len(batches):
            norm = " in a batch of two, as batch norm needs them" if least > 1 else ""
            remedy = "Leave out fewer rows, prepare more, or take larger batches"
            raise DataError(f"no training row is left{norm}", remedy=remedy)
        if validation is not None:
            check_both_classes("validation", len(validation), int(np.count_nonzero(validation.labels)))
        super().__init__(
            model,
            batches,
            settings,
            seed=seed,
            objective=objective or LogLoss(),
            validate=None if validation is None else lambda: evaluate(model, validation)[0],
            metrics=(AUC, LOG_LOSS),
            max_steps=max_steps,
            checkpoint=checkpoint,
            optimizer_state=optimizer_state,
            label=label,
            start=start,
            pieces=pieces,
            processes=processes,
        )
