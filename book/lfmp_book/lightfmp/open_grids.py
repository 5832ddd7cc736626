"""What the page of open questions runs: what the Light-FMP paper leaves open, one change at a time."""

from lfmp_core.budget import Budget
from lfmp_core.experiments.items import Arm, Grid, Item
from lfmp_core.experiments.profiles import PROFILES, by_profile
from lfmp_core.experiments.spec import plain
from lfmp_core.methods import LightFMPSettings
from lfmp_core.methods.light_fmp_stream import StreamSettings
from lfmp_core.methods.regrow import RegrowSettings

from .grids import backbone_for, base_arms, dataset_for, rates_for, training_for

TOLERANCE = 1e-3  # nats a row


def open_questions(profile: str = "quick", *, seeds: int | None = None) -> Grid:
    """DeepFM at τ = .5: Light-FMP on 2,000 rows and in one pass, and each with one thing changed."""
    _, few, once, twin = base_arms(profile, 0.5)
    arms = [Arm("all fields", "no_selection"), few]
    for kind, word in (("coverage", "covering rows"), ("coreset", "coreset rows")):
        chosen = LightFMPSettings.model_validate({**plain(few.method_settings), "subset": kind})
        arms.append(Arm(f"{few.label}: {word}", "light_fmp", Budget(0.5), chosen))
    for base in (few, once):
        own = plain(base.method_settings)
        if base is once:
            arms.append(once)
        found = LightFMPSettings.model_validate({**own, "tolerance": TOLERANCE})
        arms.append(Arm(f"{base.label}: τ found, at most .75", "light_fmp", Budget(0.75), found))
        back = RegrowSettings.model_validate(own)
        arms.append(Arm(f"{base.label}: fields taken back", "light_fmp_regrow", Budget(0.5), back))
    arms += [Arm("Light-FMP, stream", "light_fmp_stream", Budget(0.5), StreamSettings()), twin]
    return Grid(
        item="lightfmp_open_questions",
        profile=profile,
        dataset=dataset_for(profile, None),
        backbones=[backbone_for("deepfm", profile)],
        arms=arms,
        training=training_for(profile),
        seeds=range(seeds or by_profile(profile, quick=1, reference=5, paper=3)),
        candidates=rates_for(profile, (3e-4, 1e-3, 3e-3) if profile == "reference" else None),
    )


ITEMS = [
    Item(
        "lightfmp_open_questions",
        "lightfmp_open_questions",
        "the subset chosen, τ found, fields taken back, one stream",
        {profile: open_questions(profile) for profile in PROFILES},
        against=("Light-FMP, 2,000 rows", "Light-FMP, one pass"),
    )
]
