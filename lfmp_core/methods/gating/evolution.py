"""Evolutionary search over vectors of widths, one a field."""

from collections.abc import Callable

import numpy as np
from pydantic import Field

from ...settings import Settings

Widths = tuple[int, ...]


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
) -> tuple[Widths, list[float]]:
    """The fittest vector of widths in 1..D that was seen, and the best fitness after each generation.

    A child is a parent with some widths drawn anew, or the head of one parent and the tail of another, cut at
    a random place. Parents are the best of all generations and are never changed (the authors' code mutates
    them in place, keeps none, and cuts at 1..D instead of 1..m). No vector is valued twice.
    """
    known: dict[Widths, float] = {}
    best: list[float] = []
    candidates = [
        tuple(row.tolist())
        for row in rng.integers(1, dim + 1, (settings.mutated + settings.crossed, num_fields))
    ]
    for generation in range(settings.generations + 1):
        if generation:
            parents = sorted(known, key=lambda w: -known[w])[: settings.parents]
            candidates = [_mutated(parents, dim, settings.mutation, rng) for _ in range(settings.mutated)]
            candidates += [_crossed(parents, rng) for _ in range(settings.crossed)]
        for widths in candidates:
            if widths not in known:
                known[widths] = fitness(widths)
        best.append(max(known.values()))
    return max(known, key=lambda w: known[w]), best


def _mutated(parents: list[Widths], dim: int, mutation: float, rng: np.random.Generator) -> Widths:
    parent = np.array(parents[rng.integers(len(parents))])
    drawn = rng.random(len(parent)) < mutation
    return tuple(np.where(drawn, rng.integers(1, dim + 1, len(parent)), parent).tolist())


def _crossed(parents: list[Widths], rng: np.random.Generator) -> Widths:
    head, tail = (parents[i] for i in rng.choice(len(parents), 2, replace=len(parents) < 2))
    place = rng.integers(1, max(2, len(head)))
    return head[:place] + tail[place:]
