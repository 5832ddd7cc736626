"""Does Light-FMP's distance to all fields close as rows grow? A few arms at several numbers of rows."""

from collections.abc import Sequence
from typing import Any

from lfmp_core.budget import Budget
from lfmp_core.data import PlantedSettings, PrepareSettings
from lfmp_core.experiments.chance import LEAST as DRAWS
from lfmp_core.experiments.executor import cut_to
from lfmp_core.experiments.items import Arm, Grid, Item
from lfmp_core.experiments.spec import DatasetRef, plain
from lfmp_core.methods import LightFMPSettings
from lfmp_core.methods.light_fmp_stream import StreamSettings

from ..arguments import settings_of
from ..evidence.results import ALL_FIELDS, RANDOM_FIELDS
from ..sets import CRITEO_SAMPLE, ML_1M, planted_ref
from .grids import ONE_PASS, at_most, rates_for, training_for
from .passes_grids import FEW, GATED
from .selection_grids import backbone_on

ITEM = "lightfmp_rows"
CRITEO_ROWS, MOVIELENS_ROWS = (10_000, 30_000, 109_711), (10_000, 60_000, 800_171)
PLANTED_ROWS, TEST_ROWS = (100_000, 1_000_000, 10_000_000), 20_000
ROWS = {"criteo": CRITEO_ROWS, "ml-1m": MOVIELENS_ROWS, "planted": PLANTED_ROWS}
ONE_LOOK, STREAM = "Light-FMP, one pass", "Light-FMP, stream"


def planted_of_rows(rows: int) -> DatasetRef:
    """So many planted rows, generated when a run first asks for them; to read records none is needed.

    `TEST_ROWS` of them each are for validation and for the test, however many there are.
    """
    prepare = PrepareSettings(threshold=4, shares=(rows // TEST_ROWS - 2, 1, 1))
    settings = {**plain(prepare), "planted": plain(PlantedSettings(rows=rows))}
    return DatasetRef(name="planted", settings=settings)


def curve_rows(ref: DatasetRef) -> int:
    """Rows of a set of this item, by its reference: training rows, and of planted sets all."""
    if "planted" in ref.settings:
        return int(ref.settings["planted"]["rows"])
    return int(ref.settings["rows"]["train"]) if "rows" in ref.settings else CRITEO_ROWS[-1]


def _set(name: str, rows: int) -> DatasetRef:
    if name == "planted":
        return planted_of_rows(rows)
    whole = CRITEO_SAMPLE if name == "criteo" else ML_1M
    cut = {"val": 20_000} if name == "ml-1m" else {}
    return cut_to(whole, {"train": rows, **cut}) if cut or rows < CRITEO_ROWS[-1] else whole


def _grids(profile: str, name: str, dataset: Any, rows: int, passes: Sequence[int]) -> list[Grid]:
    """The arms on one set: those that pretrain look at no more rows than there are.

    Args:
        rows: see `curve_rows`.
    """
    if name == "planted":
        rows //= 2  # the others are not all for training
    once = at_most(rows, ONE_PASS.model_copy(update={"mask": GATED}))
    few = at_most(rows // 2, LightFMPSettings(mask=GATED))
    half = Budget(0.5)
    rates = rates_for(profile, "0.001" if name == "planted" else "0.001,0.003")
    own: dict[str, Any] = {
        "item": ITEM,
        "profile": profile,
        "dataset": dataset,
        "backbones": [backbone_on(name, "deepfm", profile)],
        "training": training_for(profile),
        "seeds": range(2 if name == "planted" else 3),
    }
    arms = [
        Arm(ALL_FIELDS, "no_selection"),
        Arm("Lasso", "lasso", half, settings_of("lasso", {})),
        Arm(ONE_LOOK, "light_fmp", half, once),
        Arm(STREAM, "light_fmp_stream", half, StreamSettings()),
    ]
    draws = 5 if name == "planted" else DRAWS
    tried = [{**rate, "pretrain_passes": n} for rate in rates for n in passes]
    twin = Arm(RANDOM_FIELDS, "random_fields", half)
    return [
        Grid(**own, arms=arms, candidates=rates),
        Grid(**own, arms=[Arm(FEW, "light_fmp", half, few)], candidates=tried),
        Grid(**{**own, "seeds": range(draws)}, arms=[twin], candidates=rates),
    ]


def curve(profile: str = "quick") -> list[Grid]:
    """DeepFM at τ = .5 on Criteo, MovieLens-1M and planted rows, from few rows to many.

    All test rows stay, whatever is cut. On planted rows the rate is one for all arms, and five draws stand
    for random fields, since ten million rows take minutes a run.
    """
    if profile == "quick":
        return [
            grid
            for rows in (3_000, 12_000)
            for grid in _grids(profile, "planted", _quick(rows), rows, (1, 16))
        ]
    # the largest last: they take longest
    cases = sorted((rows, name) for name, many in ROWS.items() for rows in many)
    found = []
    for rows, name in cases:
        passes = (1, 16) if name == "planted" else (1, 16, 125)
        found += _grids(profile, name, _set(name, rows), rows, passes)
    return found


def _quick(rows: int) -> Any:
    return lambda: planted_ref(rows)


ITEMS = [
    Item(
        ITEM,
        "lightfmp_robustness",
        "the distance to all fields as rows grow",
        {profile: curve(profile) for profile in ("quick", "reference")},
    )
]
