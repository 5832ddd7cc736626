"""Which pair goes to train, val or test; a pair that stands there again counts once."""

from itertools import combinations
from typing import NamedTuple

import numpy as np

from ...errors import DataError
from ...seeds import derive
from ..schema import SPLITS
from .gathered import Gathered
from .pairs import Interactions, held_out, last_out
from .schema import InteractionSettings, Shares

Parts = dict[str, Interactions]


class Distinct(NamedTuple):
    """Pairs, each once.

    Attributes:
        pairs: in the order in which they stand in the source.
        repeats: how many others were the same pair again.
        overlaps: (earlier split, later split) -> pairs of the later one that are in the earlier one too.
    """

    pairs: Gathered
    repeats: int
    overlaps: dict[tuple[str, str], int]


def distinct(found: Gathered) -> Distinct:
    """Each pair once: at its first time, in its first split, else where it stands first."""
    keys = found.keys()
    first = found.given if found.given is not None else found.times
    order = np.argsort(keys, kind="stable") if first is None else np.lexsort((first, keys))
    leads = np.ones(len(keys), bool)
    leads[1:] = np.diff(keys[order]) > 0
    lead = order[leads]
    repeats = len(keys) - len(lead)
    overlaps: dict[tuple[str, str], int] = {}
    if found.given is not None and repeats:
        own = found.given[order]
        of_lead = np.repeat(found.given[lead], np.diff(np.flatnonzero(leads), append=len(keys)))
        for early, late in combinations(range(len(SPLITS)), 2):
            again = (own == late) & (of_lead == early)
            if again.any():
                # a pair that stands twice in the later file is one overlap
                overlaps[SPLITS[early], SPLITS[late]] = len(np.unique(keys[order][again]))
                repeats -= int(again.sum())
    return Distinct(found.take(np.sort(lead)), repeats, overlaps)


def split_pairs(found: Gathered, settings: InteractionSettings, shares: Shares) -> Parts:
    """Train, val and test of pairs that stand there once each.

    Args:
        settings, shares: see `schema.resolved`.

    Raises:
        DataError: a split that should have pairs gets none, or none of a user that training knows; each user
            has one pair; or a split by time is asked for without times.
    """
    if not len(found.users):
        raise DataError("no pairs", file=found.file, remedy="Give at least a user and an item")
    if settings.split != "given":
        _check_again(found, settings, shares)
    if settings.split == "random":
        parts = _random(found, shares, settings.seed)
    elif settings.split == "given":
        parts = _given(found, shares, settings.seed)
    elif settings.split == "chronological":
        parts = _chronological(found, _timed(found, settings.split), shares)
    else:
        parts = _last_out(found, _timed(found, settings.split))
    for split, share in zip(SPLITS, shares, strict=True):
        asked = share or settings.split == "last_out" or (settings.split == "given" and split == "test")
        if asked and not len(parts[split]):
            problem = f"split {split} gets none of the {len(found.users):,} pairs"
            raise DataError(problem, file=found.file, remedy=_more_pairs(split, settings))
    _check_known(found, settings, parts)
    return parts


def _check_again(found: Gathered, settings: InteractionSettings, shares: Shares) -> None:
    """Refuse users of one pair each where any is to be held out."""
    held = settings.split == "last_out" or shares[1] or shares[2]
    if held and np.bincount(found.users).max() == 1:
        problem = f"each {found.names[0]} has one pair, so nothing can be learnt of one and tested"
        remedy = "Name a column of users who come again (--user)"
        raise DataError(problem, file=found.file, remedy=remedy)


def _timed(found: Gathered, split: str) -> np.ndarray:
    if found.times is None:
        remedy = "Name the column of times: --time COLUMN"
        raise DataError(f"the split {split} needs times", file=found.file, remedy=remedy)
    return found.times


def _check_known(found: Gathered, settings: InteractionSettings, parts: Parts) -> None:
    """Refuse a split all of whose users are new."""
    trained = parts["train"].degrees() > 0
    for split in SPLITS[1:]:
        there = parts[split].degrees() > 0
        if there.any() and not (there & trained).any():
            problem = f"split {split} has no {found.names[0]} that is in training too, among {there.sum():,}"
            remedy = "Draw it from each user's own pairs: --split last_out or --split random"
            if settings.split == "given":
                remedy = f"Give a file for {split} with users that training has"
            raise DataError(problem, file=found.file, remedy=remedy)


def _more_pairs(split: str, settings: InteractionSettings) -> str:
    if settings.split == "chronological":
        return f"Give more pairs, or {split} a larger share (--shares)"
    if settings.split == "given":
        drawn = " (--val), or training pairs of users who have several" if split == "val" else ""
        return f"Give a file for {split} with pairs that no other has{drawn}"
    return "Of a user's pairs one trains, one validates and one tests: give users who have three or more"


def _random(found: Gathered, shares: Shares, seed: int) -> Parts:
    rest, test = _drawn(_rows(found), shares[2] / sum(shares), seed, "test")
    return _validated(rest, shares, seed) | {"test": test}


def _given(found: Gathered, shares: Shares, seed: int) -> Parts:
    assert found.given is not None
    parts = {split: _rows(found, found.given == number) for number, split in enumerate(SPLITS)}
    return parts if len(parts["val"]) else parts | _validated(parts["train"], shares, seed)


def _chronological(found: Gathered, times: np.ndarray, shares: Shares) -> Parts:
    """Cut at the quantiles that shares give, ordered by time and, within one time, as they stand."""
    order = np.argsort(times, kind="stable")
    bounds = len(order) * np.cumsum(shares)[:2] // sum(shares)
    number = np.empty(len(order), np.int8)
    for split, at in enumerate(np.split(order, bounds)):
        number[at] = split
    return {split: _rows(found, number == n) for n, split in enumerate(SPLITS)}


def _last_out(found: Gathered, times: np.ndarray) -> Parts:
    kept, last = last_out(found.users, found.items, times)
    before = np.zeros(len(kept), bool)
    before[kept] = last_out(found.users[kept], found.items[kept], times[kept])[1]
    return {"train": _rows(found, kept & ~before), "val": _rows(found, before), "test": _rows(found, last)}


def _validated(pairs: Interactions, shares: Shares, seed: int) -> Parts:
    """Train and val of what is no test."""
    kept, held = _drawn(pairs, shares[1] / (shares[0] + shares[1]), seed, "val")
    return {"train": kept, "val": held}


def _drawn(pairs: Interactions, share: float, seed: int, what: str) -> tuple[Interactions, Interactions]:
    generator = np.random.default_rng(derive(seed, "interactions", what))
    return held_out(pairs, share, generator, least=int(share > 0))


def _rows(found: Gathered, chosen: np.ndarray | None = None) -> Interactions:
    part = found if chosen is None else found.take(chosen)
    return Interactions.of_pairs(part.users, part.items, found.num_users, found.num_items)
