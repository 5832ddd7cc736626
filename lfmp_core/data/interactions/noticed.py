"""What pairs show: repeats, overlaps, gaps, users without items, users and items that training never saw.

It is said (`notices.py`); what was done about it is said with it.
"""

from collections.abc import Iterator

import numpy as np
import pyarrow.compute as pc

from ..given import some
from ..notices import Notice
from ..schema import SPLITS
from .gathered import Gathered
from .splitting import Distinct, Parts


def notices_of(found: Distinct, parts: Parts, split: str) -> tuple[Notice, ...]:
    """All that is to be said of pairs and their splits; what reading showed comes first.

    Args:
        split: how they were split (`InteractionSettings.split`).
    """
    pairs = found.pairs
    return (
        *pairs.notices,
        *_untimed(pairs, split),
        *_again(found),
        *(_gaps(pairs) if pairs.vocabulary is None else ()),
        *_without_items(pairs, parts),
        *_unseen(pairs, parts),
    )


def _untimed(pairs: Gathered, split: str) -> Iterator[Notice]:
    if pairs.times is not None and split == "random":
        text = "the times decide nothing and are not kept: the split is random within each user"
        yield Notice("note", None, text, "--split last_out and --split chronological go by them")


def _again(found: Distinct) -> Iterator[Notice]:
    if found.repeats:
        when = ", at its first time" if found.pairs.times is not None else ""
        text = f"{_count(found.repeats, 'row repeats', 'rows repeat')} a pair: each pair counts once{when}"
        yield Notice("note", None, text)
    for (early, late), count in found.overlaps.items():
        text = f"{_count(count, 'pair')} of {late} {'is' if count == 1 else 'are'} in {early} too"
        text += f": left out of {late}"
        yield Notice("warning", None, text, "What is trained on can't be tested on: look at how it was split")


def _gaps(pairs: Gathered) -> Iterator[Notice]:
    """Numbers that no pair has, where the numbers are the source's own."""
    sides = ((pairs.names[0], pairs.users, pairs.num_users), (pairs.names[1], pairs.items, pairs.num_items))
    for name, ids, count in sides:
        absent = np.flatnonzero(np.bincount(ids, minlength=count) == 0)
        if len(absent):
            text = f"{len(absent):,} of the numbers 0 to {count - 1:,} stand in no pair"
            text += f" ({some(absent.tolist())}): each has a row of the table all the same"
            yield Notice("warning", name, text, "Number without gaps to save them")


def _without_items(pairs: Gathered, parts: Parts) -> Iterator[Notice]:
    user, item = pairs.names
    for split in SPLITS[1:]:
        empty = np.flatnonzero((parts[split].degrees() == 0) & (parts["train"].degrees() > 0))
        if len(empty) and len(parts[split]):
            text = f"{len(empty):,} of {pairs.num_users:,} have no {item} in {split}"
            yield Notice(
                "note", user, f"{text} ({_named(pairs, user, empty)}): they count in no figure of it"
            )


def _unseen(pairs: Gathered, parts: Parts) -> Iterator[Notice]:
    train, (user, item) = parts["train"], pairs.names
    trained = {user: train.degrees() > 0, item: train.item_degrees() > 0}
    for split in SPLITS[1:]:
        there = {user: parts[split].degrees(), item: parts[split].item_degrees()}
        for name, seen in trained.items():
            unseen = np.flatnonzero((there[name] > 0) & ~seen)
            if len(unseen):
                share = 100 * int(there[name][unseen].sum()) / len(parts[split])
                text = f"{len(unseen):,} of {split} never occur in training ({_named(pairs, name, unseen)})"
                text += f", {share:.3g} % of its pairs: their vectors stay as they were drawn"
                yield Notice("warning", name, text)


def _named(pairs: Gathered, side: str, ids: np.ndarray) -> str:
    """The first few of them by what they are called in the source."""
    if pairs.vocabulary is None:
        return some(ids.tolist())
    words = pairs.vocabulary.filter(pc.equal(pairs.vocabulary["field"], side))["value"]  # by number
    shown = words.take(ids[:6]).to_pylist()
    return some(shown + ids[6:].tolist())


def _count(number: int, one: str, many: str = "") -> str:
    return f"{number:,} {one if number == 1 else many or one + 's'}"
