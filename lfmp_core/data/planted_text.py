"""Planted data as a file in Criteo's format."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv as pacsv
from tqdm import tqdm

from ..folders import fresh_folder
from ..ownership import FolderKind
from ..settings import canonical_json
from .planted import NAMES, PlantedSettings, blocks, integer_values, make_plan, truth_by_name
from .sources import CRITEO_INTEGERS

TEXT, TRUTH = "train.txt", "truth.json"
PLANTED = FolderKind("planted text", TRUTH, frozenset({"informative", "oracle_auc"}), (TEXT, TRUTH))


def _texts(field: int, size: int, seed: int) -> pa.Array:
    """Text of each value, a missing one's last: integers, or eight hex digits that differ between fields."""
    if field < len(CRITEO_INTEGERS):
        texts = [str(v) for v in integer_values(size)]
    else:
        # an odd multiplier permutes the 32-bit numbers, so no two values of a field share a text
        numbers = (np.arange(size, dtype=np.uint64) * 2654435761 + 40503 * (field + 1) + seed) % (1 << 32)
        texts = [f"{v:08x}" for v in numbers.tolist()]
    return pa.array([*texts, None])


def write_planted(folder: Path, settings: PlantedSettings | None = None, progress: bool = True) -> Path:
    """Write train.txt in Criteo's format and truth.json into folder, block by block; the path.

    Raises:
        DataError: the folder holds anything but older planted text.
    """
    settings = settings or PlantedSettings()
    with fresh_folder(folder, PLANTED) as target:
        plan = make_plan(settings)
        texts = [_texts(f, int(n), settings.seed) for f, n in enumerate(plan.sizes)]
        layout = pa.schema([("label", pa.string()), *((name, pa.string()) for name in NAMES)])
        options = pacsv.WriteOptions(
            include_header=False, delimiter="\t", quoting_style="none", batch_size=4096
        )
        label_texts = pa.array(["0", "1"])
        bar = tqdm(
            total=settings.rows,
            desc="plant",
            unit=" rows",
            unit_scale=True,
            disable=not progress,
            leave=False,
        )
        with bar, pacsv.CSVWriter(str(target / TEXT), layout, write_options=options) as writer:
            for labels, values in blocks(plan):
                columns = [text.take(pa.array(v)) for text, v in zip(texts, values, strict=True)]
                writer.write_table(pa.table([label_texts.take(pa.array(labels)), *columns], schema=layout))
                bar.update(len(labels))
        (target / TRUTH).write_text(canonical_json(truth_by_name(plan)) + "\n")
    return Path(folder) / TEXT
