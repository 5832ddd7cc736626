"""The data sets of reference and quick runs, pinned, so that records can be read where the data is not."""

from lfmp_core.data import MovieLensSettings, PlantedSettings, PrepareSettings
from lfmp_core.experiments.executor import dataset_ref
from lfmp_core.experiments.spec import DatasetRef, plain

# The public 137,139-row sample; pinned, so that its records can be read where the data is not.
CRITEO_SAMPLE = DatasetRef(
    name="criteo",
    settings=plain(PrepareSettings(threshold=4, numeric_threshold=4)),
    fingerprint="e159ddfa48943d2439ebdc8470e793df04c7df6ce429f3578533760c8e56c2eb",
)


def planted_ref(rows: int = 12_000, seed: int = 0) -> DatasetRef:
    """Planted data in Criteo's shape, generated on first use."""
    return dataset_ref("planted", PrepareSettings(threshold=4), PlantedSettings(rows=rows, seed=seed))


AVAZU = DatasetRef(
    name="avazu",
    settings=plain(PrepareSettings(threshold=2, numeric_threshold=2)),
    fingerprint="035b24ea3fd388ced18765e0aa68c2fa00f1db5d720b04459ee143230d6792b4",
)


# genres as one value, as the paper's few fields suggest
ML_1M = DatasetRef(
    name="ml-1m",
    settings=plain(MovieLensSettings(threshold=1, numeric_threshold=1, genres="combined")),
    fingerprint="e2edeb9ce75220ed021e78bdcc568e0681a9116d4e42a97eb326d26893f21cae",
)
