"""Evolutionary search over vectors of widths, one a field."""

from collections.abc import Callable
from functools import partial

import numpy as np
from pydantic import Field

from ...errors import LfmpError
from ...settings import Settings

Widths = tuple[int, ...]
DRAWS = 200  # of one vector, until it is allowed


class EvolutionSettings(Settings):
    """Sizes of the search. OptEmbed's paper has 10 + 10 children, 15 parents and 30 generations: 620 fitness
    values against these 110.

    Attributes:
        mutated, crossed: children of either kind in a generation; the first generation is as many random
            vectors as both together.
        parents: best vectors seen so far that children come from.
        generations: after the first.
        mutation: probability with which a mutated child's width is drawn anew.
    """

    mutated: int = Field(5, ge=1)
    crossed: int = Field(5, ge=0)
    parents: int = Field(5, ge=2)
    generations: int = Field(10, ge=0)
    mutation: float = Field(0.1, ge=0, le=1)


def evolve(
    fitness: Callable[[Widths], float],
    num_fields: int,
    dim: int,
    settings: EvolutionSettings,
    rng: np.random.Generator,
    allowed: Callable[[Widths], bool] | None = None,
) -> tuple[Widths, list[float]]:
    """The fittest vector of widths in 1..D that was seen, and the best fitness after each generation.

    A child is a parent with some widths drawn anew, or the head of one parent and the tail of another, cut at
    a random place. Parents are the best of all generations and are never changed (the authors' code mutates
    them in place, keeps none, and cuts at 1..D instead of 1..m). No vector is valued twice.

    Args:
        allowed: which vectors may be valued; another is drawn again, `DRAWS` times at most.

    Raises:
        LfmpError: no vector of the first generation was allowed.
    """
    kind = np.min_scalar_type(dim)  # a vector may have a width for each of a hundred thousand rows
    known: dict[bytes, float] = {}
    best: list[float] = []

    def packed(widths: Widths) -> bytes:
        return np.array(widths, kind).tobytes()

    def unpacked(key: bytes) -> Widths:
        return tuple(np.frombuffer(key, kind).tolist())

    def drawn(draw: Callable[[], Widths]) -> Widths | None:
        tries = (draw() for _ in range(DRAWS if allowed else 1))
        return next((w for w in tries if allowed is None or allowed(w)), None)

    def anew() -> Widths:
        return tuple(rng.integers(1, dim + 1, num_fields).tolist())

    candidates = [drawn(anew) for _ in range(settings.mutated + settings.crossed)]
    for generation in range(settings.generations + 1):
        if generation:
            parents = [unpacked(w) for w in sorted(known, key=lambda w: -known[w])[: settings.parents]]
            mutated, crossed = (
                partial(_mutated, parents, dim, settings.mutation, rng),
                partial(_crossed, parents, rng),
            )
            candidates = [drawn(mutated) for _ in range(settings.mutated)]
            candidates += [drawn(crossed) for _ in range(settings.crossed)]
        for widths in candidates:
            if widths is not None and (key := packed(widths)) not in known:
                known[key] = fitness(widths)
        if not known:
            raise LfmpError(
                f"of {DRAWS * len(candidates):,} vectors of widths that were drawn none is allowed"
            )
        best.append(max(known.values()))
    return unpacked(max(known, key=lambda w: known[w])), best


def _mutated(parents: list[Widths], dim: int, mutation: float, rng: np.random.Generator) -> Widths:
    parent = np.array(parents[rng.integers(len(parents))])
    drawn = rng.random(len(parent)) < mutation
    return tuple(np.where(drawn, rng.integers(1, dim + 1, len(parent)), parent).tolist())


def _crossed(parents: list[Widths], rng: np.random.Generator) -> Widths:
    head, tail = (parents[i] for i in rng.choice(len(parents), 2, replace=len(parents) < 2))
    place = rng.integers(1, max(2, len(head)))
    return head[:place] + tail[place:]
