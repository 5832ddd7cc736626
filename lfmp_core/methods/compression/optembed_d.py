"""OptEmbed-D: a width for every row by evolution, no row removed; what LERS runs on pairs."""

from collections.abc import Mapping

import numpy as np
import torch
from pydantic import Field
from torch import Tensor

from ...budget import Budget
from ...embeddings import BudgetError, FullTable
from ...embeddings.masked import FixedWidths, MaskedRows, leading
from ...embeddings.ragged import RaggedTable
from ...models.model import Model
from ...seeds import derive
from ...settings import Settings
from ...tasks import Task
from ...training import Objective
from ...training.objective import Extended
from ..base import Context, Outcome
from ..gating.evolution import EvolutionSettings, evolve
from .base import compression, numbers_within, plain_model, train_masked, unstacked
from .optembed import LEVELS, width_at, width_bias
from .phases import finder, finding


class OptEmbedDSettings(Settings):
    """
    Attributes:
        search_epochs: of the supernet. (LERS: 100.)
        fitness_users: validation users, or rows, that fitness is measured on; at most so many.
        evolution: see `EvolutionSettings`.
    """

    search_epochs: int = Field(8, ge=1)
    fitness_users: int = Field(2048, ge=1)
    evolution: EvolutionSettings = EvolutionSettings()


class RandomWidths(Extended):
    """The task's loss, of a model whose tables are cut by `gate`: it keeps the first k dimensions of each
    vector, k ~ U{1..D}, drawn at every look-up.

    Args:
        loss: the task's.
        dim: D.
        generator: source of k; here, so that it is kept with the rest of a checkpoint.
    """

    def __init__(self, loss: Objective, dim: int, generator: torch.Generator):
        super().__init__(loss)
        self.dim, self.generator = dim, generator

    def gate(self, ids: Tensor, e: Tensor) -> Tensor:
        """Binary mask [..., D]."""
        widths = torch.randint(1, self.dim + 1, ids.shape, generator=self.generator)
        return leading(widths.to(ids.device), self.dim)


def check_widths(task: Task, budget: Budget) -> None:
    """
    Raises:
        BudgetError: a number for each row is already too much.
    """
    count = numbers_within(task, budget)
    if count < task.num_ids:
        remedy = "A row has at least one number: ask for a smaller share"
        raise BudgetError("OptEmbed-D", count, task.num_ids, remedy)


def supernet(task: Task, settings: OptEmbedDSettings, context: Context) -> tuple[Model, dict[str, FullTable]]:
    """A model that was trained under random widths, its plain tables back in their places."""
    model, plain = plain_model(task, context.seed)
    generator = torch.Generator().manual_seed(derive(context.seed, "widths"))
    objective = RandomWidths(task.objective(derive(context.seed, "finding")), task.dim, generator)
    model.put({name: MaskedRows(table, objective.gate) for name, table in plain.items()})
    finder(task, model, context, epochs=settings.search_epochs, objective=objective).fit()
    model.put(plain)
    return model, plain


def widths_of_mean(mean: float, dim: int) -> np.ndarray:
    """Width at each of so many equal steps of probability [LEVELS], under p_i ∝ α^{h−i} of that mean.

    Above (D + 1)/2, where the uniform law is too short, it is the law of D + 1 − mean, turned round.
    """
    if mean <= (dim + 1) / 2:
        return width_at(width_bias(mean, dim), dim)
    return dim + 1 - width_at(width_bias(dim + 1 - mean, dim), dim)


def fittest_rows(
    task: Task,
    model: Model,
    plain: Mapping[str, FullTable],
    count: int,
    settings: OptEmbedDSettings,
    seed: int,
) -> tuple[Tensor, list[float]]:
    """Widths of all rows [n] of at most `count` numbers, and the best fitness after each generation.

    A vector of widths over the budget is drawn again.
    """
    rows, dim = task.num_ids, task.dim
    table = widths_of_mean(count / rows, dim)
    gates = {name: FixedWidths(torch.empty(0), dim) for name in plain}
    model.put({name: MaskedRows(own, gates[name]) for name, own in plain.items()})
    measure = task.fitness(model, settings.fitness_users)

    def widths_of(places: tuple[int, ...]) -> np.ndarray:
        return table[np.array(places) - 1]

    def fitness(places: tuple[int, ...]) -> float:
        for name, own in unstacked(torch.from_numpy(widths_of(places)), plain).items():
            gates[name].of_ids = own
        return measure()

    def fits(places: tuple[int, ...]) -> bool:
        return int(widths_of(places).sum()) <= count

    rng = np.random.default_rng(derive(seed, "evolution"))
    found, best = evolve(fitness, rows, LEVELS, settings.evolution, rng, fits)
    model.put(plain)
    return torch.from_numpy(widths_of(found)), best


@compression("optembed_d", OptEmbedDSettings)
def optembed_d(task: Task, budget: Budget, settings: OptEmbedDSettings, context: Context) -> Outcome:
    """Train a net for all widths, search a width for every row within the budget, train anew with them.

    Phase PT is supernet and evolution, phase CT the training from the supernet's initial weights. No row is
    removed, and users and items share the budget.

    Departures: α of the biased law comes by bisection, and the sum of the widths meets the budget exactly or
    stays a little below.

    Raises:
        BudgetError: a number for each row is already too much.
        LfmpError: no drawn vector of widths meets the budget.

    Source: OptEmbed (Lyu et al. 2022); LERS §5.2.2, and its public code, where every row has its own width.
    """
    check_widths(task, budget)  # refuses before any training
    count, dim = numbers_within(task, budget), task.dim
    with finding(context):
        model, plain = supernet(task, settings, context)
        widths, best = fittest_rows(task, model, plain, count, settings, context.seed)
    model, plain = plain_model(task, context.seed)
    details = {
        "mean_widths": {name: own.double().mean().item() for name, own in unstacked(widths, plain).items()},
        "best_fitness": [round(x, 6) for x in best],
    }
    return train_masked(
        task,
        model,
        plain,
        leading(widths, dim).bool(),
        context,
        pack=lambda weight, mask, sizes: RaggedTable.pack(weight, mask.sum(1).cpu(), sizes),
        details=details,
    )
