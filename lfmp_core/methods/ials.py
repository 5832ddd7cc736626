"""iALS: factors of all pairs, those that nobody took with less weight, solved for in turn."""

import time
from typing import Any

import numpy as np
import torch
from pydantic import Field
from scipy.sparse import csr_matrix
from threadpoolctl import threadpool_limits

from ..budget import Budget
from ..data.interactions import Interactions
from ..errors import Diverged, LfmpError
from ..models.factors import MatrixFactorisation
from ..seeds import derive
from ..settings import Settings
from ..tasks import TopItems
from ..training.stopping import judge_epoch
from .base import Context, Outcome, register
from .extras import optional


class IALSSettings(Settings):
    """
    Attributes:
        confidence: c, the weight of a pair that was taken; that of all others is 1 (1 + α of Hu et al.).
        regularisation: λ.
    """

    confidence: float = Field(40.0, ge=1)
    regularisation: float = Field(100.0, gt=0)


@register("ials", IALSSettings, removes=(), task=TopItems)
def ials(task: TopItems, budget: Budget, settings: IALSSettings, context: Context) -> Outcome:
    """Solve for the users' vectors, then for the items', and again: least squares over all U × I pairs.

    min Σ_ui w_ui (t_ui − x_u · y_i)² + λ (Σ_u |x_u|² + Σ_i |y_i|²), where t = 1 and w = c of a pair that was
    taken, t = 0 and w = 1 of any other. With the items held, each user has normal equations of its own,
    (YᵀY + (c − 1) Σ_taken y_i y_iᵀ + λI) x_u = c Σ_taken y_i, on which three steps of conjugate gradients are
    done from where x_u was. An epoch is a pass over the users and one over the items; at most the protocol's
    epochs are done, and the best by validation is kept, as of every training. The loss in the history is the
    sum above over Σ_ui w_ui.

    Raises:
        LfmpError: the task's recommender has more than factors, or the library is not installed.
        Diverged: the factors are not finite.

    Source: Hu et al. 2008; Takács et al. 2011 (conjugate gradients); the package `implicit`.
    """
    own = task.training
    model = task.model(derive(context.seed, "weights"))
    if not isinstance(model, MatrixFactorisation) or own.device != "cpu":
        made = f"{task.settings.name} on {own.device!r}"
        raise LfmpError(
            f"ials solves for the factors of 'mf' on a CPU, not for {made}: name that recommender"
        )
    solver = solver_for(model, settings)
    measure, decides = task.fitness(model, own.validation_users), task.metrics[0]
    history: list[dict[str, float]] = []
    best, stale = model.state_dict(), 0
    with context.phase("CT"), threadpool_limits(1, "blas"):  # the library has a thread for each of some rows
        taken = as_matrix(task.pairs)
        while len(history) < own.epochs and stale < own.patience:
            started, epoch = time.perf_counter(), len(history) + 1
            loss = one_epoch(solver, taken)
            score = measure()
            better, stale = judge_epoch({decides.name: score}, epoch, stale, history, own, (decides,))
            if better:
                best = {name: value.clone() for name, value in model.state_dict().items()}
            row = {"epoch": epoch, "train_loss": loss, f"val_{decides.name}": score}
            history.append(row | {"seconds": time.perf_counter() - started})
        model.load_state_dict(best)
    return Outcome(model, None, context.phases, history, {"cpu_seconds": dict(context.cpu_seconds)})


def as_matrix(pairs: Interactions) -> csr_matrix:
    """One at each pair, users × items."""
    shape = pairs.num_users, pairs.num_items
    return csr_matrix((np.ones(len(pairs), np.float32), pairs.items, pairs.starts), shape)


def solver_for(model: MatrixFactorisation, settings: IALSSettings) -> Any:
    """The library's solver, which works on the model's own tables."""
    solver = optional("implicit.cpu.als").AlternatingLeastSquares(
        factors=model.settings.embedding_dim,
        regularization=settings.regularisation,
        alpha=settings.confidence,
        iterations=1,
        calculate_training_loss=True,
        num_threads=torch.get_num_threads(),
    )
    solver.user_factors = model.users.weight_view().detach().numpy()
    solver.item_factors = model.items.weight_view().detach().numpy()
    return solver


def one_epoch(solver: Any, taken: csr_matrix) -> float:
    """Both passes; the loss after them.

    Raises:
        Diverged: a factor is not finite.
    """
    losses: list[float] = []
    try:
        solver.fit(taken, show_progress=False, callback=lambda _, __, loss: losses.append(float(loss)))
    except optional("implicit.recommender_base").ModelFitError as error:
        raise Diverged(f"iALS gave factors that are not finite: {error}") from error
    return losses[0]
