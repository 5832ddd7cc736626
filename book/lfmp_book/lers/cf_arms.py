"""What the LERS pages on collaborative filtering train: sets, recommenders, methods, and how each learns."""

from typing import Any

from lfmp_core.data import InteractionSettings, PlantedInteractionSettings
from lfmp_core.experiments.executor import reference_to_pairs
from lfmp_core.experiments.items import Arm
from lfmp_core.experiments.profiles import by_profile
from lfmp_core.experiments.search import Interval
from lfmp_core.experiments.spec import DatasetRef, plain
from lfmp_core.models.lightgcn import LightGCNSettings
from lfmp_core.models.neumf import NeuMFSettings
from lfmp_core.models.recommender import RecommenderSettings
from lfmp_core.training.pairs import PairTrainingSettings

from ..arguments import settings_of
from ..evidence.datasets import title
from .grids import SMALLER, SMALLER_IN_BYTES, budget_of

# as LightGCN split them, a tenth of each user's training pairs held out; pinned, so that records can be read
# where the data is not
_SPLIT = plain(InteractionSettings())
SETS = {
    "gowalla": DatasetRef(
        name="gowalla",
        settings=_SPLIT,
        fingerprint="88327526d0b7fa104fc4c6d3d0dfe133d6f13ae021acca58aed894b98ae90e88",
    ),
    "yelp2018": DatasetRef(
        name="yelp2018",
        settings=_SPLIT,
        fingerprint="1be0220d25a8a5d121bd5788ff03af2a6e44997e70d84f373b9d9644ea6f1719",
    ),
}
# of fewer users or items QR can't have a twentieth of the numbers
PLANTED = PlantedInteractionSettings(users=1600, items=1600, blocks=16)
# lists of more than twenty test items, without which both conventions of recall are one
LONG = PlantedInteractionSettings(users=400, items=800, blocks=4, least_pairs=20, mean_pairs=60.0)
HALVES = InteractionSettings(shares=(4, 1, 5))
RECOMMENDERS = ("lightgcn", "neumf")
TITLES = {"lightgcn": "LightGCN", "neumf": "NeuMF", **{name: title(name) for name in SETS}}

# label → method and its settings: the seven of LERS, and the baseline of equal numbers and of equal bytes;
# DHE, which takes longest, runs last
METHODS: dict[str, tuple[str, dict[str, Any]]] = {
    "QR": ("table", {"table": "qr"}),
    "TT-Rec": ("table", {"table": "tt_rec"}),
    "PEP": ("pep", {}),
    "OptEmbed-D": ("optembed_d", {}),
    "CERP": ("cerp", {}),
    "MagPrune": ("magprune", {"row_minimum": None}),
    SMALLER: ("smaller_dense", {}),
    SMALLER_IN_BYTES: ("smaller_dense", {}),
    "DHE": ("table", {"table": "dhe", "table_settings": {"hashes": 128}}),
}
# shorter searches, for seconds
_QUICK_METHODS: dict[str, dict[str, Any]] = {
    "OptEmbed-D": {"search_epochs": 2, "fitness_users": 256, "evolution": {"generations": 2}},
    "MagPrune": {"fitness_users": 256},
}

# what a recommender has to beat to be worth its training, and how it is tuned as long as the others
POPULARITY, IALS, IALS_OWN_SIZE = "popularity", "iALS", "iALS, own size"
CONTROLS = (POPULARITY, IALS, IALS_OWN_SIZE)
IALS_SPACE = {
    "confidence": Interval(low=3.0, high=300.0, log=True),
    "regularisation": Interval(low=3.0, high=1000.0, log=True),
}


def compressions(profile: str, sparsity: float) -> list[Arm]:
    """Every method at one sparsity."""
    changes = by_profile(profile, quick=_QUICK_METHODS, reference={}, paper={})
    return [
        Arm(
            label,
            method,
            budget_of(label, sparsity),
            settings_of(method, {**own, **changes.get(label, {})}),
        )
        for label, (method, own) in METHODS.items()
    ]


def recommender_for(name: str, dataset: str, profile: str) -> RecommenderSettings:
    """LERS Table 4: D = 64 for LightGCN, whose layers it searches; four tables of 32 for NeuMF.

    Four layers are its code's for Gowalla; on Yelp2018 three did better on validation. Rows of 32 are the
    shortest at which OptEmbed-D has widths to choose among at 95 %.
    """
    quick = by_profile(profile, quick=True, reference=False, paper=False)
    if name == "lightgcn":
        layers = 2 if quick else {"gowalla": 4, "yelp2018": 3}.get(dataset, 3)
        return LightGCNSettings(embedding_dim=32 if quick else 64, layers=layers)
    return NeuMFSettings(embedding_dim=32, hidden=(16, 8)) if quick else NeuMFSettings(embedding_dim=32)


def training_for(
    name: str, profile: str, *, sparsity: float = 0.0, final: bool = False
) -> PairTrainingSettings:
    """At most 40 epochs in LERS, which takes the best of them; the reference has 16 of a trial, 24 of a final
    training, and stops when validation NDCG has not risen for some, since LightGCN's first look like failure.

    The reference's batch is eight times the paper's: propagation costs the same whatever the batch.

    Args:
        name: of the recommender.
        sparsity: of what is trained. Under much InfoNCE a table that was cut before falls for some epochs
            before it rises, for more of them the fewer numbers it has.
        final: of a training with values that were chosen; else of a trial.
    """
    negatives = 1 if name == "lightgcn" else 4
    patience = {0.0: 4, 0.5: 8}.get(sparsity, 16) if name == "lightgcn" else 3
    return by_profile(
        profile,
        quick=PairTrainingSettings(
            learning_rate=2e-2,
            l2=1e-3,
            batch_size=256,
            epochs=4,
            negatives=1,
            patience=4,
            validation_users=256,
        ),
        reference=PairTrainingSettings(
            batch_size=16_384,
            epochs=24 if final else 16,
            negatives=negatives,
            patience=patience,
            contrast_rows=4096,
        ),
        paper=PairTrainingSettings(batch_size=2048, epochs=40, patience=40, negatives=negatives),
    )


def set_for(name: str, profile: str) -> Any:
    """Pairs of one half of Table 6."""
    return by_profile(
        profile,
        quick=lambda: reference_to_pairs("planted_interactions", planted=PLANTED),
        reference=SETS[name],
        paper=SETS[name],
    )
