"""What kind of field a column is, guessed from its first rows, with the reason in a word."""

import re
from typing import Literal, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from .discretise import TRANSFORMS
from .notices import Notice
from .schema import Kind

# bounds on the different whole numbers of a column: up to _FEW they are codes, beyond _MANY few amounts are
_FEW, _MANY = 50, 1000
_EXACT = 2.0**53
_EVEN = 0.1
_WHOLE = r"^-?\d+$"
_NUMBER = r"^[+-]?(\d+\.?\d*([eE][+-]?\d+)?|\.\d+([eE][+-]?\d+)?|(?i:inf(inity)?))$"
_NAMING = {
    "asin", "code", "codes", "cookie", "ean", "guid", "hash", "hashes", "idx", "ids", "index", "ip", "isbn",
    "key", "md5", "postal", "sha1", "sku", "upc", "uuid", "zip",
}  # fmt: skip
# nouns whose numbers name things where they are the whole name; in `item_price` and `per_user` they are not
_THINGS = {
    "advertiser", "article", "brand", "campaign", "category", "city", "client", "country", "customer",
    "device", "item", "member", "merchant", "page", "place", "product", "publisher", "seller", "shop", "site",
    "store", "user", "vendor", "visitor",
}  # fmt: skip
# English words that end like that and name nothing
_WORDS = {
    "acid", "aid", "arid", "avid", "bid", "covid", "decode", "did", "encode", "fluid", "grid",
    "hid", "hybrid", "invalid", "kid", "laid", "lid", "liquid", "mid", "paid", "prepaid", "raid",
    "rapid", "rid", "said", "solid", "unpaid", "valid", "void",
}  # fmt: skip


class Guess(NamedTuple):
    """A kind and why; `remedy` says what to give instead: a warning, unless the kind is `sure`."""

    kind: Kind
    why: str
    remedy: str = ""
    sure: bool = False

    def notice(self, name: str) -> Notice:
        """The guess as it is told."""
        level: Literal["note", "warning"] = "warning" if self.remedy and not self.sure else "note"
        return Notice(level, name, f"read as {self.kind}: {self.why}", self.remedy)


def names_an_id(name: str) -> bool:
    """Whether a column's name says that its numbers name things: user_id, userId, ZIP, Visitor, …"""
    words = [word.lower() for word in re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+\d*|\d+", name)]
    return (len(words) == 1 and words[0] in _THINGS) or any(
        word in _NAMING or (word.endswith(("id", "zip", "code", "hash")) and word not in _WORDS)
        for word in words
    )


def guess(name: str, unique: pa.StringArray, rows: int, numeric: str = "ln_squared") -> Guess:
    """The kind of a column.

    Args:
        unique: the different canonical texts of its first rows, "" for a missing value.
        rows: how many rows these were.
        numeric: what becomes of integers (`PrepareSettings.numeric`), which the reason of such a kind says.
    """
    present = unique.filter(pc.not_equal(unique, ""))
    if not len(present):
        return Guess("categorical", "no value in the first rows")
    numbers = pc.match_substring_regex(present, _NUMBER)
    if not pc.all(numbers).as_py():
        return _text(name, present, numbers)
    if pc.all(pc.match_substring_regex(present, _WHOLE)).as_py():
        return _whole(name, present, rows, numeric)
    if names_an_id(name):
        odd = present.filter(pc.invert(pc.match_substring_regex(present, _WHOLE)))[0].as_py()
        return Guess("scalar", f"named like an id, but not all whole ({odd})", f"--kind {name}=categorical")
    return Guess("scalar", "numbers, not all whole")


def _text(name: str, present: pa.StringArray, numbers: pa.BooleanArray) -> Guess:
    if pc.all(pc.is_in(present, pa.array(["true", "false"]))).as_py():
        return Guess("categorical", "true and false")
    others = present.filter(pc.invert(numbers))
    share, one = 1 - len(others) / len(present), others[0].as_py()
    if len(present) > _FEW and not names_an_id(name):
        if pc.all(pc.match_substring_regex(others, r"^-?\d+,\d+$")).as_py():
            return Guess(
                "categorical",
                f"decimal commas ({one!r}) make it text",
                "Write decimal points to have numbers",
            )
        if share >= 0.9:
            return Guess(
                "categorical",
                f"numbers, but for {one!r}",
                f"If that means a missing value: --missing {one!r}",
            )
    return Guess("categorical", "text")


def _whole(name: str, present: pa.StringArray, rows: int, numeric: str) -> Guess:
    different = len(present)
    if names_an_id(name):
        return Guess("categorical", "named like an id")
    if pc.any(pc.match_substring_regex(present, r"^-?0\d")).as_py():
        return Guess("categorical", "leading zeros, as codes have")
    values = np.sort(pc.cast(present, pa.float64()).to_numpy())
    if np.abs(values[[0, -1]]).max() > _EXACT:
        return Guess("categorical", "whole numbers beyond 2^53, as hashes are")
    if different <= _FEW:
        return Guess("categorical", f"at most {_FEW} different whole numbers")
    binned, names = _binned(values, numeric), f"--kind {name}=categorical if they name things"
    if different <= _MANY:
        return Guess("integer", f"{different:,} different whole numbers{binned}", names, sure=True)
    many = f"{different:,} different whole numbers in {rows:,} rows"
    if different > rows / 4:
        return Guess("categorical", f"{many}, more than amounts have", f"--kind {name}=integer if it counts")
    if _even(values):
        return Guess(
            "categorical", f"{many}, spread evenly as ids are", f"--kind {name}=integer if it counts"
        )
    return Guess("integer", f"{many}{binned}", names)


def _binned(values: np.ndarray, numeric: str) -> str:
    """Into how few categories whole numbers fall; nothing where they stay numbers."""
    if numeric not in TRANSFORMS:
        return ""
    return f", which fall into {len(np.unique(TRANSFORMS[numeric](values.astype(np.int64)))):,} bins"


def _even(values: np.ndarray) -> bool:
    """Whether sorted values [k] lie like draws of a uniform: their largest distance to it is below 0.1."""
    level = (values - values[0]) / (values[-1] - values[0])
    return bool(np.abs(level - np.linspace(0, 1, len(values))).max() < _EVEN)
