"""How the axis of a weight is made of fields, so that one mechanism can cut every backbone."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import torch
from torch import Tensor


@dataclass(frozen=True)
class FieldAxis:
    """A run of positions along one axis, in groups that belong to fields or to pairs of fields.

    Args:
        widths: positions of each group, in order.
        pairs: False, group g belongs to field g; True, the groups are the pairs i < j of `num_fields`
            fields in the order (0,1), (0,2), …, (m−2, m−1), and a pair stays only if both fields stay.
        num_fields: m; needed with pairs.
    """

    widths: tuple[int, ...]
    pairs: bool = False
    num_fields: int | None = None

    @classmethod
    def fields(cls, num_fields: int, width: int = 1) -> "FieldAxis":
        """`width` positions for each of `num_fields` fields."""
        return cls((width,) * num_fields)

    @classmethod
    def field_pairs(cls, num_fields: int, width: int = 1) -> "FieldAxis":
        """`width` positions for each pair i < j of `num_fields` fields."""
        return cls((width,) * (num_fields * (num_fields - 1) // 2), True, num_fields)

    @property
    def size(self) -> int:
        """Positions in all."""
        return sum(self.widths)

    def kept(self, fields: Sequence[int]) -> list[tuple[int, int]]:
        """Ranges [start, stop) of the positions that stay when only `fields` stay, neighbours joined."""
        chosen = set(fields)
        if self.pairs:
            stays = [i in chosen and j in chosen for i, j in combinations(range(self.num_fields or 0), 2)]
        else:
            stays = [g in chosen for g in range(len(self.widths))]
        ranges: list[tuple[int, int]] = []
        start = 0
        for width, stay in zip(self.widths, stays, strict=True):
            if stay and ranges and ranges[-1][1] == start:
                ranges[-1] = (ranges[-1][0], start + width)
            elif stay:
                ranges.append((start, start + width))
            start += width
        return ranges


def kept_ranges(axis: Sequence[FieldAxis], fields: Sequence[int]) -> list[tuple[int, int]]:
    """Ranges that stay of an axis made of several runs one after the other."""
    ranges, offset = [], 0
    for run in axis:
        ranges += [(offset + a, offset + b) for a, b in run.kept(fields)]
        offset += run.size
    return ranges


def range_index(ranges: Sequence[tuple[int, int]]) -> Tensor:
    """The positions of `ranges` as one index tensor."""
    return torch.cat([torch.arange(a, b) for a, b in ranges] or [torch.arange(0)])
