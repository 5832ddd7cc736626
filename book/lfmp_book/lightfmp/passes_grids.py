"""Passes of pretraining searched as the rate is, and what else the Light-FMP paper leaves open."""

from collections.abc import Sequence
from dataclasses import replace
from itertools import product
from typing import Any

from lfmp_core.budget import Budget
from lfmp_core.experiments.items import Arm, Grid, Item
from lfmp_core.experiments.profiles import by_profile
from lfmp_core.experiments.stages import FollowingGrid
from lfmp_core.masking import LITERAL as LITERAL_MASK
from lfmp_core.masking import MaskSettings
from lfmp_core.methods import LightFMPSettings, literal_settings

from ..evidence.results import ALL_FIELDS
from .chance_grids import CELLS, CLOSE, RECHECK, chance
from .grids import TABLE3_BACKBONES, backbone_for, dataset_for, rates_for, training_for
from .selection_grids import FRESH, SUBSET_SIZES

ITEM = "lightfmp_passes"
PASSES = (1, 2, 4, 16, 64, 125)
STEPS = 1_024  # of pretraining, that a candidate takes at most where rows are many
SEARCHED = ", passes searched"
FEW, PRINTED = f"Light-FMP, 2,000 rows{SEARCHED}", f"Light-FMP, as printed{SEARCHED}"
MANY = f"Light-FMP, 100,000 rows{SEARCHED}"
UNGATED = f"{FEW}, first-order weights without gates"
KEPT_AT_RANDOM = f"{FEW}, random fields"
CONSTANTS = (0.1, 1.0, 10.0)
# As the rivals' gates, these are on all that a field says: none of it is lost at the cut.
GATED = MaskSettings(gate_linear=True)
# Gates that stay where they were drawn: the choice is random and the weights are pretrained all the same.
STILL = MaskSettings(gate_linear=True, learning_rate=1e-12, multipliers="fixed", warm_up=0)


def _passes(profile: str) -> tuple[int, ...]:
    return by_profile(profile, quick=(1, 16), reference=PASSES, paper=PASSES)


def passes_within(rows: int, passes: Sequence[int] = PASSES) -> list[int]:
    """Those that take at most `STEPS` steps over so many rows, and one pass in any case."""
    steps = -(-rows // LightFMPSettings().pretrain_batch_size)
    return [count for count in passes if count == 1 or count * steps <= STEPS]


def _candidates(profile: str, passes: Sequence[int]) -> list[dict[str, float]]:
    rates = rates_for(profile, None)
    return [{**rate, "pretrain_passes": count} for rate, count in product(rates, passes)]


def constants(worth: float) -> str:
    """Label of the arm whose λ and φ stay at a constant."""
    return f"{PRINTED}, λ = φ = {worth:g}"


def by_passes(count: int) -> str:
    """Label of the arm of so many passes over 2,000 rows."""
    return f"Light-FMP, 2,000 rows × {count}"


def by_size(rows: int) -> str:
    """Label of the arm that pretrains on so many rows."""
    return f"Light-FMP, {rows:,} rows of all{SEARCHED}"


def _arm(label: str, settings: LightFMPSettings, ratio: float = 0.5, **other: Any) -> Arm:
    return Arm(label, "light_fmp", Budget(ratio), settings, **other)


def _grid(profile: str, backbones: Sequence[str], arms: Sequence[Arm], **own: Any) -> dict[str, Any]:
    return {
        "item": ITEM,
        "profile": profile,
        "dataset": dataset_for(profile, None),
        "backbones": [backbone_for(name, profile) for name in backbones],
        "arms": list(arms),
        "training": training_for(profile),
        "seeds": range(by_profile(profile, quick=2, reference=5, paper=3)),
        "recheck_seeds": RECHECK,
        "close": CLOSE,
        **own,
    }


def searched(profile: str = "quick", backbones: Sequence[str] = TABLE3_BACKBONES) -> list[Grid]:
    """Table 3 with passes searched: Light-FMP on 2,000 rows, as printed and repaired; on 100,000; all fields.

    The repaired readings have gates on first-order weights too, the printed one has not.
    """
    few = [_arm(FEW, LightFMPSettings(mask=GATED)), _arm(PRINTED, literal_settings())]
    rows = by_profile(profile, quick=8_000, reference=100_000, paper=100_000)
    many = LightFMPSettings(mask=GATED, pretrain_rows=rows, pretrain_batch_size=512, continue_on="all")
    long = by_profile(profile, quick=(1, 2), reference=(1, 2, 4), paper=(1, 2, 4))
    rates = rates_for(profile, None)
    return [
        Grid(**_grid(profile, backbones, few, candidates=_candidates(profile, _passes(profile)))),
        Grid(**_grid(profile, backbones, [_arm(MANY, many)], candidates=_candidates(profile, long))),
        Grid(**_grid(profile, backbones, [Arm(ALL_FIELDS, "no_selection")], candidates=rates)),
    ]


def choice_and_weights(profile: str, few: Grid, backbones: Sequence[str] = TABLE3_BACKBONES) -> list[Grid]:
    """Choice and weights, each by itself, at the passes and the pretraining rate that the search chose.

    The chosen fields with fresh weights, and random fields with pretrained ones: the gates of these don't
    learn, so that they keep the fields in the order in which the gates were drawn.
    """
    fresh = LightFMPSettings(mask=GATED, keep_weights=False)
    arms = {
        by_profile(profile, quick=2, reference=5, paper=3): _arm(FEW + FRESH, fresh, searched_as=FEW),
        by_profile(profile, quick=3, reference=10, paper=5): _arm(
            KEPT_AT_RANDOM, LightFMPSettings(mask=STILL), searched_as=FEW
        ),
    }
    taken = {"pretrain_passes": "pretrain_passes", "learning_rate": "pretrain_learning_rate"}
    return [
        FollowingGrid(
            **_grid(profile, backbones, [arm], seeds=range(seeds), candidates=rates_for(profile, None)),
            follows=few,
            taken=taken,
        )
        for seeds, arm in arms.items()
    ]


def each_number(profile: str = "quick") -> list[Grid]:
    """DeepFM at each number of passes, with the pretrained weights and with fresh ones (Figure 2b)."""
    rates, counts = rates_for(profile, None), _passes(profile)
    base = LightFMPSettings(mask=GATED)
    kept = [_arm(by_passes(n), base.model_copy(update={"pretrain_passes": n})) for n in counts]
    fresh = [
        _arm(
            arm.label + FRESH,
            base.model_copy(update={"pretrain_passes": n, "keep_weights": False}),
            searched_as=arm.label,
        )
        for n, arm in zip(counts, kept, strict=True)
    ]
    first = Grid(**_grid(profile, ["deepfm"], kept, candidates=rates))
    second = FollowingGrid(
        **_grid(profile, ["deepfm"], fresh, candidates=rates),
        follows=first,
        taken={"learning_rate": "pretrain_learning_rate"},
    )
    return [first, second]


def other_readings(profile: str = "quick") -> Grid:
    """DeepFM under the other readings of the mask: first-order weights without gates, λ and φ not 0."""
    literal = [
        _arm(constants(c), literal_settings(mask=LITERAL_MASK.model_copy(update={"start": (c, c)})))
        for c in CONSTANTS
    ]
    arms = [_arm(UNGATED, LightFMPSettings()), *literal]
    return Grid(**_grid(profile, ["deepfm"], arms, candidates=_candidates(profile, _passes(profile))))


def sizes(profile: str = "reference") -> list[Grid]:
    """Figure 2d with passes searched: each pretraining size on xDeepFM, at most `STEPS` steps."""
    base = LightFMPSettings(mask=GATED, continue_on="all")
    seeds = range(by_profile(profile, quick=1, reference=3, paper=3))
    return [
        Grid(
            **_grid(
                profile,
                ["xdeepfm"],
                [_arm(by_size(rows), base.model_copy(update={"pretrain_rows": rows}))],
                seeds=seeds,
                candidates=_candidates(profile, passes_within(rows)),
            )
        )
        for rows in SUBSET_SIZES
    ]


def other_ratios(profile: str, few: Grid) -> Grid:
    """Figures 2c and 3 with passes searched: other prune ratios on xDeepFM, settings as chosen at τ = .5."""
    arms = [replace(arm, budget=Budget(ratio)) for arm, ratio in product(few.arms, (0.0, 0.25, 0.75))]
    own = _grid(profile, ["xdeepfm"], arms, seeds=range(3), candidates=({},), picks=few)
    return Grid(**own)


def passes(profile: str = "quick") -> list[Grid]:
    """All of it, what decides most first; and the draws of random fields that it stands against."""
    backbones = by_profile(profile, quick=("deepfm",), reference=TABLE3_BACKBONES, paper=("deepfm",))
    if profile == "quick":
        grids = searched(profile, backbones)
        return [*chance(profile), *grids, *choice_and_weights(profile, grids[0], backbones)]
    on_criteo = [cell for cell in CELLS if cell.dataset == "criteo"]
    few, many, whole = searched(profile, backbones)
    return [
        *chance(profile, cells=on_criteo),
        whole,
        few,
        many,
        *choice_and_weights(profile, few, backbones),
        *each_number(profile),
        other_readings(profile),
        other_ratios(profile, few),
        *sizes(profile),
    ]


ITEMS = [
    Item(
        ITEM,
        "lightfmp_robustness",
        "Light-FMP with passes searched, choice and weights apart, other readings",
        {profile: passes(profile) for profile in ("quick", "reference")},
        against=(FEW + FRESH, *(by_passes(count) + FRESH for count in PASSES)),
    )
]
