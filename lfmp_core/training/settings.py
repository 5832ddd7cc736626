"""Settings of a training run."""

from typing import ClassVar, Literal

from pydantic import Field

from ..settings import Settings


class TrainingSettings(Settings):
    """One protocol for every method.

    Attributes:
        learning_rate: of Adam, for the weights.
        l2: λ of the coupled L2 term (λ/2)‖w‖² on the embedding table and the first-order weights (Light-FMP
            §3.4: 1e-5 on the "linear and embedding layers").
        batch_size: B. Light-FMP states none. A last batch of one row is left out where the backbone has batch
            norm, which one row can't have; the next epoch leaves another row out.
        epochs: most passes over the training rows.
        patience: epochs in a row without progress before training stops; the weights of the epoch of best
            validation AUC are kept.
        progress: "best": validation AUC above that of all epochs before. "either": above that of the epoch
            before, or log-loss below, so that a slow start whose first AUC was luck is not cut off.
        optimizer: of plain tables. "dense" moves every row at every step; "lazy" moves the rows of the batch
            and makes the others' steps up when they are next read: the same mathematics (see `row_adam`).
            Lazy saves passes over the table, and pays for every missed step when a row is read. CPU only.
        precision: "bfloat16" runs forward passes in autocast: matrix products, those of compressed tables
            too, in bfloat16; lookups, weights, losses and steps in float32. Scoring is in float32.
        device: a torch device.
        min_metric_by_epoch: least value, on validation, of the metric that decides, after each epoch, of the
            last one also for all later ones; below it training stops. A search gives them, see `TPE`.

    Example:
        >>> from lfmp_core import TrainingSettings
        >>> TrainingSettings(learning_rate=0.01, epochs=3).batch_size
        2048
        >>> TrainingSettings(epochs=0)
        Traceback (most recent call last):
        lfmp_core.errors.WrongValue: epochs is 0: it must be at least 1
    """

    later: ClassVar[frozenset[str]] = frozenset({"optimizer", "min_metric_by_epoch", "progress"})
    recorded: ClassVar = {"min_metric_by_epoch": "floors"}

    learning_rate: float = Field(1e-3, gt=0)
    l2: float = Field(1e-5, ge=0)
    batch_size: int = Field(2048, ge=1)
    epochs: int = Field(10, ge=1)
    patience: int = Field(1, ge=1)
    progress: Literal["best", "either"] = "best"
    optimizer: Literal["dense", "lazy"] = "dense"
    precision: Literal["float32", "bfloat16"] = "float32"
    device: str = "cpu"
    min_metric_by_epoch: tuple[float, ...] = ()
