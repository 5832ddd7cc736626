"""What the page on serving runs: the accuracy of forms that no other page has, on Criteo's sample."""

from dataclasses import replace

from lfmp_core.experiments.items import Arm, Grid, Item

from ..evidence.results import ALL_FIELDS
from ..lers import grids as lers
from ..lightfmp.arms import ONE_PASS
from ..lightfmp.grids import fig3

ITEM = "serving_latency"
SET, BACKBONE = "criteo", "deepfm"
BITS = ("int8", "int4")


def forms(profile: str) -> list[Grid]:
    """DeepFM as Table 5 of LERS has it, its table in few bits; as Table 3 of Light-FMP has it, with fewer
    fields.

    The originals are cells of those tables, and so are the searches that decide for the others.
    """
    (found,) = lers.table5(profile, sets=SET, backbones=BACKBONE, arms=[lers.ORIGINAL])
    few = [arm for arm in lers.rounded() if arm.label in BITS]
    rounded = replace(found, item=ITEM, arms=[Arm(lers.ORIGINAL, "no_selection"), *few])
    whole, cut = fig3(profile, backbone=BACKBONE)
    fields = [arm for arm in whole.arms if arm.label == ALL_FIELDS]
    ratios = [arm for arm in cut.arms if arm.label == ONE_PASS and arm.budget.share]
    return [rounded, replace(whole, item=ITEM, arms=fields), replace(cut, item=ITEM, arms=ratios)]


ITEMS = [
    Item(
        ITEM,
        "serving_latency",
        "what tables in few bits and fewer fields lose in accuracy",
        {"reference": forms("reference")},
        against=(lers.ORIGINAL,),
    )
]
