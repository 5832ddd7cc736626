"""Light-FMP's arms and backbones as pages name them, and its sentences asked of each of its readings."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pandas as pd

from lfmp_core.metrics import AUC, Metric

from ..claims.claim import Claim
from ..claims.test import Asked, Test, claims_of

LITERAL, FEW, ONE_PASS = "Light-FMP, as printed", "Light-FMP, 2,000 rows", "Light-FMP, one pass"
STREAM = "Light-FMP, stream"  # its gates are learnt while training begins
OURS = (LITERAL, FEW)  # the paper's own
BEYOND = (ONE_PASS,)  # of the book's own making: shown beside the others, without a say
BACKBONES = {"xdeepfm": "xDeepFM", "deepfm": "DeepFM", "wide_deep": "Wide&Deep", "pnn": "PNN", "dnn": "DNN"}


@dataclass(frozen=True)
class Reading:
    """One arm among the records that a page shows.

    Attributes:
        arm: its label. reference: see `results.frame`. compared: see `results.compare`.
    """

    arm: str
    reference: pd.DataFrame
    compared: pd.DataFrame

    @property
    def runs(self) -> pd.DataFrame:
        """Its own."""
        return self.reference[self.reference.arm == self.arm]

    def against(self, other: str, metric: Metric = AUC) -> pd.DataFrame:
        """How it compares with another arm, a row for each backbone or prune ratio."""
        c = self.compared
        return c[(c.arm == self.arm) & (c.against == other) & (c.metric == metric.name)]


def readings(reference: pd.DataFrame, compared: pd.DataFrame) -> dict[str, Reading]:
    """The arms of Light-FMP among some records, in their order."""
    arms = [arm for arm in reference.arm.unique() if arm.startswith("Light-FMP")]
    return {arm: Reading(arm, reference, compared) for arm in arms}


def judged(item: str, tests: Sequence[Test[Asked]], asked: Mapping[str, Asked]) -> list[Claim]:
    """What some tests say of the paper's sentences, test by test; see `claims_of`."""
    return claims_of("lightfmp", item, tests, asked, BEYOND)


def judged_by_arm(item: str, tests: Sequence[Test[Asked]], asked: Mapping[str, Asked]) -> list[Claim]:
    """The same, arm by arm."""
    return [claim for arm, own in asked.items() for claim in judged(item, tests, {arm: own})]
