"""The sentences of §4.4 on pretraining rows, tested on the reference records of Light-FMP's Figure 2d."""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise

import pandas as pd

from ..claims import told
from ..claims.cases import Case, all_of
from ..claims.test import CasesFound, Test
from ..evidence import published
from ..evidence.outcomes import interval
from .values import METRICS


def with_interval(d: pd.Series) -> str:
    """A difference with its interval, in words."""
    return interval(d.difference, d.low, d.high)


@dataclass(frozen=True)
class Sizes:
    """Runs by pretraining rows, from the least to the most, and what they gain over all fields.

    Attributes:
        runs: rows → runs. auc, loss: see `against`.
    """

    runs: Mapping[int, pd.DataFrame]
    auc: pd.DataFrame
    loss: pd.DataFrame

    def below(self, ours: int, theirs: int, column: str) -> bool | None:
        """Whether one size is below another in a column; with a single seed nothing is clear."""
        return told.below(self.runs[ours][column], self.runs[theirs][column])

    @property
    def steps(self) -> list[tuple[int, int]]:
        """From each size to the next."""
        return list(pairwise(self.runs))

    @property
    def ends(self) -> tuple[int, int]:
        """The least and the most rows."""
        return min(self.runs), max(self.runs)

    def above(self, rows: int) -> bool | None:
        """Whether one size is better than all fields in AUC and log-loss."""
        frames = zip((self.auc, self.loss), METRICS, strict=True)
        return all_of(*(told.gained(own.loc[rows], metric) for own, metric in frames))

    def gain(self, rows: int) -> str:
        """What one size gains over all fields in AUC and log-loss, in words."""
        return f"AUC {with_interval(self.auc.loc[rows])}, log-loss {with_interval(self.loss.loc[rows])}"


def _declines(v: Sizes) -> CasesFound:
    falls = [v.below(b, a, "test_auc") for a, b in v.steps]
    worse = [v.below(a, b, "test_logloss") for a, b in v.steps]
    means = ", ".join(f"{part.test_auc.mean():.4f} with {rows:,}" for rows, part in v.runs.items())
    cases = [
        Case(f"to {b:,}", "", all_of(fall, loss), means)
        for (_, b), fall, loss in zip(v.steps, falls, worse, strict=True)
    ]
    return CasesFound(
        cases,
        f"of {len(cases)} steps AUC falls in {falls.count(True)}, climbs in {falls.count(False)}, the rest "
        f"are within error; {means}",
    )


def _stays_above(v: Sizes) -> CasesFound:
    figures = ", ".join(f"{with_interval(d)} with {rows:,}" for rows, d in v.auc.iterrows())
    return CasesFound([Case(f"{rows:,}", "", v.above(rows), v.gain(rows)) for rows in v.auc.index], figures)


def _gains_with_least(v: Sizes) -> CasesFound:
    least, _ = v.ends
    figures = v.gain(least)
    return CasesFound([Case(f"{least:,}", "", v.above(least), figures)], figures, {"least": least})


def _quicker_and_worse(v: Sizes) -> CasesFound:
    least, most = v.ends
    first, last = v.runs[least], v.runs[most]
    change = last.test_auc.mean() - first.test_auc.mean()
    figures = f"{last.TT.mean():.0f} s for {first.TT.mean():.0f} s; AUC {change:+.4f}"
    cases = [Case(column, "", v.below(most, least, column), figures) for column in ("TT", "test_auc")]
    return CasesFound(cases, figures, {"least": least, "most": most})


def _smaller_rest(_: Sizes) -> CasesFound:
    largest = max(published.pretrain_sizes())
    return CasesFound([], f"the paper's largest size is {largest:,} of 33 million training rows")


TESTS = (
    Test(
        ("4.4-6a",),
        "AUC falls and log-loss rises from each size to the next, by Welch's t at 95 % over seeds",
        _declines,
    ),
    Test(
        ("4.4-6b",),
        "AUC above and log-loss below those of all fields, 95 % intervals without 0, at each size",
        _stays_above,
    ),
    Test(("4.4-7",), "the same with the {least:,} rows that are the least", _gains_with_least),
    Test(
        ("4.4-8a",),
        "total processor time and AUC with {most:,} rows below those with {least:,}, by Welch's t at 95 % "
        "over seeds; of pretraining they have other steps, see the table",
        _quicker_and_worse,
    ),
    Test(
        ("4.4-9a",),
        "none: every size continues on all training rows here, so that only the pretraining differs",
        _smaller_rest,
    ),
)
