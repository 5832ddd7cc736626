"""Labels of one's own table: what counts as a click."""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from .columns import REFUSED

CLASSES = (("0", "false", "f", "no", "n", "off"), ("1", "true", "t", "yes", "y", "on"))
_SHOWN = 6


@dataclass(frozen=True)
class Truth:
    """The usual spellings of a truth value, in any case; or what is named positive, and the rest not.

    Attributes:
        positive: canonical texts that count as a click; empty for the usual spellings.
    """

    positive: tuple[str, ...] = ()

    def __call__(self, unique: pa.StringArray) -> np.ndarray:
        """0, 1 or REFUSED of each canonical text: uint8 [k]. A missing label is always refused."""
        if self.positive:
            chosen = pc.is_in(unique, pa.array(self.positive)).to_numpy(zero_copy_only=False)
            missing = pc.equal(unique, "").to_numpy(zero_copy_only=False)
            return np.where(missing, REFUSED, chosen).astype(np.uint8)
        lower, out = pc.utf8_lower(unique), np.full(len(unique), REFUSED, np.uint8)
        for label, spellings in enumerate(CLASSES):
            out[pc.is_in(lower, pa.array(spellings)).to_numpy(zero_copy_only=False)] = label
        return out

    def remedy(self, text: str, unique: pa.StringArray) -> str:
        """What to do about a refused label, with the values found beside it."""
        if text == "":
            return "Fill it in, or remove the row"
        found = sorted(text for text in unique.to_pylist() if text)
        shown = ", ".join(map(repr, found[:_SHOWN])) + (", …" if len(found) > _SHOWN else "")
        pairs = ", ".join("/".join(pair) for pair in zip(*CLASSES, strict=True))
        return (
            f"Labels are {pairs}; for others, --positive VALUE (positive= in Python) says what counts as a "
            f"click. Values here: {shown}"
        )
