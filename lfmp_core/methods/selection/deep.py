"""What the selectors that train a model of all fields share."""

from collections.abc import Iterator

from torch import Tensor

from ...data.dataset import Rows
from ...errors import DataError
from ...models import Backbone
from ...models.batch import ClickBatch
from ...seeds import derive
from ...tasks import Clicks
from ...training import Batches, Objective, Trainer
from ...training.objective import click_loss
from ..base import Context
from ..train import fresh_model


def train_all_fields(
    task: Clicks, context: Context, *, epochs: int | None = None, objective: Objective | None = None
) -> Backbone:
    """A model that reads all fields, trained on the training rows for the sake of a choice.

    Args:
        epochs: passes, all of which are made; None trains as the task says, stopped early by the validation
            rows. An early stop looks at the model without gates, so a gated objective wants a number.
        objective: what to minimise; the mean log-loss by default.
    """
    training = task.training if epochs is None else task.training.model_copy(update={"epochs": epochs})
    trainer = Trainer(
        fresh_model(task, derive(context.seed, "choosing")),
        task.dataset.split("train"),
        training,
        seed=derive(context.seed, "choosing", "training"),
        validation=task.dataset.split("val") if epochs is None else None,
        objective=objective,
        label=context.label("choosing"),
    )
    trainer.fit()
    return trainer.model


def gated_loss(model: Backbone, batch: ClickBatch, gate: Tensor) -> Tensor:
    """Mean log-loss of a batch under a gate [m] on all that a field says.

    The selectors' sources gate vectors alone, in backbones that have nothing else. Ours may have a
    first-order weight per id too; left open, it would hide what a field is worth.
    """
    return click_loss(model, batch, gate, gate_linear=True)


def validation_rows(task: Clicks) -> Rows:
    """The validation rows, of which there must be some.

    Raises:
        DataError: there are none.
    """
    rows = task.dataset.split("val")
    if not len(rows):
        remedy = "Prepare the data set with a share for validation"
        raise DataError("no validation row to choose fields by", file=task.dataset.folder, remedy=remedy)
    return rows


def endless(task: Clicks, seed: int, least: int = 1) -> Iterator[ClickBatch]:
    """Shuffled batches of the validation rows, of the task's batch size, pass after pass.

    Args:
        least: rows that a batch needs, see `least_rows`.
    """
    training, rows = task.training, validation_rows(task)
    batches = Batches(rows, training.batch_size, seed, device=training.device, least=least)
    if not len(batches):
        raise DataError("there are too few validation rows for batch norm", file=task.dataset.folder)
    return batches.endless()
