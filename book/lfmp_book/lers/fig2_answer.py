"""What the records of LERS's Figure 2 answer."""

import pandas as pd

from ..evidence.datasets import title
from ..evidence.results import seeds_in_words
from ..show.answer import Answer, waiting
from ..show.words import listed, ranged
from .fig2 import ALL, CHANCE, correlations, once, parts
from .fig2_pairs import HEAD, head_and_rest, over_seeds


def answer(frame: pd.DataFrame, of_pairs: pd.DataFrame) -> Answer:
    """Whether frequent ids have larger numbers, and whose numbers MagPrune removes.

    Args:
        frame: see `fig2.curves`. of_pairs: the same of users and items, see `fig2_pairs`.
    """
    if not len(frame):
        return waiting("lfmp run lers_table5 --profile reference")
    sizes = correlations(once(frame), "magnitude")
    whole = sizes[sizes.field == ALL]
    told = [_ranked(title(str(name)), own) for name, own in whole.groupby("dataset", sort=False)]
    lines = [
        "**Rank correlation of a row's magnitude with its id's frequency, over all fields**: "
        f"{listed(told)}.",
        _left(frame[frame.field == ALL]),
    ]
    if len(of_pairs):
        ranks = correlations(parts(once(of_pairs)), "magnitude")
        each = [
            _ranked(f"{field} of {title(str(name))}", own)
            for (name, field), own in ranks.groupby(["dataset", "field"], sort=False)
        ]
        lines[1:1] = [f"**The same of users and items, by their degree**: {listed(each)}."]
        lines += [_left_of_pairs(str(name), own) for name, own in of_pairs.groupby("dataset", sort=False)]
    return Answer(
        tuple(lines),
        f"Spearman over buckets of ids by powers of two, "
        f"{seeds_in_words(whole.groupby(['dataset', 'backbone']).size())} "
        "a backbone; chance by Student's t, of few buckets counted over all of their orders.",
    )


def _ranked(of: str, own: pd.DataFrame) -> str:
    """Rank correlations of some trainings, and how many lie beyond chance."""
    up, down = int((own.chance < CHANCE).sum()), int((own.below < CHANCE).sum())
    ranks = ranged(own["rank"].tolist(), "+.2f")
    return f"{of} {ranks} (above 0 beyond chance in {up}, below in {down} of {len(own)} trainings)"


def _left_of_pairs(name: str, own: pd.DataFrame) -> str:
    """What MagPrune leaves of the most popular users and items, and of others, at the greatest sparsity."""
    shares = head_and_rest(own)
    ours, rest = over_seeds(shares[max(shares)])
    return (
        f"**Of {title(name)} at {max(shares):.0%} it leaves** {ours:.1%} of the numbers of the {HEAD:.0%} of "
        f"users and items with most pairs, and {rest:.1%} of the others'."
    )


def _left(frame: pd.DataFrame) -> str:
    """What MagPrune leaves of rare and of frequent ids of all fields, at the greatest sparsity."""
    kept = correlations(frame, "kept")
    kept = kept[kept.sparsity == kept.sparsity.max()]
    shares = [
        f"{title(str(name))} {own.rare.mean():.0%} of the rarest ids' and {own.frequent.mean():.0%} of the "
        "most frequent ids' numbers"
        for name, own in kept.groupby("dataset", sort=False)
    ]
    return f"**At {kept.sparsity.max():.0%} MagPrune leaves** {listed(shares)}."
