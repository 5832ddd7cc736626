"""DeepLight: prune by magnitude while training, a little more every few steps."""

from pydantic import Field

from ...budget import Budget
from ...settings import Settings
from ...tasks import Task
from ..base import Context, Outcome
from .base import compression, dense_size, numbers_within, plain_model, stacked, train_masked, unstacked
from .magnitude import largest_entries
from .phases import advance, finder, finding


class DeepLightSettings(Settings):
    """
    Attributes:
        warm_up_epochs: passes before anything is pruned. (The paper's ten would overfit a sample.)
        ramp_epochs: passes over which the sparsity rises to 99 % of t. The paper's 1 − 0.99^{k/100} gets
            there in 45,800 steps, whatever the data.
        prune_every: steps between two prunings.
    """

    warm_up_epochs: float = Field(0.5, ge=0)
    ramp_epochs: float = Field(1.0, gt=0)
    prune_every: int = Field(10, ge=1)


def sparsity_at(step: int, total: int, sparsity: float) -> float:
    """R_k = t(1 − 0.01^{k/K}) at step k of K: the paper's curve, its constants given by where it ends."""
    return sparsity * (1 - 0.01 ** (step / total))


@compression("deeplight", DeepLightSettings)
def deeplight(task: Task, budget: Budget, settings: DeepLightSettings, context: Context) -> Outcome:
    """Zero the smallest numbers every few steps of the training, more of them each time; then train on.

    What was zeroed moves until the next pruning, and stays if it grew enough. Phase PT is the warm-up and the
    ramp; phase CT goes on, with Adam's moments, under the mask that the ramp ends with.

    Departures: the paper prunes the network too; and it prunes up to the last step, where here the mask stays
    fixed while early stopping picks the epoch, as for every other method.

    Source: Deng et al. 2021, Algorithm 1; LERS §2.1.2.
    """
    size = dense_size(task)
    with finding(context):
        model, plain = plain_model(task, context.seed)
        per_epoch = task.steps_per_epoch
        start = round(settings.warm_up_epochs * per_epoch)
        total = max(1, round(settings.ramp_epochs * per_epoch))
        epochs = -(-(start + total) // per_epoch)
        trainer = finder(task, model, context, epochs=epochs)
        while trainer.steps < start + total:
            if trainer.steps >= start and trainer.steps % settings.prune_every == 0:
                share = sparsity_at(trainer.steps - start, total, budget.share)
                left = largest_entries(stacked(plain.values()).abs(), size - int(share * size))
                for name, own in unstacked(left, plain).items():
                    plain[name].weight.data.mul_(own)
            advance(trainer, settings.prune_every, start + total)
        mask = largest_entries(stacked(plain.values()).abs(), numbers_within(task, budget))
        moments = trainer.optimizer_state()
    return train_masked(task, model, plain, mask, context, optimizer_state=moments)
